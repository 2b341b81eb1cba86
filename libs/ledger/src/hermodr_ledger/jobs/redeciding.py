"""Records decisions about requeued jobs: what arrived stays, the rest is sent again, to today's address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, Channel, DeliveryState, JobState, Priority
from hermodr_ledger.engine import Contested, Ledger, Transaction, locked, news
from hermodr_ledger.engine.announcing import FIRST_ANNOUNCEMENT_OVERDUE_SECONDS
from hermodr_ledger.jobs import escalating
from hermodr_ledger.jobs.decisions import Decision, Lanes, NewDelivery, Note, record_decisions
from hermodr_ledger.jobs.escalating import Stepped
from hermodr_servicekit.ids import CHILD_MASK, child_id

SENDABLE_AGAIN = (
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.UNKNOWN,
    DeliveryState.CANCELLED,
    DeliveryState.SUPPRESSED,
)
"""The states of deliveries that a retry sends again."""

_UNDER_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.RETRYING, DeliveryState.SENDING})
_ARRIVED = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.COMPLAINED})


@dataclass(frozen=True, slots=True)
class Earlier:
    """A delivery the job has from before."""

    id: UUID
    channel: Channel
    state: DeliveryState


async def record_all(ledger: Ledger, decisions: Sequence[Decision]) -> Lanes:
    """`decisions.record_decisions` for any jobs, requeued ones included. Locked jobs are left to the scheduler."""
    fresh = [each for each in decisions if not each.job.may_have_deliveries]
    again = [each for each in decisions if each.job.may_have_deliveries]
    lanes = await _record_fresh(ledger, fresh) if fresh else {}
    for some in await _apart(ledger, again) if again else ():
        for lane, ids in some.items():
            lanes.setdefault(lane, []).extend(ids)
    return lanes


async def _record_fresh(ledger: Ledger, decisions: Sequence[Decision]) -> Lanes:
    try:
        return await record_decisions(ledger, decisions)
    except Contested:
        async with ledger.transaction() as transaction:
            free = await locked.free_jobs(transaction, [each.job.id for each in decisions])
            return await record_decisions(transaction, [each for each in decisions if each.job.id in free])


async def record_in(transaction: Transaction, decisions: Sequence[Decision]) -> Lanes:
    """`record_all` within a transaction. Raises `Contested`."""
    lanes: Lanes = {}
    again = [each for each in decisions if each.job.may_have_deliveries]
    fresh = [each for each in decisions if not each.job.may_have_deliveries]
    for some in (
        await _record_again(transaction, again) if again else {},
        await record_decisions(transaction, fresh) if fresh else {},
    ):
        for lane, ids in some.items():
            lanes.setdefault(lane, []).extend(ids)
    return lanes


async def _apart(ledger: Ledger, decisions: Sequence[Decision]) -> list[Lanes]:
    """All together; if one is locked, each by itself."""
    try:
        async with ledger.transaction() as transaction:
            return [await _record_again(transaction, decisions)]
    except Contested:
        if len(decisions) == 1:
            return []
        return [lanes for each in decisions for lanes in await _apart(ledger, [each])]


def reconciled(decision: Decision, earlier: Sequence[Earlier]) -> Decision:
    """The decision adapted to existing deliveries: ids are kept, arrived ones are not sent again. With nothing left to
    send the job is completed if anything arrived."""
    of_channel = {each.channel: each for each in earlier}
    used = {each.id for each in earlier}
    ids: dict[UUID, UUID] = {}
    notes: list[Note] = []
    deliveries = []
    for wanted in decision.deliveries:
        known = of_channel.get(wanted.channel)
        if known is not None and known.state not in SENDABLE_AGAIN:
            notes.append(Note("not_sent", {"channel": wanted.channel, "reason": "already_sent"}, known.id))
            continue
        ids[wanted.id] = known.id if known is not None else _unused(decision.job.id, wanted.id, used)
        used.add(ids[wanted.id])
        deliveries.append(wanted._replace(id=ids[wanted.id]))
    dropped = {each.id for each in decision.deliveries} - set(ids)
    notes += [
        note._replace(delivery_id=ids.get(note.delivery_id)) if note.delivery_id is not None else note
        for note in decision.notes
        if note.delivery_id not in dropped
    ]
    changed = decision._replace(deliveries=tuple(deliveries), notes=tuple(notes))
    arrived = any(each.state in _ARRIVED for each in earlier)
    ends = decision.state in (JobState.PROCESSING, JobState.SKIPPED, JobState.FAILED)
    if not changed.open and arrived and ends:
        return changed._replace(state=JobState.COMPLETED, error=None, following=None)
    return changed


def in_place(
    decision: Decision, step: int | None, earlier: Sequence[Earlier], processed_at: datetime | None
) -> tuple[Decision, Stepped | None] | None:
    """The decision about a step, with all that counts as open, and what follows from it; `None`: its job stands at
    another `step` by now. An end of the steps is not the job's end while earlier deliveries are under way."""
    job = decision.job
    if job.escalation is None:
        return decision, None
    if job.escalation.step != (step or 0):
        return None
    waits = decision.state is JobState.SCHEDULED and step is not None
    ends = decision.state in TERMINAL_JOB_STATES and step is not None
    under_way = sum(each.state in _UNDER_WAY for each in earlier)
    held = under_way + (decision.following is not None or waits or ends)
    stepped = Stepped(job.id, decision.following, processed_at, waits, ends, decision.error)
    if ends:
        decision = decision._replace(state=JobState.PROCESSING, error=None)
    return decision._replace(held=held), stepped


def _unused(job_id: UUID, wanted: UUID, used: set[UUID]) -> UUID:
    if wanted not in used:
        return wanted
    return child_id(job_id, max(each.int & CHILD_MASK for each in used) + 1)


async def _record_again(transaction: Transaction, decisions: Sequence[Decision]) -> Lanes:
    """Locks deliveries before their jobs, as `attempts.record` does."""
    earlier = await _locked_deliveries(transaction, [each.job.id for each in decisions])
    queued = await transaction.fetch(
        "SELECT j.id, j.processed_at FROM unnest($1::uuid[]) w(id) JOIN hermodr.jobs j ON j.id = w.id"
        " WHERE j.state = 'queued' ORDER BY j.id FOR UPDATE OF j",
        [each.job.id for each in decisions],
    )
    waiting = {row["id"]: row["processed_at"] for row in queued}
    final = [reconciled(each, earlier.get(each.job.id, ())) for each in decisions if each.job.id in waiting]
    stepped: list[Stepped] = []
    if any(each.job.escalation is not None for each in final):
        steps = await escalating.steps(transaction, list(waiting))
        placed = [
            in_place(each, steps.get(each.job.id), earlier.get(each.job.id, ()), waiting[each.job.id])
            for each in final
        ]
        final = [each for each, _ in filter(None, placed)]
        stepped = [step for _, step in filter(None, placed) if step is not None]
    known = {each.id for group in earlier.values() for each in group}
    lanes = await record_decisions(transaction, final)
    reused = [
        (each, decision.job.priority)
        for decision in final
        for each in decision.deliveries
        if each.id in known
    ]
    await _reset(transaction, [each for each, _ in reused])
    for each, priority in reused:
        if each.suppressed is not None:
            continue
        lanes.setdefault((each.channel, Priority(priority)), []).append(each.id)
    if stepped:
        await escalating.settle(transaction, stepped)
    return lanes


async def _locked_deliveries(
    transaction: Transaction, job_ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[Earlier]]:
    rows = await transaction.fetch(
        """
        SELECT d.id, d.job_id, d.channel, d.state
        FROM unnest($1::uuid[], $2::uuid[]) w(first, last)
        JOIN hermodr.deliveries d ON d.id > w.first AND d.id <= w.last
        ORDER BY d.id FOR UPDATE OF d
        """,
        list(job_ids),
        [UUID(int=each.int | CHILD_MASK) for each in job_ids],
    )
    found: dict[UUID, list[Earlier]] = {}
    for row in rows:
        one = Earlier(row["id"], Channel(row["channel"]), DeliveryState(row["state"]))
        found.setdefault(row["job_id"], []).append(one)
    return found


async def _reset(transaction: Transaction, deliveries: Sequence[NewDelivery]) -> None:
    """Deliveries wait as if new. Attempts stay, numbers go on, the ladder starts again."""
    if not deliveries:
        return
    rows = await transaction.fetch(
        f"""
        UPDATE hermodr.deliveries d
        SET state = CASE WHEN n.suppressed IS NULL THEN 'queued' ELSE 'suppressed' END, address = n.address,
            address_name = n.address_name, template_id = n.template_id, template_version = n.template_version,
            locale = n.locale, on_unknown = n.on_unknown, max_attempts = d.attempt + n.max_attempts,
            earlier_attempts = d.attempt, due_at = NULL,
            wake_at = CASE WHEN n.suppressed IS NULL THEN now() + make_interval(secs => $9) END, announcements = 0,
            unannounced = false, claimed_by = NULL, claimed_at = NULL, lease_until = NULL,
            error = 'suppressed_' || n.suppressed, recipient = n.recipient::jsonb,
            copies = n.copies::jsonb,
            finished_at = CASE WHEN n.suppressed IS NOT NULL THEN now() END
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::text[], $8::smallint[],
                    $10::text[], $11::text[], $12::text[])
            AS n(id, address, address_name, template_id, template_version, locale, on_unknown, max_attempts,
                 suppressed, recipient, copies)
        WHERE d.id = n.id
        RETURNING d.id, d.job_id, d.project_id, d.state, {news.OWNER}, now() AS at
        """,
        [each.id for each in deliveries],
        [each.address for each in deliveries],
        [each.address_name for each in deliveries],
        [each.template_id for each in deliveries],
        [each.template_version for each in deliveries],
        [each.locale for each in deliveries],
        [each.on_unknown for each in deliveries],
        [each.max_attempts for each in deliveries],
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        [each.suppressed for each in deliveries],
        [each.recipient for each in deliveries],
        [each.copies for each in deliveries],
    )
    transaction.tell(news.of_deliveries(rows))
