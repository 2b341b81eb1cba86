"""Erases a person: jobs stay as counts. Rows are locked as in `attempts.record`. A dispatcher may add deliveries until
the job is settled, so both are processed twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.digests.forgetting import forget_author
from hermodr_ledger.engine import Ledger, Statements, Transaction, news
from hermodr_ledger.jobs import bulk_actions
from hermodr_ledger.people import windows
from hermodr_ledger.people.suppressions import SUPPRESSION_KEY
from hermodr_ledger.privacy import address_jobs, traces
from hermodr_ledger.privacy.traces import Person

_SECONDS = 120.0
_KEPT_IN_EVENTS = [
    "channel",
    "reason",
    "suppression",
    "copies_left_out",
    "kind",
    "provider",
    "at",
    "event_id",
    "code",
    "automatic",
    "copy",
    "template",
    "template_version",
    "critical",
    "until",
    "unless",
    "was",
    "error",
    "by",
    "window_id",
    "job_id",
    "total",
]
_NO_KEY = "CASE WHEN j.digest ? 'key' THEN jsonb_build_object('key', '') ELSE '{}' END"
"""What to add to the digest of a job: it stays an event, or a carrier."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The person's jobs, and those of them that were cancelled."""

    jobs: int
    cancelled: int


_ADDRESS_KEY = f"'{address_jobs.PREFIX}' || $1::uuid::text"
"""Says nothing of a person: it stays, and such jobs are found again."""

_THEIRS = f"""
WITH theirs AS (
    SELECT id, (left(id::text, 32) || 'ffff')::uuid AS last, singleton_key, owner_id, finished_at IS NULL AS unfinished
    FROM hermodr.jobs WHERE recipient_id = $1 AND project_id = $2
    UNION ALL
    SELECT id, (left(id::text, 32) || 'ffff')::uuid, singleton_key, owner_id, finished_at IS NULL FROM hermodr.jobs
    WHERE project_id = $2 AND owner_id = $3::text AND recipient_id IS NULL
    UNION ALL
    SELECT id, (left(id::text, 32) || 'ffff')::uuid, singleton_key, owner_id, finished_at IS NULL FROM hermodr.jobs
    WHERE project_id = $2 AND cancel_key = {_ADDRESS_KEY} AND recipient_id IS NULL
)"""
"""Jobs for them, tasks they requested as an end user, and messages about their addresses."""

_ADDRESSES = f"""{_THEIRS}
SELECT d.address FROM theirs t JOIN hermodr.deliveries d ON d.id > t.id AND d.id <= t.last WHERE d.address <> ''
UNION SELECT unnest(ARRAY[j.to_email, j.to_phone]) FROM theirs t JOIN hermodr.jobs j ON j.id = t.id
UNION SELECT unnest(ARRAY[r.email, r.phone]) FROM hermodr.recipients r WHERE r.id = $1 AND r.project_id = $2
"""

# The hash stays, so that the address stays suppressed.
_SUPPRESSIONS = f"""{_THEIRS}, known AS (
    SELECT d.address FROM theirs t JOIN hermodr.deliveries d ON d.id > t.id AND d.id <= t.last WHERE d.address <> ''
    UNION SELECT unnest(ARRAY[r.email, r.phone]) FROM hermodr.recipients r WHERE r.id = $1 AND r.project_id = $2
)
UPDATE hermodr.suppressions s SET address = NULL, note = NULL
FROM known k WHERE s.project_id = $2 AND s.hash = hermodr.suppression_hash({SUPPRESSION_KEY}, $2, k.address)
"""

_PHONES = f"""{_THEIRS}
SELECT d.address FROM theirs t JOIN hermodr.deliveries d ON d.id > t.id AND d.id <= t.last WHERE d.channel = 'whatsapp'
UNION SELECT r.phone FROM hermodr.recipients r WHERE r.id = $1 AND r.project_id = $2 AND r.phone IS NOT NULL
"""

_FREE_KEYS = f"""{_THEIRS}
DELETE FROM hermodr.singletons s USING theirs t
WHERE t.singleton_key IS NOT NULL AND s.project_id = $2 AND s.key = t.singleton_key AND s.job_id = t.id
"""

# What waits is cancelled. A delivery that a sender holds is sent with the data already read; a retry would find no
# address.
_DELIVERIES = f"""{_THEIRS}, locked AS (
    SELECT d.id, d.state IN ('queued', 'retrying') AS waited
    FROM theirs t JOIN hermodr.deliveries d ON d.id > t.id AND d.id <= t.last
    ORDER BY d.id FOR UPDATE OF d
)
UPDATE hermodr.deliveries d
SET address = '', address_name = NULL, locale = NULL, provider_message_id = NULL, recipient = NULL,
    copies = NULL,
    state = CASE WHEN d.state IN ('queued', 'retrying') THEN 'cancelled' ELSE d.state END,
    error = CASE WHEN d.state IN ('queued', 'retrying') THEN 'recipient_erased' ELSE d.error END,
    finished_at = CASE WHEN d.state IN ('queued', 'retrying') THEN now() ELSE d.finished_at END,
    wake_at = CASE WHEN d.state IN ('queued', 'retrying') THEN NULL ELSE d.wake_at END,
    due_at = CASE WHEN d.state IN ('queued', 'retrying') THEN NULL ELSE d.due_at END
FROM locked l WHERE d.id = l.id
RETURNING d.id, d.job_id, d.project_id, d.state, {news.OWNER}, now() AS at, l.waited
"""

_JOBS = f"""{_THEIRS}, counted AS (
    SELECT t.id, t.owner_id, t.unfinished, (SELECT count(*) FROM hermodr.deliveries d
                                WHERE d.id > t.id AND d.id <= t.last AND d.finished_at IS NULL) AS open
    FROM theirs t ORDER BY t.id
)
UPDATE hermodr.jobs j
SET to_email = NULL, to_phone = NULL, owner_id = CASE WHEN j.recipient_id IS NULL THEN j.owner_id END,  -- see _DISOWN
    to_name = NULL, to_locale = NULL, envelope = NULL, digest = j.digest || {_NO_KEY},
    data = '{{}}', content = NULL, metadata = NULL, result = NULL,
    singleton_key = NULL, cancel_key = CASE WHEN j.cancel_key = {_ADDRESS_KEY} THEN j.cancel_key END,
    open_deliveries = c.open,
    state = CASE WHEN j.finished_at IS NOT NULL THEN j.state
                 WHEN c.open > 0 THEN CASE WHEN j.escalate IS NULL THEN j.state ELSE 'processing' END
                 WHEN j.sent_deliveries > 0 THEN 'completed' ELSE 'cancelled' END,
    error = CASE WHEN j.kind = 'task' AND j.error IS NOT NULL THEN 'erased'
                 WHEN j.finished_at IS NOT NULL OR c.open > 0 OR j.sent_deliveries > 0 THEN j.error
                 ELSE 'recipient_erased' END,
    wake_at = CASE WHEN c.open > 0 AND j.escalate IS NULL THEN j.wake_at END,
    finished_at = CASE WHEN j.finished_at IS NULL AND c.open = 0 THEN now() ELSE j.finished_at END
FROM counted c WHERE j.id = c.id
RETURNING j.id, j.error, j.project_id, j.state, c.owner_id, now() AS at,
    c.unfinished AND j.finished_at IS NOT NULL AS ended
"""

_REST = (
    f"""{_THEIRS}
    UPDATE hermodr.attempts a SET detail = NULL, provider_message_id = NULL
    FROM theirs t WHERE a.delivery_id > t.id AND a.delivery_id <= t.last
    """,
    """
    UPDATE hermodr.event_windows SET key = id::text
    WHERE project_id = $2 AND addressee = $1::uuid::text AND $3::text IS NOT DISTINCT FROM $3
    """,
    """
    DELETE FROM hermodr.inbox
    WHERE project_id = $2 AND (recipient_id = $1 OR user_id = $3::text)
    """,
    """
    UPDATE hermodr.connections SET owner = NULL, updated_at = now()
    WHERE project_id = $2 AND owner = $3::text AND $1::uuid IS NOT NULL
    """,
    """
    UPDATE hermodr.files SET owner = NULL, expires_at = now()
    WHERE project_id = $2 AND owner = $3::text AND $1::uuid IS NOT NULL
    """,
    f"{_THEIRS} DELETE FROM hermodr.attachments a USING theirs t WHERE a.job_id = t.id",
    f"{_THEIRS} DELETE FROM hermodr.escalations s USING theirs t WHERE s.job_id = t.id",
    f"{_THEIRS} DELETE FROM hermodr.tasks w USING theirs t WHERE w.job_id = t.id",  # its worker lets it go
    f"{_THEIRS} DELETE FROM hermodr.task_logs l USING theirs t WHERE l.job_id = t.id",  # and logs no more
    f"""{_THEIRS}
    UPDATE hermodr.task_attempts a SET error = NULL, detail = NULL, progress = NULL FROM theirs t WHERE a.job_id = t.id
    """,
    f"""{_THEIRS}
    UPDATE hermodr.dead_letters l SET body = NULL, headers = '{{}}' FROM theirs t WHERE l.job_id = t.id
    """,
)

# They go on, and tell that there is nobody to write to.
_SCHEDULES = """
UPDATE hermodr.schedules s SET to_kind = 'recipient_id', to_value = $1::uuid::text, updated_at = now(),
    job = jsonb_build_object('to', jsonb_build_object('recipient_id', $1)),
    prepared = jsonb_build_object('kind', s.prepared -> 'kind', 'priority', s.prepared -> 'priority', 'data', '{}')
FROM hermodr.recipients r
WHERE r.id = $1 AND r.project_id = $2 AND s.project_id = $2
  AND (s.to_kind, s.to_value) IN (('recipient_id', r.id::text), ('external_id', r.external_id), ('user_id', $3::text))
"""

# Last, because tasks are found by it; also jobs for others under the same user id.
_DISOWN = """
UPDATE hermodr.jobs SET owner_id = NULL
WHERE project_id = $2 AND owner_id = $3::text AND recipient_id IS DISTINCT FROM $1
"""

_EVENTS = f"""{_THEIRS}
UPDATE hermodr.events e
SET detail = (SELECT jsonb_object_agg(d.key, d.value) FROM jsonb_each(e.detail) d WHERE d.key = ANY ($4::text[]))
FROM theirs t WHERE e.job_id = t.id AND e.detail IS NOT NULL
"""


async def erase(ledger: Ledger, project_id: UUID, recipient_id: UUID, actor: Actor) -> Erased | None:
    """Deletes the recipient, memberships and read marks; ends unsent jobs; blanks addresses, names and content in past
    jobs, tasks and kept answers; stops bulk actions by an address of theirs. The audit log keeps a pseudonym. `None`:
    no such recipient. Raises `LedgerUnavailable`."""
    pseudonym = f"erased-{uuid4()}"
    async with ledger.transaction() as transaction:
        whom = await traces.person(transaction, project_id, recipient_id)
        if whom is None:
            return None
        who = (whom.id, whom.project_id, whom.user_id)
        known = await transaction.fetch(_ADDRESSES, *who, seconds=_SECONDS)
        addresses = [row["address"] for row in known if row["address"] is not None]
        await bulk_actions.forget(transaction, project_id, addresses, actor)
        await transaction.fetch(_SUPPRESSIONS, *who, seconds=_SECONDS)
        phones = await transaction.fetch(_PHONES, *who, seconds=_SECONDS)
        await windows.forget(transaction, [row["address"] for row in phones])
        await transaction.fetch(_SCHEDULES, *who, seconds=_SECONDS)
        await forget_author(transaction, recipient_id, seconds=_SECONDS)
        await transaction.fetch(
            "DELETE FROM hermodr.recipients WHERE id = $1", recipient_id, seconds=_SECONDS
        )
        erased = await _forget(transaction, whom)
        counts = {"jobs": erased.jobs, "cancelled": erased.cancelled}
        await audit.record(transaction, project_id, actor, "recipient.erase", recipient_id, counts)
        await traces.forget(transaction, whom, pseudonym)
    async with ledger.transaction() as transaction:  # what was requested during the first transaction
        await bulk_actions.forget(transaction, project_id, addresses, actor)
        await _forget(transaction, whom)
        await traces.forget(transaction, whom, pseudonym)
    return erased


async def forget_jobs(statements: Statements, job_ids: Sequence[UUID]) -> None:
    """Blanks jobs without deliveries whose recipient was erased between their look-up and the acceptance."""
    await statements.fetch(
        f"""
        WITH freed AS (
            DELETE FROM hermodr.singletons s USING unnest($1::uuid[]) w(id) WHERE s.job_id = w.id
        ), emptied AS (
            DELETE FROM hermodr.attachments a USING unnest($1::uuid[]) w(id) WHERE a.job_id = w.id
        )
        UPDATE hermodr.jobs j
        SET to_email = NULL, to_phone = NULL, owner_id = NULL, data = '{{}}', content = NULL, metadata = NULL,
            singleton_key = NULL, cancel_key = NULL, to_name = NULL, to_locale = NULL, envelope = NULL,
            digest = j.digest || {_NO_KEY}
        FROM unnest($1::uuid[]) w(id) WHERE j.id = w.id
        """,
        list(job_ids),
    )


async def _forget(transaction: Transaction, whom: Person) -> Erased:
    who = (whom.id, whom.project_id, whom.user_id)
    await transaction.fetch(_FREE_KEYS, *who, seconds=_SECONDS)
    erased = await _settle(transaction, who)
    for statement in _REST:
        await transaction.fetch(statement, *who, seconds=_SECONDS)
    await transaction.fetch(_EVENTS, *who, _KEPT_IN_EVENTS, seconds=_SECONDS)
    await transaction.fetch(_DISOWN, *who, seconds=_SECONDS)
    return erased


async def _settle(transaction: Transaction, who: tuple[UUID, UUID, str | None]) -> Erased:
    jobs: set[UUID] = set()
    cancelled: set[UUID] = set()
    for _ in range(2):
        rows = await transaction.fetch(_DELIVERIES, *who, seconds=_SECONDS)
        transaction.tell(news.of_deliveries([row for row in rows if row["waited"]]))
        rows = await transaction.fetch(_JOBS, *who, seconds=_SECONDS)
        transaction.tell(news.of_jobs([row for row in rows if row["ended"]]))
        jobs |= {row["id"] for row in rows}
        cancelled |= {row["id"] for row in rows if row["error"] == "recipient_erased"}
    return Erased(len(jobs), len(cancelled))
