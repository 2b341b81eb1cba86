from collections.abc import Mapping

from hermodr_api.access.authentication import Caller, holds
from hermodr_api.access.user_tasks import UserTasks
from hermodr_api.answers import Answer, Key, patience
from hermodr_api.errors import FORBIDDEN, Flaw, Refused, cut
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.tasks.models import TaskIn, answer_of, task_of
from hermodr_api.tasks.types import TaskTypes
from hermodr_contracts.built_in_tasks import DATA_EXPORT, RECIPIENTS_IMPORT
from hermodr_ledger.access.idempotency import Idempotency
from hermodr_ledger.access.keys import Scope
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import task_types
from hermodr_ledger.tasks import dependencies
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_job_id

NEEDED: Mapping[str, Scope] = {DATA_EXPORT: "manage", RECIPIENTS_IMPORT: "manage"}
"""What a key needs beyond `send`: all of a database is read, or the address book written."""


class Tasks:
    """The use case of `POST /v1/jobs`."""

    def __init__(
        self, ledger: Ledger, accepting: Accepting, types: TaskTypes, clock: Clock, pace: UserTasks
    ) -> None:
        self._ledger = ledger
        self._accepting = accepting
        self._types = types
        self._clock = clock
        self._pace = pace

    async def request(self, caller: Caller, wanted: TaskIn, key: Key | None) -> Answer:
        """Commits and announces the job. Raises `Refused` and `LedgerUnavailable`."""
        for name in _types(wanted):
            if caller.user_id is not None:
                await self._allow(caller, name)
            elif (needed := NEEDED.get(name)) is not None:
                holds(caller, needed)
        job = task_of(wanted, new_job_id(), caller.project_id, caller.user_id, self._clock)
        flaws = (
            job
            if isinstance(job, list)
            else [*await self._misfits(wanted), *await self._strangers(caller, wanted)]
        )
        if isinstance(job, list) or flaws:
            return await self._accepting.earlier(caller.project_id, key, flaws)
        answer = answer_of(job)
        if key is not None:
            job = job._replace(idempotency=Idempotency(key.value, key.fingerprint, answer))
        async with patience():
            return await self._accepting.commit(job, lambda: answer)

    async def _misfits(self, wanted: TaskIn) -> list[Flaw]:
        async with patience():
            flaws = await self._types.flaws(wanted.type, wanted.payload, ("body", "payload"))
            if (after := wanted.on_finished) is not None:
                flaws += await self._types.flaws(
                    after.type, after.payload, ("body", "on_finished", "payload")
                )
        return flaws

    async def _strangers(self, caller: Caller, wanted: TaskIn) -> list[Flaw]:
        """An end user's task waits for jobs of theirs only."""
        named = wanted.depends_on
        if not named:
            return []
        async with patience():
            unknown = await dependencies.unknown(self._ledger, caller.project_id, named, caller.user_id)
        return [
            Flaw(("body", "depends_on", nth), "there is no such job")
            for nth, each in enumerate(named)
            if each in unknown
        ]

    async def _allow(self, caller: Caller, name: str) -> None:
        """End users start only what is declared for them, at their own rate."""
        async with patience():
            allowed = await task_types.open_to_users(self._ledger, name)
        if not allowed:
            raise Refused(
                FORBIDDEN,
                f"end users may not start the task {cut(name, 100)!r}: no worker has declared it for them"
                " (users=True); an API key with the scope send may",
            )
        await self._pace.take(caller)


def _types(wanted: TaskIn) -> list[str]:
    """Of the tasks that it asks for."""
    return [wanted.type] + ([wanted.on_finished.type] if wanted.on_finished is not None else [])
