"""Has schemas of connections' databases read, and shows what was found."""

from uuid import UUID

import orjson

from hermodr_api.access.authentication import Caller
from hermodr_api.access.user_tasks import UserTasks
from hermodr_api.answers import Answer, Key, patience
from hermodr_api.connections.models import RebuildIn
from hermodr_api.errors import not_found
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.tasks.models import TaskIn, answer_of, task_of
from hermodr_contracts.built_in_tasks import SCHEMA_REBUILD
from hermodr_ledger.access.idempotency import Idempotency
from hermodr_ledger.connections import kept, schemas
from hermodr_ledger.connections.kept import Connection, Whose
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.accept import NewJob
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_job_id


class Rebuilding:
    """End users have theirs read. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, accepting: Accepting, clock: Clock, pace: UserTasks) -> None:
        self._ledger = ledger
        self._accepting = accepting
        self._clock = clock
        self._pace = pace

    async def rebuild(
        self, caller: Caller, connection_id: UUID, wanted: RebuildIn, key: Key | None
    ) -> Answer:
        """A task of the owner, whoever asks for it; one at a time, whoever asks for it."""
        whose = Whose(caller.project_id, caller.user_id)
        async with patience():
            found = await kept.read(self._ledger, whose, connection_id)
        if found is None:
            raise not_found("connection")
        if caller.user_id is not None:
            await self._pace.take(caller)
        job = self._job(caller, found, wanted)
        answer = answer_of(job)
        if key is not None:
            job = job._replace(idempotency=Idempotency(key.value, key.fingerprint, answer))
        async with patience():
            return await self._accepting.commit(job, lambda: answer)

    async def schema(self, caller: Caller, connection_id: UUID) -> bytes:
        """`SchemaView` in JSON. 404 until it was read once."""
        async with patience():
            found = await schemas.read(self._ledger, Whose(caller.project_id, caller.user_id), connection_id)
        if found is None:
            raise not_found("schema of this connection")
        known, document = found
        shown = {"connection_id": connection_id, **known.counts._asdict()}
        shown |= {"changed_at": known.changed_at, "checked_at": known.checked_at}
        return orjson.dumps(
            shown | {"schemas": orjson.Fragment(document)}, default=str, option=orjson.OPT_UTC_Z
        )

    def _job(self, caller: Caller, connection: Connection, wanted: RebuildIn) -> NewJob:
        payload = {"connection_id": str(connection.id), "force": wanted.force}
        task = TaskIn(type=SCHEMA_REBUILD, payload=payload)
        job = task_of(task, new_job_id(), caller.project_id, connection.owner, self._clock)
        assert isinstance(job, NewJob)
        return job._replace(
            singleton_key=f"{SCHEMA_REBUILD}:{connection.id}", asked_by_owner=caller.user_id is not None
        )
