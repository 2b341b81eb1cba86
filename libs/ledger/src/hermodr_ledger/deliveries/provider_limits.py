"""What senders report about the limits of their providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.heartbeats import SILENT_AFTER_SECONDS

REPORT_EVERY_SECONDS = 600.0
"""Changes are reported at once, and everything again at this interval."""
_FORGOTTEN_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """One provider, of one sender or (`known`) all. `rate` `None`: unlimited. `cause`, `code`: of the last refusal
    while limited. `place`: without credentials; `position`: preference from 1; `instances`: senders that know it.
    `breaker`: closed, half_open or open, of several senders the worst. `failed_code`, `failed_at`: the last error."""

    channel: Channel
    provider: str
    calls: int
    calls_configured: int
    rate: float | None = None
    rests_until: datetime | None = None
    cause: str | None = None
    code: str | None = None
    rate_configured: float | None = None
    place: str = ""
    position: int = 1
    instances: int = 1
    weight: int | None = None
    breaker: str = "closed"
    probes_at: datetime | None = None
    calls_of_hour: int = 0
    accepted_of_hour: int = 0
    failed_code: str | None = None
    failed_at: datetime | None = None
    provable: bool = False
    """It can tell later what it accepted."""
    project_rate: float | None = None
    """Of each project."""


async def report(ledger: Ledger, instance: str, limits: Sequence[ProviderLimits]) -> None:
    """Instances not heard of for an hour are deleted."""
    await ledger.fetch(
        """
        WITH forgotten AS (
            DELETE FROM hermodr.provider_limits WHERE instance <> $1 AND at < now() - make_interval(secs => $10)
        )
        INSERT INTO hermodr.provider_limits AS p
            (instance, channel, provider, calls, calls_configured, rate, rests_until, cause, code, rate_configured,
             place, position, weight, breaker, probes_at, calls_of_hour, accepted_of_hour, failed_code, failed_at,
             provable, project_rate)
        SELECT $1, r.* FROM unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::float8[], $7::timestamptz[],
                                   $8::text[], $9::text[], $11::float8[], $12::text[], $13::int[], $14::int[],
                                   $15::text[], $16::timestamptz[], $17::int[], $18::int[], $19::text[],
                                   $20::timestamptz[], $21::boolean[], $22::float8[]) AS r
        ON CONFLICT (instance, channel, provider) DO UPDATE
            SET (calls, calls_configured, rate, rests_until, cause, code, rate_configured, place, position, at,
                 weight, breaker, probes_at, calls_of_hour, accepted_of_hour, failed_code, failed_at, provable,
                 project_rate) =
                (excluded.calls, excluded.calls_configured, excluded.rate, excluded.rests_until, excluded.cause,
                 excluded.code, excluded.rate_configured, excluded.place, excluded.position, now(),
                 excluded.weight, excluded.breaker, excluded.probes_at, excluded.calls_of_hour,
                 excluded.accepted_of_hour, excluded.failed_code, excluded.failed_at, excluded.provable,
                 excluded.project_rate)
        """,
        instance,
        [each.channel for each in limits],
        [each.provider for each in limits],
        [each.calls for each in limits],
        [each.calls_configured for each in limits],
        [each.rate for each in limits],
        [each.rests_until for each in limits],
        [each.cause for each in limits],
        [each.code for each in limits],
        _FORGOTTEN_AFTER_SECONDS,
        [each.rate_configured for each in limits],
        [each.place for each in limits],
        [each.position for each in limits],
        [each.weight for each in limits],
        [each.breaker for each in limits],
        [each.probes_at for each in limits],
        [each.calls_of_hour for each in limits],
        [each.accepted_of_hour for each in limits],
        [each.failed_code for each in limits],
        [each.failed_at for each in limits],
        [each.provable for each in limits],
        [each.project_rate for each in limits],
    )


async def known(ledger: Ledger) -> list[ProviderLimits]:
    """Of running senders: calls and rates are summed, rates up to the configured one, which all share; it rests if all
    senders rest, until the first one ends."""
    rows = await ledger.fetch(
        """
        SELECT channel, provider, sum(calls)::int AS calls, sum(calls_configured)::int AS calls_configured,
               CASE WHEN count(*) = count(rate) THEN least(sum(rate), max(rate_configured)) END AS rate,
               CASE WHEN bool_and(coalesce(rests_until > now(), false)) THEN min(rests_until) END AS rests_until,
               (array_agg(cause ORDER BY rests_until DESC NULLS LAST) FILTER (WHERE cause IS NOT NULL))[1] AS cause,
               (array_agg(code ORDER BY rests_until DESC NULLS LAST) FILTER (WHERE cause IS NOT NULL))[1] AS code,
               CASE WHEN count(*) = count(rate_configured) THEN max(rate_configured) END AS rate_configured,
               (array_agg(place ORDER BY at DESC))[1] AS place, min(position) AS position, count(*)::int AS instances,
               (array_agg(weight ORDER BY at DESC))[1] AS weight,
               CASE WHEN bool_or(breaker = 'open' AND probes_at > now()) THEN 'open'
                    WHEN bool_or(breaker <> 'closed') THEN 'half_open' ELSE 'closed' END AS breaker,
               max(probes_at) FILTER (WHERE breaker = 'open' AND probes_at > now()) AS probes_at,
               sum(calls_of_hour)::int AS calls_of_hour, sum(accepted_of_hour)::int AS accepted_of_hour,
               (array_agg(failed_code ORDER BY failed_at DESC NULLS LAST))[1] AS failed_code,
               max(failed_at) AS failed_at, (array_agg(project_rate ORDER BY at DESC))[1] AS project_rate
        FROM hermodr.provider_limits p
        WHERE EXISTS (SELECT 1 FROM hermodr.service_heartbeats h
                      WHERE h.instance = p.instance AND h.beat_at > now() - make_interval(secs => $1))
        GROUP BY channel, provider ORDER BY channel, min(position), provider
        """,
        SILENT_AFTER_SECONDS,
    )
    return [
        ProviderLimits(
            Channel(row["channel"]),
            row["provider"],
            row["calls"],
            row["calls_configured"],
            row["rate"],
            row["rests_until"],
            row["cause"],
            row["code"],
            row["rate_configured"],
            row["place"],
            row["position"],
            row["instances"],
            row["weight"],
            row["breaker"],
            row["probes_at"],
            row["calls_of_hour"],
            row["accepted_of_hour"],
            row["failed_code"],
            row["failed_at"],
            project_rate=row["project_rate"],
        )
        for row in rows
    ]
