"""What templates may use: what is let in when it is saved is exactly what is rendered."""

ALLOWED_FILTERS = frozenset(
    (
        "abs", "batch", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "filesizeformat", "first",
        "float", "forceescape", "format", "groupby", "int", "items", "join", "last", "length", "list", "lower", "map",
        "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "sort",
        "string", "striptags", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode",
        "wordcount",
    )
)  # fmt: skip
"""Those of Jinja's filters that cannot make a long text of a short one unseen, nor reach what is not theirs."""
