"""How long something is kept, as settings say it."""

import re
from datetime import timedelta

_HOURS = {"h": 1, "d": 24}


def kept(value: object, *, digits: int = 5) -> object:
    """`7d` or `36h` as a duration; what is no text is left as it is. Raises `ValueError`, also for a number of more
    digits."""
    if not isinstance(value, str):
        return value
    written = re.fullmatch(rf"([1-9][0-9]{{0,{digits - 1}}})([dh])", value)
    if written is None:
        raise ValueError("is not a duration such as 7d or 36h")
    return timedelta(hours=int(written[1]) * _HOURS[written[2]])
