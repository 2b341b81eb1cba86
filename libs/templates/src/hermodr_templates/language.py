"""The filters and methods of templates: what passes the check at saving is exactly what is rendered."""

ALLOWED_FILTERS = frozenset(
    (
        "abs", "batch", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "filesizeformat", "first",
        "float", "forceescape", "format", "groupby", "int", "items", "join", "last", "length", "list", "lower", "map",
        "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "sort",
        "string", "striptags", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode",
        "wordcount",
    )
)  # fmt: skip
"""Jinja's filters, without those that turn a short text into a long one unmetered, or reach beyond the data."""

_SAME = {
    "capitalize": "capitalize", "format": "format", "items": "items", "join": "join(', ')", "lower": "lower",
    "lstrip": "trim", "replace": "replace('old', 'new')", "reverse": "reverse", "rstrip": "trim", "sort": "sort",
    "strip": "trim", "title": "title", "upper": "upper", "casefold": "lower", "keys": "list", "trim": "trim",
    "toUpperCase": "upper", "toLowerCase": "lower", "toFixed": "round(2)", "size": "length",
    "length": "length", "len": "length", "copy": "list", "format_map": "format",
}  # fmt: skip
_OTHERWISE = {
    "values": "loop over `x|items`: {% for key, value in x|items %}",
    "get": "write `x.key|default('…')`",
    "startswith": "compare `x[:3] == 'abc'`",
    "endswith": "compare `x[-3:] == 'abc'`",
    "count": "there is the filter `length`",
    "find": "ask `'part' in x`",
    "index": "ask `'part' in x`",
    "split": "send a list in the data",
    "strftime": "send the date in the data as it is to be read",
    "isoformat": "send the date in the data as it is to be read",
}
_CHANGING = ("append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update")


def instead_of(method: str) -> str:
    """What to write instead of this method call, as the end of a sentence; empty for unknown names."""
    if method in _SAME:
        return f": instead of .{method}() write `|{_SAME[method]}`"
    if method in _OTHERWISE:
        return f": instead of .{method}() {_OTHERWISE[method]}"
    if method in _CHANGING:
        return f": .{method}() is not there, data cannot be changed; a namespace() can"
    return ""
