"""What all senders share of a provider: the moments at which it may be called, and its rests."""

from collections.abc import Mapping

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.pauses import OPERATED_CHANNEL
from hermodr_ledger.engine import Ledger

_RESERVE = """
INSERT INTO hermodr.provider_budgets AS b (channel, provider, next_at)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8 * $4::float8 + greatest($5::float8, 0)))
ON CONFLICT (channel, provider) DO UPDATE
    SET next_at = make_interval(secs => $3::float8 * $4::float8) + CASE
        WHEN b.next_at < clock_timestamp() + interval '5 minutes'  -- else the clock was set back
        THEN greatest(b.next_at, clock_timestamp() + make_interval(secs => $5::float8)) ELSE clock_timestamp() END
RETURNING extract(epoch FROM next_at - clock_timestamp())::float8 - $3::float8 * $4::float8 AS first
"""


class ProviderBudgets:
    """Those of one channel's providers."""

    def __init__(self, ledger: Ledger, channel: Channel) -> None:
        self._ledger = ledger
        self._channel = channel

    async def reserve(self, provider: str, number: int, *, interval: float, earliest: float) -> float:
        """Reserves `number` moments, `interval` seconds apart, that nobody else gets. Returns the seconds until the
        first one, from `earliest` (negative: it may have passed). Raises `LedgerUnavailable`."""
        rows = await self._ledger.fetch(_RESERVE, self._channel, provider, float(number), interval, earliest)
        return float(rows[0]["first"])

    async def rest(self, provider: str, seconds: float) -> None:
        """The provider asked to be left alone: all senders of the channel are told."""
        await self._ledger.fetch(
            """
            WITH rest AS (
                INSERT INTO hermodr.provider_budgets AS b (channel, provider, rests_until)
                VALUES ($1, $2, now() + make_interval(secs => $3))
                ON CONFLICT (channel, provider) DO UPDATE
                    SET rests_until = greatest(b.rests_until, excluded.rests_until)
            )
            SELECT pg_notify($4, $1)
            """,
            self._channel,
            provider,
            seconds,
            OPERATED_CHANNEL,
        )

    async def rests(self) -> Mapping[str, float]:
        """The seconds for which providers are still to be left alone."""
        rows = await self._ledger.fetch(
            """
            SELECT provider, extract(epoch FROM rests_until - clock_timestamp())::float8 AS seconds
            FROM hermodr.provider_budgets WHERE channel = $1 AND rests_until > clock_timestamp()
            """,
            self._channel,
        )
        return {row["provider"]: row["seconds"] for row in rows}
