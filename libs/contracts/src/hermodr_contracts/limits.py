"""What of a JSON text is kept: the one table for API, SQL, previews, filters, cursors, client and command line.

What fits is kept exactly; what does not is refused, never altered. The client imports nothing of ours and SQL cannot:
each has a copy, which `tests/contracts/test_limits.py` holds equal to this one.
"""

DEEPEST = 100
"""Objects and arrays within one another, the outermost one counted."""

MOST_DIGITS = 4_300
"""Of a whole number: what Python turns into text by default (`sys.int_info.default_max_str_digits`)."""

GREATEST_DOUBLE = 1.7976931348623157e308
"""Other numbers are those of IEEE 754 binary64 that have the shortest decimal form: RFC 8259 §6, RFC 7493 §2.2."""

WHOLE_FROM = 1e16
"""From here on a number written with a fraction or an exponent is a whole one all the same (every double is), and is
kept as such: PostgreSQL's numeric, which it passes through, makes no difference between `1e16` and its 17 digits."""

FRACTION_DIGITS = 6
"""Of a second: PostgreSQL's and Python's microseconds. Times are of the years 1 to 9999, in UTC too: the calendar that
Python, RFC 3339 and PostgreSQL have in common. Of texts all is kept but U+0000, which PostgreSQL has no place for, and
surrogates, which are no characters."""
