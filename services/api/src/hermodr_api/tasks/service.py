from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, patience
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.tasks.models import TaskIn, answer_of, task_of
from hermodr_ledger.access.idempotency import Idempotency
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_job_id


class Tasks:
    """The use case of `POST /v1/jobs`."""

    def __init__(self, accepting: Accepting, clock: Clock) -> None:
        self._accepting = accepting
        self._clock = clock

    async def request(self, caller: Caller, wanted: TaskIn, key: Key | None) -> Answer:
        """Commits and announces the job. Raises `Refused` and `LedgerUnavailable`."""
        job = task_of(wanted, new_job_id(), caller.project_id, caller.user_id, self._clock)
        if isinstance(job, list):
            return await self._accepting.earlier(caller.project_id, key, job)
        answer = answer_of(job)
        if key is not None:
            job = job._replace(idempotency=Idempotency(key.value, key.fingerprint, answer))
        async with patience():
            return await self._accepting.commit(job, lambda: answer)
