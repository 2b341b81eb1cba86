"""What providers report about deliveries afterwards. Each report is an event of its job, once, whatever the order they
come in: a state only rises (sent, delivered, bounced, complained). A completed job stays as it is."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, DeliveryState, SuppressionReason
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Settlement, record
from hermodr_ledger.engine import Ledger, Row, Transaction, news
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.jobs import escalating
from hermodr_ledger.people import suppressions
from hermodr_ledger.people.suppressions import NewSuppression
from hermodr_servicekit.ids import job_of, last_child_of

REPORTED = "reported"
"""The kind of the events."""
MOST_OF_A_JOB = 500
"""Reports kept of a job; further ones (opened again and again) change states only."""
_AGAIN_SECONDS = 2.0
_GIVEN_UP_SECONDS = 2 * 86_400.0


class ReceiptKind(StrEnum):
    QUEUED = "queued"
    """The provider has it."""
    SENT = "sent"
    """The provider gave it to the next one."""
    DELAYED = "delayed"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


_PROVES: Mapping[str, DeliveryState] = {
    ReceiptKind.QUEUED: DeliveryState.SENT,
    ReceiptKind.SENT: DeliveryState.SENT,
    ReceiptKind.DELIVERED: DeliveryState.DELIVERED,
    ReceiptKind.OPENED: DeliveryState.DELIVERED,
    ReceiptKind.CLICKED: DeliveryState.DELIVERED,
    ReceiptKind.BOUNCED: DeliveryState.BOUNCED,
    ReceiptKind.COMPLAINED: DeliveryState.COMPLAINED,
}
_RISING = (
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.BOUNCED,
    DeliveryState.COMPLAINED,
)
_MAY_BE_SENT = ("queued", "retrying", "unknown", "failed", "cancelled")
"""States of a delivery whose unknown attempt a report proves to have been accepted."""


class Receipt(NamedTuple):
    """`event_id`: the same if the report comes again. `address`: whom it is about, if it says so; perhaps somebody who
    got a copy. `lasting`: nothing will ever arrive there. `automatic`: a machine did it. `code`: no personal data.
    `doubt`: why it is noted and changes nothing."""

    job_id: UUID
    provider: str
    event_id: str
    kind: ReceiptKind
    at: datetime
    address: str | None = None
    lasting: bool = False
    automatic: bool = False
    code: str | None = None
    doubt: str | None = None
    channel: Channel = Channel.EMAIL

    @property
    def key(self) -> "Key":
        return self.job_id, self.channel


Key = tuple[UUID, str]
"""A job and a channel: it has one delivery there at most."""


class Taken(NamedTuple):
    """How many reports were `new`, were `known` before, and are of no delivery that is here (`unknown`)."""

    new: tuple[ReceiptKind, ...]
    known: int
    unknown: int


@dataclass(slots=True)
class _Delivery:
    """A locked delivery and what is reported of it. `proof`: number and provider of its latest attempt if unknown."""

    row: Row
    proof: tuple[int, str] | None
    seen: set[str] = field(default_factory=set)
    proven: list[DeliveryState] = field(default_factory=list)
    new: list[Receipt] = field(default_factory=list)
    provider: str | None = None
    code: str | None = None

    def add(self, event: Mapping[str, object]) -> None:
        self.seen.add(str(event.get("event_id")))
        state = _PROVES.get(str(event.get("kind")))
        if state is None or event.get("copy") or event.get("doubt"):
            return
        self.proven.append(state)
        self.provider = str(event.get("provider"))
        if state is DeliveryState.BOUNCED:
            self.code = str(event["code"]) if event.get("code") else None

    def is_copy(self, receipt: Receipt) -> bool:
        address: str = self.row["address"]
        return receipt.address is not None and bool(address) and receipt.address.lower() != address.lower()

    def is_look(self, receipt: Receipt) -> bool:
        seen = receipt.kind in (ReceiptKind.OPENED, ReceiptKind.CLICKED)
        return seen and not (receipt.automatic or receipt.doubt or self.is_copy(receipt))

    def rises_to(self) -> DeliveryState | None:
        """The state that the reports prove, if it is a later one than the present."""
        state = self.row["state"]
        if state not in _RISING or not self.proven:
            return None
        best = max(self.proven, key=_RISING.index)
        return best if _RISING.index(best) > _RISING.index(DeliveryState(state)) else None

    @property
    def is_early(self) -> bool:
        return bool(self.proven) and self.row["state"] == DeliveryState.SENDING

    @property
    def is_proof(self) -> bool:
        """Whether the attempt with unknown outcome was accepted after all."""
        return (
            bool(self.proven)
            and self.row["state"] in _MAY_BE_SENT
            and self.proof is not None
            and self.proof[1] == self.provider
        )


async def take(ledger: Ledger, receipts: Sequence[Receipt]) -> Taken:
    """Idempotent. Suppresses who bounced for good or complained, in the same transaction. Raises
    `LedgerUnavailable`."""
    async with ledger.transaction() as transaction:
        found = await _locked(transaction, {each.job_id for each in receipts})
        new = [each for each in receipts if _is_new(found.get(each.key), each)]
        await _note(transaction, found, new)
        await _suppress(transaction, found, new)
        await _apply(transaction, found.values())
        await escalating.end_looked(
            transaction, [each.job_id for each in new if found[each.key].is_look(each)]
        )
    await _prove(ledger, found.values())
    unknown = sum(each.key not in found for each in receipts)
    return Taken(tuple(each.kind for each in new), len(receipts) - unknown - len(new), unknown)


async def apply_early(ledger: Ledger, limit: int) -> int:
    """Applies reports that came before their delivery was recorded as sent; returns how many were looked at."""
    async with ledger.transaction() as transaction:
        rows = await transaction.fetch(
            """
            SELECT e.delivery_id, e.created_at < now() - make_interval(secs => $2) AS old
            FROM hermodr.early_receipts e WHERE e.wake_at <= now()
            ORDER BY e.wake_at LIMIT $1 FOR UPDATE SKIP LOCKED
            """,
            limit,
            _GIVEN_UP_SECONDS,
        )
        if not rows:
            return 0
        await transaction.fetch(
            "DELETE FROM hermodr.early_receipts e USING unnest($1::uuid[]) w(id) WHERE e.delivery_id = w.id",
            [row["delivery_id"] for row in rows],
        )
        wanted = {job_of(row["delivery_id"]) for row in rows if not row["old"]}
        found = await _locked(transaction, wanted)
        await _apply(transaction, found.values())
    await _prove(ledger, found.values())
    return len(rows)


def _is_new(delivery: _Delivery | None, receipt: Receipt) -> bool:
    """Also remembers it, so that it counts once within a request."""
    if delivery is None or receipt.event_id in delivery.seen:
        return False
    delivery.add(_event(delivery, receipt))
    delivery.new.append(receipt)
    return True


def _event(delivery: _Delivery, receipt: Receipt) -> dict[str, object]:
    said: dict[str, object] = {
        "kind": receipt.kind,
        "provider": receipt.provider,
        "at": receipt.at.isoformat().replace("+00:00", "Z"),
        "event_id": receipt.event_id,
    }
    more = {
        "code": receipt.code,
        "automatic": receipt.automatic,
        "copy": delivery.is_copy(receipt),
        "doubt": receipt.doubt,
    }
    return said | {name: value for name, value in more.items() if value}


async def _locked(transaction: Transaction, job_ids: Iterable[UUID]) -> dict[Key, _Delivery]:
    """The mail and the texts of each job, in the order of ids like everywhere, with what was reported."""
    wanted = sorted(job_ids)
    rows = await transaction.fetch(
        """
        SELECT d.id, d.job_id, d.project_id, d.channel, d.address, d.state, d.attempt
        FROM unnest($1::uuid[], $2::uuid[]) w(first, last)
        JOIN hermodr.deliveries d ON d.id > w.first AND d.id <= w.last
        WHERE d.channel IN ('email', 'sms', 'whatsapp') ORDER BY d.id FOR UPDATE OF d
        """,
        wanted,
        [last_child_of(each) for each in wanted],
    )
    proofs = await transaction.fetch(
        """
        SELECT a.delivery_id, a.number, a.provider FROM unnest($1::uuid[], $2::smallint[]) w(id, number)
        JOIN hermodr.attempts a ON a.delivery_id = w.id AND a.number = w.number WHERE a.outcome = 'unknown'
        """,
        [row["id"] for row in rows],
        [row["attempt"] for row in rows],
    )
    unknown = {each["delivery_id"]: (each["number"], each["provider"]) for each in proofs}
    found = {row["id"]: _Delivery(row, unknown.get(row["id"])) for row in rows}
    events = await transaction.fetch(
        """
        SELECT e.delivery_id, e.detail FROM unnest($1::uuid[]) w(id)
        JOIN hermodr.events e ON e.job_id = w.id WHERE e.kind = $2 ORDER BY e.job_id, e.seq
        """,
        list({row["job_id"] for row in rows}),
        REPORTED,
    )
    for event in events:
        if event["delivery_id"] in found:
            found[event["delivery_id"]].add(object_of(event["detail"]))
    return {(each.row["job_id"], each.row["channel"]): each for each in found.values()}


async def _note(transaction: Transaction, found: Mapping[Key, _Delivery], new: Sequence[Receipt]) -> None:
    kept = [each for each in new if len(found[each.key].seen) <= MOST_OF_A_JOB]
    if kept:
        await transaction.fetch(
            """
            INSERT INTO hermodr.events (job_id, kind, delivery_id, detail)
            SELECT n.job_id, $4, n.delivery_id, n.detail::jsonb
            FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS n(job_id, delivery_id, detail, nth)
            ORDER BY n.nth
            """,
            [each.job_id for each in kept],
            [found[each.key].row["id"] for each in kept],
            [json.dumps(_event(found[each.key], each)) for each in kept],
            REPORTED,
        )


async def _suppress(transaction: Transaction, found: Mapping[Key, _Delivery], new: Sequence[Receipt]) -> None:
    """The address of an erased person is suppressed too, by its hash alone."""
    wanted: list[NewSuppression] = []
    erased: list[bool] = []
    for each in new:
        row = found[each.key].row
        address = "" if each.doubt else each.address or row["address"]
        complained = each.kind is ReceiptKind.COMPLAINED
        if address and (complained or (each.kind is ReceiptKind.BOUNCED and each.lasting)):
            reason = SuppressionReason.COMPLAINT if complained else SuppressionReason.BOUNCE
            wanted.append(NewSuppression(row["project_id"], address, reason, delivery_id=row["id"]))
            erased.append(not row["address"])
    for forgotten in (False, True):
        some = [each for each, gone in zip(wanted, erased, strict=True) if gone is forgotten]
        if some:
            put = await suppressions.put(transaction, some)
            if forgotten:
                await suppressions.forget(transaction, [each.suppression.id for each in put])


async def _apply(transaction: Transaction, deliveries: Iterable[_Delivery]) -> None:
    rising = [(each, state) for each in deliveries if (state := each.rises_to()) is not None]
    early = [each.row["id"] for each in deliveries if each.is_early]
    if rising:
        rows = await transaction.fetch(
            f"""
            UPDATE hermodr.deliveries d
            SET state = w.state, error = CASE WHEN w.state = 'bounced' THEN coalesce(w.code, 'bounced') ELSE d.error END
            FROM unnest($1::uuid[], $2::text[], $3::text[]) w(id, state, code) WHERE d.id = w.id
            RETURNING d.id, d.job_id, d.project_id, d.state, {news.OWNER}, now() AS at
            """,
            [each.row["id"] for each, _ in rising],
            [state for _, state in rising],
            [each.code for each, _ in rising],
        )
        transaction.tell(news.of_deliveries(rows))
    if early:
        await transaction.fetch(
            """
            INSERT INTO hermodr.early_receipts (delivery_id, wake_at)
            SELECT w.id, now() + make_interval(secs => $2) FROM unnest($1::uuid[]) w(id)
            ON CONFLICT (delivery_id) DO NOTHING
            """,
            early,
            _AGAIN_SECONDS,
        )


async def _prove(ledger: Ledger, deliveries: Iterable[_Delivery]) -> None:
    """Unknown attempts that were accepted after all are recorded as sent, so that nothing is sent twice."""
    now = datetime.now(UTC)
    proven = [each for each in deliveries if each.is_proof]
    results = [
        (
            Attempt(
                each.row["id"],
                each.proof[0],
                Outcome.SENT,
                now,
                now,
                provider=each.proof[1],
                detail="reported",
            ),
            Settlement(DeliveryState.SENT),
        )
        for each in proven
        if each.proof is not None
    ]
    if not results:
        return
    await record(ledger, results)
    async with ledger.transaction() as transaction:
        found = await _locked(transaction, {each.row["job_id"] for each in proven})
        await _apply(transaction, found.values())
