"""Token buckets shared by all API processes: up to `burst` tokens, refilled with `requests` in `seconds`, evenly."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from hermodr_contracts.rates import Limit
from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import rate_buckets


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
