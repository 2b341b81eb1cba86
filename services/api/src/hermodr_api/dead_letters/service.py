from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.access.operators import Operators
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.dead_letters.models import (
    DeadLetterFilter,
    DeletedView,
    ReplayedView,
    ReplayIn,
    ReplayPlanView,
)
from hermodr_api.errors import CONFLICT, SINGLETON_TAKEN, Flaw, Refused, invalid, not_found
from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.access import audit
from hermodr_ledger.dead_letters import lookup, replaying
from hermodr_ledger.dead_letters.lookup import (
    MOST_TOGETHER,
    DeadLetter,
    DeadLetterSearch,
    OpenedDeadLetter,
    Sight,
)
from hermodr_ledger.dead_letters.replaying import LettersCounted, Replayed
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_servicekit.announcer import Announcer


class DeadLetters:
    """The use cases of `/v1/dead-letters`; raw messages are for operators only. All raise `Refused` and
    `LedgerUnavailable`."""

    def __init__(
        self, ledger: Ledger, repeatable: Repeatable, announcer: Announcer, operators: Operators
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._announcer = announcer
        self._operators = operators

    async def page(self, caller: Caller, wanted: DeadLetterSearch, page: Page) -> PageResult[DeadLetter]:
        sight = await self._sight(caller)
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: lookup.page(at, sight, wanted, rows))

    async def read(self, caller: Caller, letter_id: UUID) -> OpenedDeadLetter:
        sight = await self._sight(caller)
        async with patience(), self._ledger.transaction() as transaction:
            opened = await lookup.read(transaction, sight, letter_id)
            if opened is None:
                raise not_found("dead letter")
            await audit.record(transaction, caller.project_id, caller.actor, "dead_letter.open", letter_id)
        return opened

    async def replay(self, caller: Caller, letter_id: UUID, key: Key | None) -> Answer:
        sight = await self._sight(caller)
        to_announce: list[tuple[Priority, UUID]] = []

        async def act(transaction: Transaction) -> Outcome:
            replayed = await replaying.replay_one(transaction, sight, letter_id, by=_name(caller))
            if replayed is None:
                raise not_found("dead letter")
            _refuse(replayed)
            if replayed.announce is not None and replayed.job_id is not None:
                to_announce.append((replayed.announce, replayed.job_id))
            detail = {"outcome": replayed.outcome, "job_id": replayed.job_id}
            await audit.record(
                transaction, caller.project_id, caller.actor, "dead_letter.replay", letter_id, detail
            )
            return Outcome.of(ReplayedView, {"id": letter_id} | asdict(replayed))

        answer = await self._repeatable.run(caller.project_id, key, 202, act)
        for priority, job_id in to_announce:
            self._announcer.jobs(priority, (job_id,))
        return answer

    async def replay_many(self, caller: Caller, wanted: ReplayIn, key: Key | None) -> Answer:
        """Schedules the replay of the letters that match, or counts them."""
        sight = await self._sight(caller)
        meant = wanted.filter.wanted()

        async def act(transaction: Transaction) -> Outcome:
            if wanted.dry_run:
                counted = await replaying.count_now(transaction, sight, meant)
                taken = min(counted.matched, MOST_TOGETHER)
                return _plan_of(wanted, taken, 0, counted.matched - taken, counted.at)
            planned = await replaying.plan(transaction, sight, meant, rate=wanted.rate, by=_name(caller))
            detail = {
                "filter": wanted.filter.model_dump(mode="json", exclude_none=True),
                "rate": wanted.rate,
                "letters": planned.planned,
            }
            await audit.record(
                transaction, caller.project_id, caller.actor, "dead_letter.replay", detail=detail
            )
            return _plan_of(wanted, planned.planned, planned.planned, planned.remaining, planned.at)

        return await self._repeatable.run(caller.project_id, key, 202, act)

    async def count(self, caller: Caller, wanted: DeadLetterFilter) -> LettersCounted:
        """How many a replay would mean."""
        sight = await self._sight(caller)
        async with patience(), self._ledger.transaction() as transaction:
            return await replaying.count_now(transaction, sight, wanted.wanted())

    async def stop(self, caller: Caller) -> int:
        """Those that are planned wait again; returns how many."""
        sight = await self._sight(caller)
        async with patience(), self._ledger.transaction() as transaction:
            stopped = await replaying.stop(transaction, sight)
            detail = {"letters": stopped}
            await audit.record(
                transaction, caller.project_id, caller.actor, "dead_letter.stop", detail=detail
            )
        return stopped

    async def planned(self, caller: Caller) -> int:
        """How many are being replayed."""
        sight = await self._sight(caller)
        async with patience():
            return await replaying.count_planned(self._ledger, sight)

    async def delete(self, caller: Caller, letter_id: UUID) -> None:
        sight = await self._sight(caller)
        async with patience(), self._ledger.transaction() as transaction:
            if not await lookup.delete(transaction, sight, letter_id):
                raise not_found("dead letter")
            await audit.record(transaction, caller.project_id, caller.actor, "dead_letter.delete", letter_id)

    async def delete_many(
        self, caller: Caller, meant: DeadLetterFilter, replayed: bool | None
    ) -> DeletedView:
        if not meant.narrows and replayed is None:
            raise invalid(
                Flaw(("query",), "needs at least one filter; replayed=false means all that are left")
            )
        sight = await self._sight(caller)
        async with patience(), self._ledger.transaction() as transaction:
            deleted = await lookup.delete_meant(transaction, sight, meant.wanted(replayed))
            detail = {
                "filter": meant.model_dump(mode="json", exclude_none=True),
                "replayed": replayed,
                "letters": deleted,
            }
            await audit.record(
                transaction, caller.project_id, caller.actor, "dead_letter.delete", detail=detail
            )
        return DeletedView(deleted=deleted, more=deleted == MOST_TOGETHER)

    async def _sight(self, caller: Caller) -> Sight:
        return Sight(caller.project_id, raw=await self._operators.include(caller))


def _name(caller: Caller) -> str:
    return f"dead letter, {caller.actor.kind} {caller.actor.id}"


def _plan_of(wanted: ReplayIn, matched: int, scheduled: int, remaining: int, at: datetime) -> Outcome:
    view = ReplayPlanView(
        matched=matched + remaining,
        scheduled=scheduled,
        remaining=remaining,
        dry_run=wanted.dry_run,
        rate=wanted.rate,
        seconds=round(max(matched - 1, 0) / wanted.rate, 3),
        at=at,
    )
    return Outcome(view.model_dump_json().encode())


def _refuse(replayed: Replayed) -> None:
    if replayed.outcome == "key_taken":
        raise Refused(
            SINGLETON_TAKEN,
            f"job {replayed.holder} has this singleton_key and is not finished",
            members={"job_id": str(replayed.holder)},
        )
    if replayed.outcome == "not_finished":
        raise Refused(CONFLICT, f"job {replayed.job_id} is not finished: its other deliveries are under way")
    if replayed.outcome == "gone":
        raise Refused(
            CONFLICT, f"job {replayed.job_id} is past its retention; the letter can only be deleted"
        )
