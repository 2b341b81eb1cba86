"""The grammar of rates, wherever one is configured: of callers, and of calls to providers."""

import re
from dataclasses import dataclass

_UNITS = {"s": 1, "m": 60, "h": 3600}
_TEXT = re.compile(r"(?P<requests>[1-9][0-9]{0,8})/(?P<unit>[smh])(?:,burst=(?P<burst>[1-9][0-9]{0,8}))?")
MOST = 999_999_999


@dataclass(frozen=True, slots=True)
class Limit:
    """Up to `burst` at once, `requests` in `seconds` in the long run."""

    requests: int
    seconds: int
    burst: int

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.requests / self.seconds


def parse(text: str, *, burst: int | None = None) -> Limit | None:
    """`600/m`, `50/s,burst=200`; `off`: no limit. The burst is `burst` by default, else the requests. Raises
    `ValueError`."""
    if text.strip() == "off":
        return None
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be such as 600/m, or 50/s,burst=200 (units s, m, h), or off")
    requests = int(found["requests"])
    given = int(found["burst"]) if found["burst"] else burst
    return Limit(requests, _UNITS[found["unit"]], requests if given is None else given)
