from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.access.quotas import Quotas
from hermodr_api.addresses.notes import AddressNotes
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, RATE_LIMITED, Flaw, Refused, invalid, not_found
from hermodr_api.recipients.models import view_for
from hermodr_api.shared import Count
from hermodr_contracts.rates import Limit
from hermodr_ledger.access import audit, rates
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.rates import BucketRequest
from hermodr_ledger.engine import Collided, Ledger, Transaction
from hermodr_ledger.jobs.accept import NewJob, accept
from hermodr_ledger.people import pending, recipients
from hermodr_ledger.people.pending import KINDS, Addressed, Asked, Kind
from hermodr_ledger.people.recipients import Recipient
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.links import Links

_DAY = 86_400
_OF_USER, _OF_ADDRESS = Limit(10, _DAY, 5), Limit(5, _DAY, 3)
"""Requests to confirm an address, whoever asks: of one user, and to one address."""
_TRIES = 3
_WRONG = f"is not the code that was sent; after {pending.MOST_CODES} tries give the number again"
_BY_LINK = Actor("service", "address-link")


@dataclass(slots=True)
class _Change:
    """`now` counts at once; `new` addresses once they are confirmed; `removed` and `withdrawn` ones are of those that
    are there, and pending."""

    now: dict[str, object] = field(default_factory=dict)
    new: dict[Kind, tuple[UUID, str]] = field(default_factory=dict)
    removed: list[Kind] = field(default_factory=list)
    withdrawn: list[Kind] = field(default_factory=list)


class Addresses:
    """What end users do with their own addresses, and who confirms them. All raise `Refused` and `LedgerUnavailable`.
    `links` `None`: this installation has no `HERMODR_LINK_SECRET`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        notes: AddressNotes,
        links: Links | None,
        announcer: Announcer,
        count: Count,
        quotas: Quotas,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._notes = notes
        self._links = links
        self._announcer = announcer
        self._count = count
        self._quotas = quotas

    async def change(self, caller: Caller, recipient_id: UUID, changes: Mapping[str, object]) -> Addressed:
        """An end user's changes of their own recipient; 429 after too many new addresses."""
        for _ in range(_TRIES):
            async with patience():
                before = await recipients.read(self._ledger, caller.project_id, recipient_id, caller.user_id)
                if before is None:
                    raise not_found("recipient")
                change = _change_of(before, changes)
                jobs = await self._messages(caller.project_id, before, change)
                found = await self._commit(caller, before, change, jobs)
            if found is not None:
                tracing.accepted(job.id for job in jobs)
                for job in jobs:
                    self._count(job.kind, job.priority, 1)
                    self._announcer.jobs(job.priority, (job.id,))
                return found
        raise Collided("the recipient keeps changing")

    async def confirm(self, caller: Caller, recipient_id: UUID, code: str, key: Key | None) -> Answer:
        """By the code that was sent to a phone; each try counts, also of those at once. The right one may come
        twice."""
        async with patience():
            if not await recipients.read(self._ledger, caller.project_id, recipient_id, caller.user_id):
                raise not_found("recipient")
            tried = await pending.try_code(self._ledger, recipient_id, "phone")

        async def act(transaction: Transaction) -> Outcome:
            if tried is None or self._links is None:
                raise Refused(CONFLICT, "no phone number waits for a code, or too many were tried")
            if not compare_digest(self._links.code(tried.id), code):
                raise invalid(Flaw(("body", "code"), _WRONG))
            done = await self._confirm(transaction, caller.project_id, recipient_id, tried.id, caller.actor)
            if not done and not await pending.is_confirmed(transaction, tried.id):
                raise Refused(CONFLICT, "the change was withdrawn or replaced meanwhile")
            found = await self._read(transaction, caller, recipient_id)
            return Outcome.of(view_for(caller), found)

        return await self._repeatable.run(caller.project_id, key, 200, act)

    async def withdraw(self, caller: Caller, recipient_id: UUID) -> None:
        """Of what is pending nothing is any more; what was sent for it does no longer work."""
        async with patience(), self._ledger.transaction() as transaction:
            found = await recipients.read_for_change(
                transaction, caller.project_id, recipient_id, caller.user_id
            )
            if found is None:
                raise not_found("recipient")
            for kind in await pending.withdraw(transaction, recipient_id, KINDS):
                await self._audit(transaction, caller, "withdraw", recipient_id, kind)

    async def asked(self, token: str) -> Asked | None:
        """What a link would confirm. `None`: it is not ours, or no longer pending."""
        pending_id = self._links.read_confirmation(token) if self._links is not None else None
        if pending_id is None:
            return None
        async with patience():
            return await pending.asked(self._ledger, pending_id)

    async def confirm_by_link(self, asked: Asked) -> bool:
        """`False`: it is no longer pending."""
        to, who = asked.pending, asked.pending.recipient_id
        async with patience(), self._ledger.transaction() as transaction:
            return await self._confirm(transaction, asked.project_id, who, to.id, _BY_LINK)

    async def _confirm(
        self, transaction: Transaction, project_id: UUID, recipient_id: UUID, pending_id: UUID, by: Actor
    ) -> bool:
        kind = await pending.confirm(transaction, project_id, recipient_id, pending_id)
        if kind is None:
            return False
        await audit.record(
            transaction, project_id, by, "recipient.confirm_address", recipient_id, {"kind": kind}
        )
        return True

    async def _read(self, transaction: Transaction, caller: Caller, recipient_id: UUID) -> Addressed:
        found = await recipients.read(transaction, caller.project_id, recipient_id)
        assert found is not None  # it is locked
        (with_pending,) = await pending.addressed(transaction, [found])
        return with_pending

    async def _messages(self, project_id: UUID, before: Recipient, change: _Change) -> list[NewJob]:
        if change.new and self._links is None:
            reason = "cannot be verified here: HERMODR_LINK_SECRET is not set"
            raise Refused(CONFLICT, reason, [Flaw(("body", kind), reason) for kind in change.new])
        jobs: list[NewJob | None] = []
        for kind, (pending_id, address) in change.new.items():
            assert self._links is not None
            new = (kind, address)
            jobs.append(await self._notes.verification(project_id, before, new, pending_id, self._links))
        told: list[tuple[Kind, str | None]] = [(kind, address) for kind, (_, address) in change.new.items()]
        for kind, changed in (*told, *((kind, None) for kind in change.removed)):
            jobs.append(await self._notes.changed(project_id, before, kind, changed))
        return [job for job in jobs if job is not None]

    async def _commit(
        self, caller: Caller, before: Recipient, change: _Change, jobs: Sequence[NewJob]
    ) -> Addressed | None:
        """`None`: the addresses are others than `before`."""
        async with self._ledger.transaction() as transaction:
            there = await recipients.read_for_change(
                transaction, caller.project_id, before.id, caller.user_id
            )
            if there is None:
                raise not_found("recipient")
            if (there.email, there.phone) != (before.email, before.phone):
                return None
            await self._take(transaction, caller, change)
            if change.now:
                await recipients.overwrite(transaction, before.id, change.now)
                await audit.changed(
                    transaction, caller.project_id, caller.actor, "recipient", before.id, change.now
                )
            for kind in await pending.withdraw(transaction, before.id, change.withdrawn):
                await self._audit(transaction, caller, "withdraw", before.id, kind)
            for kind in change.removed:
                await self._audit(transaction, caller, "remove", before.id, kind)
            for kind, (pending_id, address) in change.new.items():
                await pending.put(transaction, before.id, pending_id, kind, address)
                await self._audit(transaction, caller, "ask", before.id, kind)
            if jobs:
                async with self._quotas.counted(caller.project_id, len(jobs)):
                    await accept(transaction, jobs)
            return await self._read(transaction, caller, before.id)

    async def _take(self, transaction: Transaction, caller: Caller, change: _Change) -> None:
        """The right to send, for each address by whoever asks, and of this user. Rolled back with the transaction."""
        if not change.new or self._links is None:
            return
        user = BucketRequest(f"address/{caller.subject}", _OF_USER, len(change.new))
        wanted = [user] + [
            BucketRequest(f"address/{self._links.pseudonym(_reader_of(address))}", _OF_ADDRESS, 1)
            for _, address in change.new.values()
        ]
        granted = await rates.take(transaction, wanted)
        lacking = [each for each in wanted if granted[each.subject].tokens < each.wanted]
        if lacking:
            seconds = max(
                round((each.wanted - granted[each.subject].left) / each.limit.rate) for each in lacking
            )
            raise Refused(
                RATE_LIMITED,
                f"too many new addresses were given; try again in {seconds} s",
                headers={"retry-after": str(seconds)},
            )

    async def _audit(
        self, transaction: Transaction, caller: Caller, verb: str, recipient_id: UUID, kind: Kind
    ) -> None:
        action = f"recipient.{verb}_address"
        await audit.record(transaction, caller.project_id, caller.actor, action, recipient_id, {"kind": kind})


def _reader_of(address: str) -> str:
    """Of all spellings of an email address that usually are one mailbox the same one: without its `+tag`."""
    local, at, domain = address.lower().rpartition("@")
    return f"{local[:1]}{local[1:].partition('+')[0]}{at}{domain}" if at else domain


def _change_of(before: Recipient, changes: Mapping[str, object]) -> _Change:
    change = _Change()
    for name, value in changes.items():
        kind = next((each for each in KINDS if each == name), None)
        present = getattr(before, name)
        if kind is None or (value is None and present is not None):
            change.now[name] = value
            if kind is not None:
                change.removed.append(kind)
        elif value == present:
            change.withdrawn.append(kind)
        else:
            change.new[kind] = (new_id(), str(value))
    return change
