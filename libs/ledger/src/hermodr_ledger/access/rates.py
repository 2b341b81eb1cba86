"""Token buckets shared by all API processes: up to `burst` tokens, refilled with `requests` in `seconds`, evenly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import rate_buckets

_UNITS = {"s": 1, "m": 60, "h": 3600}
_TEXT = re.compile(r"(?P<requests>[1-9][0-9]{0,8})/(?P<unit>[smh])(?:,burst=(?P<burst>[1-9][0-9]{0,8}))?")
MOST = 999_999_999


@dataclass(frozen=True, slots=True)
class Limit:
    requests: int
    seconds: int
    burst: int

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.requests / self.seconds


def parse(text: str) -> Limit | None:
    """`600/m`, `50/s,burst=200`; `off`: no limit. The burst is the requests by default. Raises `ValueError`."""
    if text.strip() == "off":
        return None
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be such as 600/m, or 50/s,burst=200 (units s, m, h), or off")
    requests = int(found["requests"])
    return Limit(requests, _UNITS[found["unit"]], int(found["burst"] or requests))


@dataclass(frozen=True, slots=True)
class BucketRequest:
    """`wanted` tokens, and `returned` ones that were not used."""

    subject: str
    limit: Limit
    wanted: int
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """The tokens granted and those left in the bucket (a fraction included)."""

    tokens: int
    left: float


_TAKE = """
INSERT INTO hermodr.rate_buckets AS b (subject, rate, burst, wanted, returned, granted, tokens)
SELECT subject, rate, burst, wanted, returned, least(wanted, burst), burst - least(wanted, burst)
FROM unnest($1::text[], $2::float8[], $3::int[], $4::int[], $5::int[]) AS i(subject, rate, burst, wanted, returned)
ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET (rate, burst, wanted, returned, at, granted, tokens) = (
    SELECT excluded.rate, excluded.burst, excluded.wanted, excluded.returned, present,
           least(excluded.wanted, floor(held)), held - least(excluded.wanted, floor(held))
    FROM (SELECT least(excluded.burst, b.tokens + excluded.returned
                       + excluded.rate * greatest(0, extract(epoch FROM t.present - b.at))) AS held,
                 greatest(t.present, b.at) AS present
          FROM (SELECT clock_timestamp() AS present) t) f
)
RETURNING subject, granted, tokens
"""


async def take(statements: Statements, requests: Sequence[BucketRequest]) -> dict[str, Granted]:
    """Takes as many of the wanted tokens as there are. Subjects must differ. A new bucket is full."""
    rows = await statements.fetch(
        _TAKE,
        [each.subject for each in requests],
        [each.limit.rate for each in requests],
        [each.limit.burst for each in requests],
        [each.wanted for each in requests],
        [each.returned for each in requests],
    )
    return {row["subject"]: Granted(int(row["granted"]), float(row["tokens"])) for row in rows}


_BUCKET = rate_buckets.c
_FULL = sa.extract("epoch", sa.bindparam("present", type_=_BUCKET.at.type) - _BUCKET.at) > (
    (_BUCKET.burst - _BUCKET.tokens) / _BUCKET.rate
)
_FORGET = sa.delete(rate_buckets).where(_FULL)


async def forget(statements: Statements, now: datetime) -> None:
    """Deletes full buckets: they are like new ones."""
    await fetch(statements, _FORGET, present=now)
