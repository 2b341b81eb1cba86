"""What a project may use of the installation, and how limits are written."""

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Literal

OFF: Literal["off"] = "off"
MOST = 10**15
MOST_PER_SECOND = 999_999_999
_UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_TEXT = re.compile(r"(?P<number>[0-9]{1,16})(?P<unit>[KMGT]iB)?")


class Quota(StrEnum):
    """The names, wherever a quota is shown, set or exceeded."""

    REQUESTS_PER_SECOND = "requests_per_second"
    ACCEPTED_PER_DAY = "accepted_per_day"
    """Jobs; the day begins at 00:00 UTC."""
    BULKS_UNDER_WAY = "bulks_under_way"
    """In one API process."""
    WAITING_JOBS = "waiting_jobs"
    STORED_BYTES = "stored_bytes"
    SOCKETS = "sockets"

    @property
    def least(self) -> int:
        """The smallest limit: of what is accepted or kept there may be none."""
        return 1 if self in (Quota.REQUESTS_PER_SECOND, Quota.BULKS_UNDER_WAY) else 0

    @property
    def most(self) -> int:
        return MOST_PER_SECOND if self is Quota.REQUESTS_PER_SECOND else MOST


@dataclass(frozen=True, slots=True)
class Limits:
    """By the names of `Quota`; `None`: no limit."""

    requests_per_second: int | None = 20_000
    accepted_per_day: int | None = 50_000_000
    bulks_under_way: int | None = 2
    waiting_jobs: int | None = 20_000_000
    stored_bytes: int | None = 100 * 2**30
    sockets: int | None = 10_000

    def of(self, quota: Quota) -> int | None:
        limit: int | None = getattr(self, quota)
        return limit

    def items(self) -> dict[str, int | None]:
        return asdict(self)


def parse(quota: Quota, text: str) -> int | None:
    """`50000000`, `100GiB` (bytes alone have units), `off`: no limit. Raises `ValueError`."""
    if text.strip() == OFF:
        return None
    found = _TEXT.fullmatch(text.strip())
    if found is None or (found["unit"] and quota is not Quota.STORED_BYTES):
        example = "107374182400, 100GiB" if quota is Quota.STORED_BYTES else "20000"
        raise ValueError(f"must be a whole number such as {example}, or off")
    number = int(found["number"]) * _UNITS[found["unit"] or ""]
    if not quota.least <= number <= quota.most:
        raise ValueError(f"must be from {quota.least} to {quota.most}, or off")
    return number
