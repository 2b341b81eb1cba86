import hashlib
import secrets
from datetime import timedelta
from hmac import compare_digest
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.access.operators import Operators
from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found, unavailable
from hermodr_api.http.json_text import dump
from hermodr_api.senders.models import RECORD, SenderIn, SenderView, VerifyIn
from hermodr_contracts.addresses import mailbox, transport_address
from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.access import audit, senders
from hermodr_ledger.access.senders import ADDRESS, DOMAIN, NewSender, Sender, SenderTaken
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.jobs.accept import NewJob, accept
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.dns_texts import NoDns, Texts
from hermodr_servicekit.ids import new_id, new_job_id

_GOOD_FOR = timedelta(hours=24)
_PREFIX = "hermodr-verify="
_SUBJECT = "Verify this address"


class Senders:
    """The use cases of `/v1/senders`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        announcer: Announcer,
        operators: Operators,
        clock: Clock,
        texts: Texts,
        quotas: Quotas,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._announcer = announcer
        self._operators = operators
        self._clock = clock
        self._quotas = quotas
        self.texts = texts

    async def page(self, project_id: UUID, page: Page) -> PageResult[Sender]:
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: senders.page(at, project_id, rows))

    async def read(self, project_id: UUID, sender_id: UUID) -> Sender:
        async with patience():
            return _known(await senders.read(self._ledger, project_id, sender_id))

    async def create(self, caller: Caller, wanted: SenderIn, key: Key | None) -> Answer:
        """The token of an address is mailed to it, by a job of the project."""
        token = secrets.token_hex(20)
        given = self._given(caller.project_id, wanted, token)
        job = _mail(given, token) if given.kind == ADDRESS else None

        async def act(transaction: Transaction) -> Outcome:
            made = await senders.create(transaction, given)
            if job is not None:
                async with self._quotas.counted(caller.project_id, 1):
                    await accept(transaction, [job])
            detail = {"kind": made.kind}
            await audit.record(transaction, caller.project_id, caller.actor, "sender.create", made.id, detail)
            return Outcome.of(SenderView, made)

        try:
            answer = await self._repeatable.run(caller.project_id, key, 201, act)
        except SenderTaken:
            reason = "the project has this sender already"
            raise Refused(CONFLICT, reason, [Flaw(("body", given.kind), reason)]) from None
        if job is not None and not answer.replayed:
            tracing.accepted((job.id,))
            self._announcer.jobs(job.priority, (job.id,))
        return answer

    def _given(self, project_id: UUID, wanted: SenderIn, token: str) -> NewSender:
        if wanted.address is None:
            return NewSender(new_id(), project_id, DOMAIN, wanted.domain or "", f"{_PREFIX}{token}")
        name, address = mailbox(wanted.address)
        until = self._clock.now() + _GOOD_FOR
        return NewSender(new_id(), project_id, ADDRESS, address, _hashed(token), name or None, until)

    async def verify(self, caller: Caller, sender_id: UUID, given: VerifyIn, key: Key | None) -> Answer:
        """A sender that is verified stays so, whatever the token. Operators reach those of every project."""
        owner = caller.project_id
        if given.by is not None:
            await self._operators.require(caller)
            owner = await self._owner(sender_id)
        else:
            await self._check(await self.read(owner, sender_id), given.token)
        detail = {"by": given.by} if given.by is not None else None

        async def act(transaction: Transaction) -> Outcome:
            found = _known(await senders.verified(transaction, owner, sender_id))
            await audit.record(transaction, owner, caller.actor, "sender.verify", sender_id, detail)
            return Outcome.of(SenderView, found)

        return await self._repeatable.run(caller.project_id, key, 200, act)

    async def _owner(self, sender_id: UUID) -> UUID:
        async with patience():
            owner = await senders.owner(self._ledger, sender_id)
        if owner is None:
            raise not_found("sender")
        return owner

    async def _check(self, sender: Sender, token: str | None) -> None:
        if sender.verified_at is not None:
            return
        if sender.kind == DOMAIN:
            await self._look_up(sender)
        elif token is None or not compare_digest(_hashed(token), sender.token):
            raise invalid(Flaw(("body", "token"), "is not the token that was mailed to the address"))
        elif sender.token_until is not None and sender.token_until <= self._clock.now():
            reason = "was good for 24 hours; delete the sender and create it again"
            raise invalid(Flaw(("body", "token"), reason))

    async def _look_up(self, sender: Sender) -> None:
        name = f"{RECORD}.{transport_address(f'a@{sender.value}').partition('@')[2]}"
        try:
            found = await self.texts(name)
        except NoDns:
            raise unavailable("dns", "no DNS server answered; try again later") from None
        if sender.token not in found:
            raise invalid(Flaw(("body",), f"{name} has no TXT record {sender.token}"))

    async def delete(self, caller: Caller, sender_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await senders.delete(transaction, caller.project_id, sender_id):
                raise not_found("sender")
            await audit.record(transaction, caller.project_id, caller.actor, "sender.delete", sender_id)


def _mail(given: NewSender, token: str) -> NewJob:
    text = (
        f"Somebody wants to send mails from {given.value}.\n\n"
        f"If that is right, hand in this token within 24 hours; else do nothing.\n\n{token}\n\n"
        f"hermodr senders verify {given.id} --token {token}\n"
    )
    return NewJob(
        new_job_id(),
        given.project_id,
        JobKind.NOTIFICATION,
        None,
        Priority.URGENT,
        "{}",
        content=dump({"subject": _SUBJECT, "body_text": text, "body_html": None}),
        channels=("email",),
        to_email=given.value,
    )


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _known(sender: Sender | None) -> Sender:
    if sender is None:
        raise not_found("sender")
    return sender
