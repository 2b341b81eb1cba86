"""Cancelling and retrying jobs."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.access.user_tasks import UserTasks
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience, settled
from hermodr_api.errors import CONFLICT, FORBIDDEN, SINGLETON_TAKEN, Refused, not_found
from hermodr_api.jobs.endings import CancelledByKeyView
from hermodr_api.jobs.models import AcceptedView, BulkRetryView, CancelledView, NotRetried
from hermodr_api.jobs.queries import BulkRetryIn, cursor_of, mark_of
from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_ledger.access import audit, idempotency
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.jobs import asking, cancelling, listing, requeueing
from hermodr_ledger.jobs.asking import Standing
from hermodr_ledger.jobs.cancelling import BeingSent, Finished, ToldToStop
from hermodr_ledger.jobs.listing import Order
from hermodr_ledger.jobs.requeueing import KeyTaken, NoSuchJob, NotAgain, Requeued
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.ids import message_id_of
from hermodr_servicekit.task_calls import TaskCalls

_MOST_NAMED = 100
_PATIENCE_WITH_MANY_SECONDS = 30.0
_OLDEST_FIRST = Order("created_at", "ASC")


class JobControl:
    """All raise `Refused` (404, 409) and `LedgerUnavailable`. Retried jobs are announced after the commit."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        announcer: Announcer,
        calls: TaskCalls,
        domain: str,
        pace: UserTasks,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._announcer = announcer
        self._calls = calls
        self._domain = domain
        self._pace = pace

    async def cancel(self, caller: Caller, job_id: UUID) -> CancelledView:
        """End users cancel what they asked for themselves."""
        async with patience():
            if caller.user_id is not None:
                async with self._ledger.transaction() as transaction:
                    await _asked_by(caller.user_id, transaction, caller.project_id, job_id)
            verdict = await cancelling.cancel(
                self._ledger, caller.project_id, job_id, caller.actor, owner_id=caller.user_id
            )
        if verdict is None:
            raise not_found("job")
        if isinstance(verdict, Finished):
            raise Refused(
                CONFLICT,
                f"the job is {verdict.state} already",
                members={"job_id": str(job_id), "job_status": verdict.state},
            )
        if isinstance(verdict, BeingSent) and not verdict.deliveries:
            raise Refused(
                CONFLICT,
                "the job is part of another one's message already; its timeline names that job (sent_with)",
                members={"job_id": str(job_id), "job_status": JobState.PROCESSING},
            )
        if isinstance(verdict, BeingSent):
            raise Refused(
                CONFLICT,
                f"{verdict.deliveries} of the job's deliveries is being sent at this moment; nothing was changed,"
                " try again",
                headers={"retry-after": "1"},
                members={"job_id": str(job_id)},
            )
        told = isinstance(verdict, ToldToStop)
        if told:
            self._calls.cancel(job_id)
        return CancelledView(
            job_id=job_id,
            status=JobState.PROCESSING if told else JobState.CANCELLED,
            cancelled_deliveries=0 if isinstance(verdict, ToldToStop) else verdict.deliveries,
            sent_deliveries=0 if isinstance(verdict, ToldToStop) else verdict.sent,
            status_url=f"/v1/jobs/{job_id}",
        )

    async def cancel_by_key(self, caller: Caller, cancel_key: str, key: Key | None) -> Answer:
        """Uses several transactions if there are many jobs; an interrupted request can be repeated for the rest."""
        async with patience(_PATIENCE_WITH_MANY_SECONDS):
            if key is not None:
                known = await idempotency.look(self._ledger, caller.project_id, key.value, key.fingerprint)
                if known is not None:
                    return settled(known)
            done = await cancelling.cancel_by_key(self._ledger, caller.project_id, cancel_key, caller.actor)
        view = CancelledByKeyView(cancelled=done.cancelled, too_late=done.too_late)

        async def act(_: Transaction) -> Outcome:
            return Outcome(view.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 200, act)

    async def retry(self, caller: Caller, job_id: UUID, key: Key | None) -> Answer:
        """End users retry what they asked for themselves, unless the application cancelled it; it counts as a task."""
        queued: list[Requeued] = []
        if caller.user_id is not None:
            await self._pace.take(caller)

        async def act(transaction: Transaction) -> Outcome:
            if caller.user_id is not None:
                theirs = await _asked_by(caller.user_id, transaction, caller.project_id, job_id)
                if theirs.withdrawn:
                    raise Refused(
                        FORBIDDEN,
                        "the application cancelled this job; only its API keys can ask for it again",
                        members={"job_id": str(job_id)},
                    )
            (verdict,) = await requeueing.requeue(
                transaction, caller.project_id, [job_id], by=caller.actor.kind, owner_id=caller.user_id
            )
            if not isinstance(verdict, Requeued):
                raise _refusal(verdict)
            await audit.record(transaction, caller.project_id, caller.actor, "job.retry", job_id)
            queued.append(verdict)
            view = AcceptedView(
                job_id=job_id,
                message_id=message_id_of(job_id, self._domain),
                status=verdict.state,
                status_url=f"/v1/jobs/{job_id}",
            )
            return Outcome(view.model_dump_json().encode())

        answer = await self._repeatable.run(caller.project_id, key, 202, act)
        self._announce(queued)
        return answer

    async def retry_many(self, caller: Caller, wanted: BulkRetryIn, key: Key | None) -> Answer:
        """Retries matching jobs up to the limit, in one transaction."""
        filters = wanted.filter.filters(caller.project_id)
        mark = mark_of(wanted.cursor, filters, _OLDEST_FIRST, ("body", "cursor"))
        queued: list[Requeued] = []

        async def act(transaction: Transaction) -> Outcome:
            ids, following = await listing.ids(transaction, filters, _OLDEST_FIRST, wanted.limit, mark)
            left: list[NotRetried] = []
            if ids and not wanted.dry_run:
                verdicts = await requeueing.requeue(transaction, caller.project_id, ids, by=caller.actor.kind)
                queued.extend(each for each in verdicts if isinstance(each, Requeued))
                left = [
                    NotRetried(job_id=each.job_id, reason=_refusal(each).detail)
                    for each in verdicts
                    if not isinstance(each, Requeued)
                ]
                detail = {
                    "filter": wanted.filter.model_dump(mode="json", exclude_none=True),
                    "matched": len(ids),
                    "retried": len(queued),
                }
                await audit.record(
                    transaction, caller.project_id, caller.actor, "job.retry_many", None, detail
                )
            view = BulkRetryView(
                dry_run=wanted.dry_run,
                matched=len(ids),
                retried=len(queued),
                not_retried=left[:_MOST_NAMED],
                next_cursor=cursor_of(following, filters, _OLDEST_FIRST) if following else None,
            )
            return Outcome(view.model_dump_json().encode())

        answer = await self._repeatable.run(caller.project_id, key, 200 if wanted.dry_run else 202, act)
        self._announce(queued)
        return answer

    def _announce(self, queued: Sequence[Requeued]) -> None:
        for priority in Priority:
            due = [each.job_id for each in queued if each.priority is priority and each.to_announce]
            if due:
                self._announcer.jobs(priority, due)


async def _asked_by(user_id: str, transaction: Transaction, project_id: UUID, job_id: UUID) -> Standing:
    """Raises `Refused`: 404 if it is not their job, 403 if the application asked for it."""
    found = await asking.standing(transaction, project_id, job_id, user_id)
    if found is None:
        raise not_found("job")
    if not found.asked:
        raise Refused(
            FORBIDDEN,
            "the application asked for this job, not its user; only its API keys cancel and retry it",
            members={"job_id": str(job_id)},
        )
    return found


def _refusal(verdict: NotAgain | KeyTaken | NoSuchJob) -> Refused:
    match verdict:
        case NoSuchJob():
            return not_found("job")
        case KeyTaken(holder=holder):
            return Refused(
                SINGLETON_TAKEN,
                f"job {holder} has this singleton_key and is not finished",
                members={"job_id": str(holder)},
            )
        case NotAgain(reason="not_finished", state=state):
            detail = f"the job is {state}; only a job that failed or was cancelled can be asked for again"
        case NotAgain(reason="expired", state=state):
            detail = f"the job is {state}, and its expires_at is past: request it anew"
        case NotAgain(reason="carried", state=state):
            detail = (
                f"the job is {state} with the one whose message it is part of (sent_with): ask for that again"
            )
        case NotAgain(state=state):
            detail = f"the job is {state}, and nothing in it is left to send"
    return Refused(CONFLICT, detail, members={"job_id": str(verdict.job_id), "job_status": verdict.state})
