"""Which JSON values are kept exactly; all others are refused. Client and SQL have copies, which a test compares."""

DEEPEST = 100
"""Nested objects and arrays, the outermost one counted."""

MOST_DIGITS = 4_300
"""Of a whole number: Python's default for text (`sys.int_info.default_max_str_digits`)."""

GREATEST_DOUBLE = 1.7976931348623157e308
"""Other numbers are IEEE 754 binary64, in their shortest decimal form: RFC 8259 §6, RFC 7493 §2.2."""

WHOLE_FROM = 1e16
"""Numbers from here on are kept as whole ones: PostgreSQL's numeric does not tell `1e16` from its 17 digits."""

FRACTION_DIGITS = 6
"""Of a second, as in PostgreSQL and Python. Times are of the years 1 to 9999, in UTC too. Texts hold no U+0000, which
PostgreSQL cannot store, and no surrogates."""
