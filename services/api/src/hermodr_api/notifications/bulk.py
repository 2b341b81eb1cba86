"""Accepts many notifications in one request and transaction: a crash leaves all or nothing. What takes long in Python
is done before it, in a thread or in slices, so that other requests are served meanwhile."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Answer, Key, patience, settled
from hermodr_api.errors import Flaw, Refused
from hermodr_api.http.bodies import flaws_of
from hermodr_api.http.bulk_bodies import SLICE, Rejections
from hermodr_api.http.json_text import Flawed
from hermodr_api.notifications.bulk_answers import body_of, with_job_ids
from hermodr_api.notifications.content import OUTSIDE_WINDOW, only_by_whatsapp
from hermodr_api.notifications.data import data_flaws
from hermodr_api.notifications.directory import Directory
from hermodr_api.notifications.envelope import (
    default_address,
    from_address,
    no_sender_any_more,
    takes_defaults,
    with_defaults,
)
from hermodr_api.notifications.groups import GROUP_APART
from hermodr_api.notifications.models import (
    BulkItemIn,
    NotificationIn,
    Sendable,
    answer_of,
    examine,
    item_fingerprint,
    job_of,
    place_of,
    reference_of,
    template_of,
)
from hermodr_api.notifications.service import unknown_recipient, unknown_type
from hermodr_api.senders.strangers import not_a_sender
from hermodr_api.shared import Count
from hermodr_api.updates.models import misplaced
from hermodr_contracts.addresses import mailbox
from hermodr_contracts.channels import Channels
from hermodr_contracts.segments import MOST_SEGMENTS
from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.access import idempotency
from hermodr_ledger.access.idempotency import Idempotency, KeyReused, Replay, StillRunning
from hermodr_ledger.access.mail_defaults import MailDefaults
from hermodr_ledger.engine import Collided, Ledger
from hermodr_ledger.jobs.accept import Accepted, AcceptOutcome, NewJob, SingletonContested
from hermodr_ledger.jobs.batches import Batch, record_batch
from hermodr_ledger.jobs.intake import accept_many
from hermodr_ledger.people.recipients import FoundRecipient, Reference
from hermodr_ledger.people.updates import FoundPlace, Place
from hermodr_ledger.templates.needs import Needs
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_id, new_job_id

_CHUNK = 1000
"""Rows per statement."""
_TRIES = 3
_DEADLINE_SECONDS = 45.0
"""After that the request is answered 503, and nothing of it is kept."""
_WAIT_SECONDS = 1.5
"""For keys that uncommitted transactions hold: another bulk request may take this long."""


@dataclass(slots=True)
class _Work:
    """`asked`: how many items there are, if their jobs are to be told; `rejected`: flaws by index; `keys`: of flawed
    items; `repeated`: jobs of items that were accepted before."""

    project_id: UUID
    batch_id: UUID
    asked: int | None = None
    sendable: list[tuple[int, Sendable, dict[str, Any]]] = field(default_factory=list)
    rejected: Rejections = field(default_factory=Rejections)
    keys: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    repeated: dict[int, UUID] = field(default_factory=dict)
    jobs: list[tuple[int, NewJob]] = field(default_factory=list)
    committed: int = 0


@dataclass(frozen=True, slots=True)
class _There:
    templates: Mapping[str, Needs | None]
    recipients: Mapping[Reference, FoundRecipient | None]
    places: Mapping[Place, FoundPlace]
    strangers: set[str]
    outside: Set[int]
    """Positions of those that WhatsApp does not take as they are."""
    defaults: Mapping[str | None, MailDefaults]


class Bulk:
    """The use case of `POST /v1/notifications/bulk`."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        clock: Clock,
        domain: str,
        announcer: Announcer,
        count: Count,
        quotas: Quotas,
        channels: Channels,
        most_segments: int = MOST_SEGMENTS,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._clock = clock
        self._domain = domain
        self._announcer = announcer
        self._count = count
        self._quotas = quotas
        self._channels = channels
        self._most_segments = most_segments

    async def request(
        self, project_id: UUID, items: Sequence[object], key: Key | None, *, job_ids: bool = False
    ) -> Answer:
        """`items` are parsed (or `Flawed`), not validated; with `job_ids` each one's job is told. Raises `Refused` (503
        if late) and `LedgerUnavailable`."""
        async with patience(_DEADLINE_SECONDS):
            return await self._request(
                _Work(project_id, new_id(), len(items) if job_ids else None), items, key
            )

    async def _request(self, work: _Work, items: Sequence[object], key: Key | None) -> Answer:
        await asyncio.to_thread(self._examine_all, work, items, self._clock.now())
        await self._refer(work)
        if work.keys:
            await self._look_back(work)
        try:
            day = await self._quotas.charge(work.project_id, len(work.jobs))
        except Refused:
            known = None  # what was accepted once is not refused when it is repeated
            if key is not None:
                known = await idempotency.look(self._ledger, work.project_id, key.value, key.fingerprint)
            if known is None:
                raise
            return settled(known)
        try:
            return await self._committed(work, key)
        finally:
            self._quotas.refund(work.project_id, len(work.jobs) - work.committed, day)

    async def _committed(self, work: _Work, key: Key | None) -> Answer:
        for _ in range(_TRIES - 1):
            try:
                return await self._commit(work, key)
            except Collided:
                await asyncio.sleep(0)
        return await self._commit(work, key)

    async def prepared(
        self, project_id: UUID, items: Sequence[object]
    ) -> tuple[dict[int, NewJob], Rejections]:
        """The jobs that valid items would become, and the flaws of the others; nothing is committed."""
        work = _Work(project_id, new_id())
        await asyncio.to_thread(self._examine_all, work, items, self._clock.now())
        await self._refer(work)
        return dict(work.jobs), work.rejected

    def _examine_all(self, work: _Work, items: Sequence[object], now: datetime) -> None:
        """Runs in a thread."""
        for index, item in enumerate(items):
            self._examine(work, index, item, now)

    def _examine(self, work: _Work, index: int, item: object, now: datetime) -> None:
        if isinstance(item, Flawed):
            work.rejected.reject(index, item.flaws)
            return
        try:
            wanted = BulkItemIn.model_validate(item)
        except ValidationError as error:
            work.rejected.reject(index, flaws_of(error, ()))
            return
        if wanted.to.group_id is not None:
            work.rejected.reject(index, [Flaw(("to", "group_id"), GROUP_APART)])
            return
        examined = examine(wanted, now, self._channels, (), most_segments=self._most_segments)
        if isinstance(examined, list):
            self._reject(work, index, wanted, item, examined)
        elif isinstance(item, dict):
            work.sendable.append((index, examined, item))

    async def _refer(self, work: _Work) -> None:
        """Looks up all references of the items in few statements, and makes jobs of items whose references exist."""
        for start in range(0, len(work.sendable), _CHUNK):
            chunk = work.sendable[start : start + _CHUNK]
            names = {name for _, item, _ in chunk if (name := template_of(item.wanted)) is not None}
            templates = await self._directory.needs_of(work.project_id, names)
            references = [reference_of(work.project_id, item.wanted.to) for _, item, _ in chunk]
            defaults = await self._directory.mail_defaults(work.project_id, {*names, None}, bulk=True)
            senders = {each for _, item, _ in chunk if (each := from_address(item.wanted)) is not None}
            senders |= {mailbox(each.sender)[1] for each in defaults.values() if each.sender is not None}
            people = await self._directory.recipients(each for each in references if each is not None)
            there = _There(
                templates,
                people,
                await self._directory.places(
                    place
                    for _, item, _ in chunk
                    if (place := place_of(work.project_id, item.wanted)) is not None
                ),
                await self._directory.strangers(work.project_id, senders),
                await self._outside(chunk, references, people),
                defaults,
            )
            for position, ((index, item, raw), reference) in enumerate(zip(chunk, references, strict=True)):
                self._make(work, (index, position), item, raw, reference, there)
                if position % SLICE == 0:
                    await asyncio.sleep(0)
        work.sendable.clear()

    async def _outside(
        self,
        chunk: Sequence[tuple[int, Sendable, dict[str, Any]]],
        references: Sequence[Reference | None],
        people: Mapping[Reference, FoundRecipient | None],
    ) -> Set[int]:
        asked: dict[int, tuple[str | None, UUID | None]] = {}
        for position, ((_, item, _), reference) in enumerate(zip(chunk, references, strict=True)):
            if not item.waits and only_by_whatsapp(item.wanted, self._channels):
                who = people.get(reference) if reference is not None else None
                asked[position] = (item.wanted.to.phone, who.id if who is not None else None)
        if not asked:
            return frozenset()
        told = await self._directory.outside_window(list(asked.values()), bulk=True)
        return {position for position, outside in zip(asked, told, strict=True) if outside}

    def _make(
        self,
        work: _Work,
        at: tuple[int, int],
        item: Sendable,
        raw: dict[str, Any],
        reference: Reference | None,
        there: _There,
    ) -> None:
        """`at`: its index in the request, and its position in what was looked up together."""
        index, position = at
        flaws = []
        if position in there.outside:
            flaws.append(Flaw(("channels",), OUTSIDE_WINDOW))
        template, place = template_of(item.wanted), place_of(work.project_id, item.wanted)
        recipient = there.recipients[reference] if reference is not None else None
        if template is not None:
            needs = there.templates[template]
            if needs is None:
                flaws.append(unknown_type(template, ()))
            else:
                flaws += data_flaws(item.wanted, needs, self._channels, ())
        address = from_address(item.wanted)
        if address is not None and address in there.strangers:
            flaws.append(not_a_sender(address, ()))
        item, stranger = _defaulted(item, there)
        if stranger is not None:
            flaws.append(stranger)
        if reference is not None and recipient is None:
            flaws.append(unknown_recipient(reference.kind, ()))
        if place is not None:
            flaws += misplaced(place, there.places[place], ())
        if flaws:
            self._reject(work, index, item.wanted, raw, flaws)
            return
        job_id = new_job_id()
        kept = None
        if isinstance(item.wanted, BulkItemIn) and item.wanted.idempotency_key is not None:
            answer = answer_of(job_id, item.waits, self._domain)
            kept = Idempotency(item.wanted.idempotency_key, item_fingerprint(raw), answer)
        group_id = there.places[place].update_group_id if place is not None else None
        job = job_of(
            item,
            job_id,
            work.project_id,
            recipient,
            group_id=group_id,
            batch_id=work.batch_id,
            idempotency=kept,
        )
        work.jobs.append((index, job))

    @staticmethod
    def _reject(work: _Work, index: int, wanted: NotificationIn, raw: object, flaws: list[Flaw]) -> None:
        work.rejected.reject(index, flaws)
        if isinstance(wanted, BulkItemIn) and wanted.idempotency_key is not None and isinstance(raw, dict):
            work.keys[index] = (wanted.idempotency_key, item_fingerprint(raw))

    async def _look_back(self, work: _Work) -> None:
        """Flawed items that were accepted before are accepted again: what they refer to may be gone by now."""
        verdicts = await idempotency.look_many(self._ledger, work.project_id, list(work.keys.values()))
        for index, verdict in zip(work.keys, verdicts, strict=True):
            if isinstance(verdict, Replay):
                del work.rejected[index]
                work.repeated[index] = _job_of(verdict)

    async def _commit(self, work: _Work, key: Key | None) -> Answer:
        try:
            async with self._ledger.transaction() as transaction:
                if key is not None:
                    verdict = await idempotency.take(transaction, work.project_id, key.value, key.fingerprint)
                    if verdict is not None:
                        return settled(verdict)
                jobs = [job for _, job in work.jobs]
                verdicts = await accept_many(transaction, jobs, wait_seconds=_WAIT_SECONDS)
                rejected = work.rejected | _refusals(work.jobs, verdicts)
                accepted = len(work.repeated) + len(work.jobs) + len(work.rejected) - len(rejected)
                committed = [
                    job for job, verdict in zip(jobs, verdicts, strict=True) if verdict == Accepted()
                ]
                replayed = work.repeated | _repeats(work.jobs, verdicts)
                batch = Batch(
                    work.batch_id, work.project_id, accepted, len(rejected), list(replayed.values())
                )
                await record_batch(transaction, batch, [job.id for job in committed])
                body = body_of(work.batch_id, accepted, rejected, replayed)
                if work.asked is not None:
                    body = with_job_ids(
                        body, work.asked, {index: job.id for index, job in work.jobs} | replayed, rejected
                    )
                if key is not None:
                    await idempotency.keep(transaction, work.project_id, key.value, 202, body)
        except idempotency.InUse:
            return settled(await idempotency.in_use(self._ledger))
        work.committed = len(committed)
        tracing.accepted(job.id for job in committed)
        self._ring(committed)
        return Answer(202, body)

    def _ring(self, committed: Sequence[NewJob]) -> None:
        counts: dict[tuple[JobKind, Priority], int] = defaultdict(int)
        lanes: dict[Priority, list[UUID]] = defaultdict(list)
        for job in committed:
            counts[(job.kind, job.priority)] += 1
            if not job.waits:
                lanes[job.priority].append(job.id)
        for (kind, priority), number in counts.items():
            self._count(kind, priority, number)
        for priority, ids in sorted(lanes.items()):
            self._announcer.jobs(priority, ids)


def _defaulted(item: Sendable, there: _There) -> tuple[Sendable, Flaw | None]:
    wanted = item.wanted
    defaults = there.defaults[template_of(wanted)]
    if not (defaults.sender or defaults.reply_to) or not takes_defaults(
        wanted, wanted.channels, by_phone=wanted.to.phone is not None
    ):
        return item, None
    address = default_address(wanted, defaults)
    if address is not None and address in there.strangers:
        return item, no_sender_any_more(address, defaults.of, ())
    return replace(item, envelope=with_defaults(wanted, item.envelope, defaults)), None


def _job_of(replay: Replay) -> UUID:
    return UUID(orjson.loads(replay.response)["job_id"])


def _repeats(jobs: Sequence[tuple[int, NewJob]], verdicts: Sequence[AcceptOutcome]) -> dict[int, UUID]:
    told = zip(jobs, verdicts, strict=True)
    return {index: _job_of(verdict) for (index, _), verdict in told if isinstance(verdict, Replay)}


def _refusals(jobs: Sequence[tuple[int, NewJob]], verdicts: Sequence[AcceptOutcome]) -> dict[int, list[Flaw]]:
    refusals = {}
    for (index, _), verdict in zip(jobs, verdicts, strict=True):
        if isinstance(verdict, Accepted | Replay):
            continue  # a replayed item was accepted before, which is the same for its producer
        if isinstance(verdict, KeyReused):
            flaw = Flaw(
                ("idempotency_key",), "was used for another request or item; use a new key for a new item"
            )
        elif isinstance(verdict, StillRunning):
            flaw = Flaw(("idempotency_key",), "the first request with this key has no answer yet")
        elif isinstance(verdict, SingletonContested):
            flaw = Flaw(("singleton_key",), "a request that is not committed yet holds this key; try again")
        else:
            flaw = Flaw(("singleton_key",), f"job {verdict.job_id} has this key and is not finished")
        refusals[index] = [flaw]
    return refusals
