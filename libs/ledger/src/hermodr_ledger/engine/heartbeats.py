"""Heartbeats: which services run, and when each was last heard of."""

from dataclasses import dataclass
from datetime import datetime

from hermodr_ledger.engine.connection import Ledger

SILENT_AFTER_SECONDS = 20.0
FORGOTTEN_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Alive:
    """A service with the number of instances heard of lately."""

    service: str
    instances: int
    last_heartbeat: datetime


async def beat(ledger: Ledger, service: str, instance: str, started_at: datetime) -> None:
    await ledger.fetch(
        """
        WITH forgotten AS (
            DELETE FROM hermodr.service_heartbeats
            WHERE service = $1 AND instance <> $2 AND beat_at < now() - make_interval(secs => $4)
        )
        INSERT INTO hermodr.service_heartbeats (service, instance, started_at) VALUES ($1, $2, $3)
        ON CONFLICT (service, instance) DO UPDATE SET beat_at = now(), started_at = excluded.started_at
        """,
        service,
        instance,
        started_at,
        FORGOTTEN_AFTER_SECONDS,
    )


async def leave(ledger: Ledger, service: str, instance: str) -> None:
    await ledger.fetch(
        "DELETE FROM hermodr.service_heartbeats WHERE service = $1 AND instance = $2", service, instance
    )


async def alive(ledger: Ledger) -> list[Alive]:
    """Services heard of within the hour; `instances` counts those not silent."""
    rows = await ledger.fetch(
        """
        SELECT service, max(beat_at) AS last_heartbeat,
               count(*) FILTER (WHERE beat_at > now() - make_interval(secs => $1)) AS instances
        FROM hermodr.service_heartbeats GROUP BY service ORDER BY service
        """,
        SILENT_AFTER_SECONDS,
    )
    return [Alive(row["service"], row["instances"], row["last_heartbeat"]) for row in rows]
