"""Times as Python has them: years 1 to 9999. PostgreSQL's go further both ways and have no end (`infinity`), and the
driver fails at a whole answer for one that is beyond. SQL by hand, or a dump, may put such a time anywhere."""

FIRST = "timestamptz '0001-01-01 00:00:00+00'"
LAST = "timestamptz '9999-12-31 23:59:59.999999+00'"


def readable(column: str) -> str:
    """The column's time, or the nearest one that can be read."""
    return f"CASE WHEN {column} IS NOT NULL THEN least(greatest({column}, {FIRST}), {LAST}) END"
