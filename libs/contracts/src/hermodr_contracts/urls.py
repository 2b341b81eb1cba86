"""URLs that may hold secrets."""

import re

_ORIGIN = re.compile(r"(https?://)(?:[^/?#]*@)?([^/?#@]+)", re.IGNORECASE)


def origin(url: str) -> str:
    """What may be shown of it: scheme, host and port."""
    found = _ORIGIN.match(url)
    return f"{found[1]}{found[2]}" if found is not None else ""
