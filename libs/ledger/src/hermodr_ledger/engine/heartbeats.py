"""Heartbeats: which services run, and when each was last heard of."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.engine.connection import Ledger
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import service_heartbeats

SILENT_AFTER_SECONDS = 20.0
FORGOTTEN_AFTER_SECONDS = 3600.0

_BEAT = service_heartbeats.c


@dataclass(frozen=True, slots=True)
class Alive:
    """A service with the number of instances heard of lately."""

    service: str
    instances: int
    last_heartbeat: datetime


async def beat(ledger: Ledger, service: str, instance: str, started_at: datetime) -> None:
    # A locked row of a dead instance is left: no heartbeat waits for it.
    old = (
        sa.select(_BEAT.instance)
        .where(
            _BEAT.service == service,
            _BEAT.instance != instance,
            _BEAT.beat_at < _before(FORGOTTEN_AFTER_SECONDS),
        )
        .with_for_update(skip_locked=True)
    )
    forgotten = sa.delete(service_heartbeats).where(_BEAT.service == service, _BEAT.instance.in_(old))
    beat = insert(service_heartbeats).values(service=service, instance=instance, started_at=started_at)
    again = beat.on_conflict_do_update(
        index_elements=[_BEAT.service, _BEAT.instance],
        set_={"beat_at": sa.func.now(), "started_at": beat.excluded.started_at},
    )
    await fetch(ledger, again.add_cte(forgotten.cte("forgotten")))


async def leave(ledger: Ledger, service: str, instance: str) -> None:
    await fetch(
        ledger, sa.delete(service_heartbeats).where(_BEAT.service == service, _BEAT.instance == instance)
    )


async def alive(ledger: Ledger) -> list[Alive]:
    """Services heard of within the hour; `instances` counts those not silent."""
    heard = sa.func.count().filter(_BEAT.beat_at > _before(SILENT_AFTER_SECONDS))
    last = sa.func.max(_BEAT.beat_at).label("last_heartbeat")
    asked = sa.select(_BEAT.service, last, heard.label("instances")).group_by(_BEAT.service)
    rows = await fetch(ledger, asked.order_by(_BEAT.service))
    return [Alive(row["service"], row["instances"], row["last_heartbeat"]) for row in rows]


async def names(ledger: Ledger) -> list[tuple[str, str]]:
    """Service and name of each instance that is not silent."""
    heard = sa.select(_BEAT.service, _BEAT.instance).where(_BEAT.beat_at > _before(SILENT_AFTER_SECONDS))
    return [(row["service"], row["instance"]) for row in await fetch(ledger, heard)]


def _before(seconds: float) -> sa.ColumnElement[datetime]:
    return sa.func.now() - timedelta(seconds=seconds)
