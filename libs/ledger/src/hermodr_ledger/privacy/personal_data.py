"""All data of one person, a page at a time, as rows for orjson (their JSON columns stay text)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa

from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.times import readable
from hermodr_ledger.tables import (
    auto_sync_responses,
    auto_syncs,
    connections,
    digest_schedules,
    group_members,
    groups,
    inbox,
    update_reads,
    updates,
)
from hermodr_servicekit.ids import last_child_of

JOBS_A_PAGE = 100
ROWS_A_PAGE = 500
_NOWHERE = UUID(int=0)


async def memberships(ledger: Ledger, recipient_id: UUID, after: UUID = _NOWHERE) -> list[Row]:
    """`id` is the member's."""
    member, group = group_members.c, groups.c
    asked = sa.select(
        *(member.id, member.group_id, group.name.label("group_name"), member.role),
        *(member.muted_until, member.created_at, member.updated_at),
    ).join_from(group_members, groups, group.id == member.group_id)
    theirs = asked.where(member.recipient_id == recipient_id, member.id > after)
    return await fetch(ledger, theirs.order_by(member.id).limit(ROWS_A_PAGE))


async def updates_written(ledger: Ledger, recipient_id: UUID, after: UUID = _NOWHERE) -> list[Row]:
    update = updates.c
    asked = sa.select(
        *(update.id, update.group_id, update.external_id, update.content_type, update.title, update.body),
        *(update.url, update.metadata, update.created_at, update.updated_at),
    ).where(update.author_id == recipient_id, update.id > after)
    rows = await fetch(ledger, asked.order_by(update.id).limit(JOBS_A_PAGE))
    return [_with_json(row, "metadata") for row in rows]


async def updates_read(ledger: Ledger, recipient_id: UUID, after: UUID = _NOWHERE) -> list[Row]:
    """Read singly. `id` is the update's."""
    read = update_reads.c
    asked = sa.select(read.update_id.label("id"), read.read_at).where(
        read.recipient_id == recipient_id, read.update_id > after
    )
    return await fetch(ledger, asked.order_by(read.update_id).limit(ROWS_A_PAGE))


async def digest_schedules_of(ledger: Ledger, recipient_id: UUID, after: UUID = _NOWHERE) -> list[Row]:
    schedule = digest_schedules.c
    asked = sa.select(
        *(schedule.id, schedule.group_id, schedule.frequency, schedule.delivery_time, schedule.delivery_day),
        *(schedule.timezone, schedule.max_updates_per_digest, schedule.include_content_types),
        *(schedule.is_active, schedule.last_digest_sent, schedule.created_at, schedule.updated_at),
    ).where(schedule.recipient_id == recipient_id, schedule.id > after)
    return await fetch(ledger, asked.order_by(schedule.id).limit(ROWS_A_PAGE))


async def schedules(
    ledger: Ledger, project_id: UUID, recipient_id: UUID, after: UUID = _NOWHERE
) -> list[dict[str, Any]]:
    """What is sent to them on a rule."""
    rows = await ledger.fetch(
        """
        SELECT s.id, s.name, s.cron, s.every, s.timezone, s.is_active, s.job, s.created_at, s.updated_at
        FROM hermodr.recipients r JOIN hermodr.schedules s ON s.project_id = r.project_id
            AND (s.to_kind, s.to_value) IN (
                ('recipient_id', r.id::text), ('external_id', r.external_id), ('user_id', r.user_id))
        WHERE r.id = $1 AND r.project_id = $2 AND s.id > $3 ORDER BY s.id LIMIT $4
        """,
        recipient_id,
        project_id,
        after,
        JOBS_A_PAGE,
    )
    return [_with_json(row, "job") for row in rows]


async def auto_syncs_organized(ledger: Ledger, recipient_id: UUID, after: UUID = _NOWHERE) -> list[Row]:
    sync = auto_syncs.c
    asked = sa.select(
        *(sync.id, sync.group_id, sync.event_name, sync.status, sync.timezone, sync.channel, sync.data),
        *(sync.started_at, sync.completed_at, sync.created_at, sync.updated_at),
    ).where(sync.organizer_id == recipient_id, sync.id > after)
    rows = await fetch(ledger, asked.order_by(sync.id).limit(ROWS_A_PAGE))
    return [_with_json(row, "data") for row in rows]


async def auto_sync_answers(ledger: Ledger, recipient_id: UUID, after: UUID = _NOWHERE) -> list[Row]:
    """`id` is the auto-sync's."""
    given, member = auto_sync_responses.c, group_members.c
    asked = (
        sa.select(given.sync_id.label("id"), given.response, given.created_at, given.updated_at)
        .join(group_members, member.id == given.member_id)
        .where(member.recipient_id == recipient_id, given.sync_id > after)
    )
    return await fetch(ledger, asked.order_by(given.sync_id).limit(ROWS_A_PAGE))


async def notifications(
    ledger: Ledger,
    project_id: UUID,
    recipient_id: UUID,
    user_id: str | None,
    after: UUID = _NOWHERE,
    *,
    alone: bool = False,
) -> list[dict[str, Any]]:
    """What is in the inbox of that user; but for `alone`, also what came for the recipient when it was another
    user's."""
    told = inbox.c
    whose = told.user_id == user_id
    if not alone:
        whose |= told.recipient_id == recipient_id
    asked = sa.select(
        *(told.id, told.job_id, told.type, told.title, told.message, told.data, told.created_at),
        *(told.read_at, told.archived_at, told.snoozed_until),
    ).where(told.project_id == project_id, whose, told.id > after)
    rows = await fetch(ledger, asked.order_by(told.id).limit(JOBS_A_PAGE))
    return [_with_json(row, "data") for row in rows]


async def connections_of(
    ledger: Ledger, project_id: UUID, user_id: str | None, after: UUID = _NOWHERE
) -> list[Row]:
    """To databases, that they may use."""
    theirs = connections.c
    asked = sa.select(
        *(theirs.id, theirs.name, theirs.host, theirs.port, theirs.database, theirs.username.label("user")),
        *(theirs.sslmode, theirs.created_at, theirs.updated_at),
    ).where(theirs.project_id == project_id, theirs.owner == user_id, theirs.id > after)
    return await fetch(ledger, asked.order_by(theirs.id).limit(ROWS_A_PAGE))


_TIMES = ", ".join(
    f"{readable(each)} AS {each}"
    for each in ("scheduled_for", "expires_at", "deferred_until", "created_at", "processed_at", "finished_at")
)
_JOBS = f"""
SELECT id, kind, type, state AS status, priority, channels, to_email, to_phone, to_name, to_locale, envelope, data,
       digest, content, metadata, result, group_id, update_id, batch_id, singleton_key, cancel_key, deliver_at,
       escalate, {_TIMES}, error
FROM hermodr.jobs WHERE {{}} AND project_id = $2 AND id > $3 ORDER BY id LIMIT $4
"""


_JSON = ("envelope", "digest", "data", "content", "metadata", "result", "deliver_at", "escalate")


async def jobs(
    ledger: Ledger, project_id: UUID, recipient_id: UUID, after: UUID = _NOWHERE, user_id: str | None = None
) -> list[dict[str, Any]]:
    """Jobs for them with deliveries, attempts, events and (without their content) attachments. With `user_id` not those
    of another end user, whose recipient it was before."""
    sql = _JOBS.format("recipient_id = $1 AND ($5::text IS NULL OR owner_id IS NULL OR owner_id = $5)")
    rows = await ledger.fetch(sql, recipient_id, project_id, after, JOBS_A_PAGE, user_id)
    return await _with_all(ledger, rows)


async def requested(
    ledger: Ledger, project_id: UUID, user_id: str | None, after: UUID = _NOWHERE
) -> list[dict[str, Any]]:
    """Tasks they requested as an end user."""
    sql = _JOBS.format("owner_id = $1 AND recipient_id IS NULL")
    return await _with_all(ledger, await ledger.fetch(sql, user_id, project_id, after, JOBS_A_PAGE))


async def _with_all(ledger: Ledger, rows: Sequence[Row]) -> list[dict[str, Any]]:
    found = {row["id"]: _with_json(row, *_JSON) for row in rows}
    firsts, lasts = list(found), [last_child_of(each) for each in found]
    attempts = await _attempts(ledger, firsts, lasts)
    for job in found.values():
        job |= {"deliveries": [], "events": [], "attachments": []}
    for row in await _deliveries(ledger, firsts, lasts):
        delivery = _with_json(row, "recipient", "copies") | {"attempts": attempts.get(row["id"], [])}
        found[delivery.pop("job_id")]["deliveries"].append(delivery)
    for row in await ledger.fetch(
        "SELECT a.job_id, a.filename, a.content_type, octet_length(a.content) AS size"
        " FROM unnest($1::uuid[]) w(id) JOIN hermodr.attachments a ON a.job_id = w.id ORDER BY a.job_id, a.number",
        firsts,
    ):
        file = dict(row)
        found[file.pop("job_id")]["attachments"].append(file)
    for row in await ledger.fetch(
        "SELECT e.job_id, e.at, e.kind, e.delivery_id, e.detail FROM unnest($1::uuid[]) w(id)"
        " JOIN hermodr.events e ON e.job_id = w.id ORDER BY e.job_id, e.at, e.seq",
        firsts,
    ):
        event = _with_json(row, "detail")
        found[event.pop("job_id")]["events"].append(event)
    for row in await ledger.fetch(
        "SELECT a.job_id, a.number, a.outcome, a.error, a.progress, a.started_at, a.finished_at"
        " FROM unnest($1::uuid[]) w(id) JOIN hermodr.task_attempts a ON a.job_id = w.id ORDER BY a.job_id, a.number",
        firsts,
    ):
        run = _with_json(row, "progress")
        found[run.pop("job_id")].setdefault("task_attempts", []).append(run)
    for row in await ledger.fetch(
        "SELECT l.job_id, l.attempt, l.number, l.at, l.text FROM unnest($1::uuid[]) w(id)"
        " JOIN hermodr.task_logs l ON l.job_id = w.id ORDER BY l.job_id, l.claimed_at, l.number",
        firsts,
    ):
        line = dict(row)
        found[line.pop("job_id")].setdefault("task_logs", []).append(line)
    return list(found.values())


async def _deliveries(ledger: Ledger, firsts: Sequence[UUID], lasts: Sequence[UUID]) -> list[Row]:
    return await ledger.fetch(
        """
        SELECT d.id, d.job_id, d.channel, d.state, d.address, d.address_name, d.template_version, d.locale, d.provider,
               d.provider_message_id, d.error, d.recipient, d.copies, d.created_at, d.finished_at
        FROM unnest($1::uuid[], $2::uuid[]) w(first, last)
        JOIN hermodr.deliveries d ON d.id > w.first AND d.id <= w.last ORDER BY d.id
        """,
        firsts,
        lasts,
    )


async def _attempts(
    ledger: Ledger, firsts: Sequence[UUID], lasts: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    rows = await ledger.fetch(
        """
        SELECT a.delivery_id, a.number, a.outcome, a.provider, a.code, a.detail, a.started_at, a.finished_at
        FROM unnest($1::uuid[], $2::uuid[]) w(first, last)
        JOIN hermodr.attempts a ON a.delivery_id > w.first AND a.delivery_id <= w.last ORDER BY a.delivery_id, a.number
        """,
        firsts,
        lasts,
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        attempt = dict(row)
        found.setdefault(attempt.pop("delivery_id"), []).append(attempt)
    return found


def _with_json(row: Row, *names: str) -> dict[str, Any]:
    """JSON columns are written as they are: unparsed, they cannot be altered."""
    return dict(row) | {name: orjson.Fragment(row[name]) for name in names if row[name] is not None}
