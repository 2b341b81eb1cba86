from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.auto_syncs.models import (
    AutoSyncIn,
    AutoSyncPatch,
    AutoSyncRunView,
    AutoSyncView,
    ResponseIn,
    flaw_of_goal,
)
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.http.json_text import dump
from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.access import audit
from hermodr_ledger.auto_syncs import responses, syncs, tending
from hermodr_ledger.auto_syncs.responses import Response
from hermodr_ledger.auto_syncs.syncs import AutoSync, NotThere, Standing
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.people import groups, recipients
from hermodr_ledger.people.recipients import Reference
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock

T = TypeVar("T")

_FURTHEST = timedelta(days=366)
_ENDED = ("completed", "cancelled")


class AutoSyncs:
    """The use cases of `/v1/auto-syncs`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self, ledger: Ledger, repeatable: Repeatable, announcer: Announcer, clock: Clock, quotas: Quotas
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._announcer = announcer
        self._clock = clock
        self._quotas = quotas

    async def page(
        self,
        project_id: UUID,
        page: Page,
        *,
        organizer_id: UUID | None,
        group_id: UUID | None,
        status: str | None,
    ) -> PageResult[Standing]:
        async with patience():
            return await walk(
                self._ledger,
                page,
                lambda at, rows: syncs.page(
                    at, project_id, rows, organizer_id=organizer_id, group_id=group_id, status=status
                ),
            )

    async def read(self, project_id: UUID, sync_id: UUID) -> Standing:
        async with patience():
            return await _read(self._ledger, project_id, sync_id)

    async def create(self, caller: Caller, wanted: AutoSyncIn, key: Key | None) -> Answer:
        project_id = caller.project_id

        async def act(transaction: Transaction) -> Outcome:
            await self._must_fit(transaction, project_id, wanted)
            columns = wanted.model_dump(exclude={"data"}) | {"data": dump(wanted.data)}
            if wanted.started_at is None:
                del columns["started_at"]
            try:
                sync_id = await syncs.create(transaction, columns)
            except NotThere as error:  # deleted a moment ago
                raise invalid(Flaw(("body", str(error)), "is not there any more")) from error
            await _note(transaction, caller, "create", sync_id)
            return await _told(transaction, project_id, sync_id)

        return await self._repeatable.run(project_id, key, 201, act)

    async def change(self, caller: Caller, sync_id: UUID, wanted: AutoSyncPatch) -> Standing:
        project_id = caller.project_id
        async with patience(), self._ledger.transaction() as transaction:
            sync = _known(await syncs.lock(transaction, project_id, sync_id))
            columns = _columns(sync, wanted)
            if sync.status in _ENDED and columns.keys() - {"event_name", "data"}:
                raise _ended(sync)
            if columns:
                await syncs.change(transaction, project_id, sync_id, columns)
                await _note(transaction, caller, "change", sync_id, {"fields": sorted(columns)})
            return await _read(transaction, project_id, sync_id)

    async def delete(self, caller: Caller, sync_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await syncs.delete(transaction, caller.project_id, sync_id):
                raise not_found("auto-sync")
            await _note(transaction, caller, "delete", sync_id)

    async def set_status(self, caller: Caller, sync_id: UUID, status: str, key: Key | None) -> Answer:
        """An auto-sync that has ended stays as it is; one that has the status already is not changed."""
        project_id = caller.project_id

        async def act(transaction: Transaction) -> Outcome:
            sync = _known(await syncs.lock(transaction, project_id, sync_id))
            if sync.status != status:
                if sync.status in _ENDED:
                    raise _ended(sync)
                await syncs.set_status(transaction, sync_id, status)
                await _note(transaction, caller, "status", sync_id, {"was": sync.status, "is": status})
            return await _told(transaction, project_id, sync_id)

        return await self._repeatable.run(project_id, key, 200, act)

    async def run(self, caller: Caller, sync_id: UUID, key: Key | None) -> Answer:
        """Announces the job that is due; its messages are counted when they are made."""
        project_id = caller.project_id
        found: list[UUID] = []

        async def act(transaction: Transaction) -> Outcome:
            await self._quotas.check(project_id)
            _known(await syncs.lock(transaction, project_id, sync_id))
            found.extend(await tending.due(transaction, project_id, sync_id))
            await _note(transaction, caller, "run", sync_id, {"jobs": len(found)})
            return Outcome.of(AutoSyncRunView, {"job_ids": found})

        answer = await self._repeatable.run(project_id, key, 202, act)
        self._announcer.jobs(Priority.LOW, found)
        return answer

    async def responses(self, project_id: UUID, sync_id: UUID, page: Page) -> PageResult[Response]:
        async with patience():
            sync = (await _read(self._ledger, project_id, sync_id)).sync
            return await walk(self._ledger, page, lambda at, rows: responses.page(at, sync, rows))

    async def respond(self, caller: Caller, sync_id: UUID, wanted: ResponseIn, key: Key | None) -> Answer:
        project_id = caller.project_id

        async def act(transaction: Transaction) -> Outcome:
            sync = _known(await syncs.lock(transaction, project_id, sync_id))
            if sync.status == "cancelled":
                raise _ended(sync)
            if not await responses.asked(transaction, sync, wanted.member_id):
                raise invalid(Flaw(("body", "member_id"), "is none of the members who are asked"))
            await responses.record(transaction, sync, wanted.member_id, wanted.response)
            await _note(transaction, caller, "respond", sync_id, {"member_id": wanted.member_id})
            return await _told(transaction, project_id, sync_id)

        return await self._repeatable.run(project_id, key, 201, act)

    async def _must_fit(self, statements: Statements, project_id: UUID, wanted: AutoSyncIn) -> None:
        flaws = []
        reference = Reference(project_id, "recipient_id", str(wanted.organizer_id))
        if await recipients.resolve(statements, [reference]) == [None]:
            flaws.append(Flaw(("body", "organizer_id"), "there is no such recipient"))
        if await groups.read(statements, project_id, wanted.group_id) is None:
            flaws.append(Flaw(("body", "group_id"), "there is no such group"))
        start = wanted.started_at
        if start is not None and abs(start - self._clock.now()) > _FURTHEST - timedelta(minutes=1):
            flaws.append(Flaw(("body", "started_at"), "is more than 366 days away"))
        if flaws:
            raise invalid(*flaws)


def _columns(sync: AutoSync, wanted: AutoSyncPatch) -> Mapping[str, object]:
    """Raises `Refused` for what does not go with the rest."""
    given = wanted.model_dump(exclude_unset=True)
    goal = given.get("response_goal", sync.response_goal)
    if goal == "everyone" and "response_target" not in given and sync.response_target is not None:
        given["response_target"] = None
    target = given.get("response_target", sync.response_target)
    if flaw := flaw_of_goal(goal, target):
        raise invalid(Flaw(("body", "response_target"), flaw))
    if given.get("pause_after", sync.pause_after) <= given.get("reminder_after", sync.reminder_after):
        raise invalid(Flaw(("body", "pause_after"), "must be longer than reminder_after"))
    return given | ({"data": dump(given["data"])} if "data" in given else {})


async def _note(
    transaction: Transaction,
    caller: Caller,
    what: str,
    sync_id: UUID,
    detail: Mapping[str, object] | None = None,
) -> None:
    await audit.record(transaction, caller.project_id, caller.actor, f"auto_sync.{what}", sync_id, detail)


async def _read(statements: Statements, project_id: UUID, sync_id: UUID) -> Standing:
    return _known(await syncs.read(statements, project_id, sync_id))


async def _told(transaction: Transaction, project_id: UUID, sync_id: UUID) -> Outcome:
    return Outcome.of(AutoSyncView, await _read(transaction, project_id, sync_id))


def _known(found: T | None) -> T:
    if found is None:
        raise not_found("auto-sync")
    return found


def _ended(sync: AutoSync) -> Refused:
    return Refused(CONFLICT, f"the auto-sync is {sync.status} and stays so")
