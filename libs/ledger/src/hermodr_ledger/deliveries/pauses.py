"""Paused channels: nothing of them is claimed. Their due deliveries are parked (`wake_at` at the end of time)."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.engine import Ledger, Statements
from hermodr_ledger.engine.announcing import DUE_CHANNEL, PARKED
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import pauses

OPERATED_CHANNEL = "hermodr_operated"
"""The NOTIFY channel for what an operator did: a pause, its end, a replay."""

PAUSED = "ARRAY(SELECT p.channel FROM hermodr.pauses p WHERE p.resumed_at IS NULL)"
"""The paused channels, for a condition; evaluated once per statement."""

_RESUMED = "ARRAY(SELECT p.channel FROM hermodr.pauses p WHERE p.resumed_at IS NOT NULL)"
_REMEMBERED_SECONDS = 30.0
"""How long after a pause parked rows are still looked for: a scheduler may have been parking when it ended."""


@dataclass(frozen=True, slots=True)
class Pause:
    channel: Channel
    paused_at: datetime
    reason: str | None


async def pause(statements: Statements, channel: Channel, reason: str | None) -> bool:
    """After the commit no delivery of the channel can be claimed. `False`: it was paused before; nothing changes."""
    changed = await statements.fetch(
        """
        WITH changed AS (
            INSERT INTO hermodr.pauses AS p (channel, reason) VALUES ($1, $2)
            ON CONFLICT (channel) DO UPDATE SET paused_at = now(), reason = excluded.reason, resumed_at = NULL
            WHERE p.resumed_at IS NOT NULL
            RETURNING channel
        )
        SELECT channel, pg_notify($3, channel) FROM changed
        """,
        channel,
        reason,
        OPERATED_CHANNEL,
    )
    return bool(changed)


async def resume(statements: Statements, channel: Channel) -> bool:
    """`False`: the channel was not paused."""
    changed = await statements.fetch(
        """
        WITH changed AS (
            UPDATE hermodr.pauses SET resumed_at = now() WHERE channel = $1 AND resumed_at IS NULL RETURNING channel
        )
        SELECT channel, pg_notify($2, channel) FROM changed
        """,
        channel,
        OPERATED_CHANNEL,
    )
    return bool(changed)


_ALL_PAUSED = (
    sa.select(pauses.c.channel, pauses.c.paused_at, pauses.c.reason)
    .where(pauses.c.resumed_at.is_(None))
    .order_by(pauses.c.channel)
)
_PAUSED_NOW = sa.select(pauses.c.channel).where(
    pauses.c.channel == sa.bindparam("channel"), pauses.c.resumed_at.is_(None)
)


async def paused(statements: Statements) -> list[Pause]:
    rows = await fetch(statements, _ALL_PAUSED)
    return [Pause(Channel(row["channel"]), row["paused_at"], row["reason"]) for row in rows]


async def is_paused(statements: Statements, channel: Channel) -> bool:
    return bool(await fetch(statements, _PAUSED_NOW, channel=channel))


async def unpark(ledger: Ledger, limit: int) -> int:
    """Makes parked deliveries of resumed channels due; returns how many. If none is left, ended pauses are deleted."""
    rows = await ledger.fetch(
        f"""
        WITH parked AS (
            SELECT id FROM hermodr.deliveries
            WHERE EXISTS (SELECT 1 FROM hermodr.pauses WHERE resumed_at IS NOT NULL)
              AND wake_at = {PARKED} AND channel = ANY ({_RESUMED})
            LIMIT $1 FOR UPDATE SKIP LOCKED
        ), due AS (
            UPDATE hermodr.deliveries d SET wake_at = now(), announcements = 0, unannounced = true
            FROM parked WHERE d.id = parked.id
            RETURNING d.id
        ), forgotten AS (
            DELETE FROM hermodr.pauses
            WHERE resumed_at < now() - make_interval(secs => $2)
              AND NOT EXISTS (  -- also none that somebody else has locked: after this nobody looks for it
                SELECT 1 FROM hermodr.deliveries d WHERE d.wake_at = {PARKED} AND d.channel = ANY ({_RESUMED})
              )
        )
        SELECT count(*) AS n, CASE WHEN count(*) > 0 THEN pg_notify($3, '') END FROM due
        """,
        limit,
        _REMEMBERED_SECONDS,
        DUE_CHANNEL,
    )
    return int(rows[0]["n"])
