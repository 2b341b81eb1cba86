from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

from hermodr_client.answers import decoded
from hermodr_client.errors import BatchUnfinished, Conflict, StillUnfinished
from hermodr_client.exchange import Pause, Request, Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.bulk_actions import BulkAction
from hermodr_client.models.jobs import (
    Batch,
    BulkRetry,
    Cancelled,
    CancelledByKey,
    Job,
    JobDetail,
    JobMetrics,
    LogLine,
    Timeline,
)
from hermodr_client.models.notifications import Accepted
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of
from hermodr_client.retrying import exchange

FIRST_LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 5.0
_SLOWER = 1.5

Rows = list[dict[str, Any]]
"""Defined here because `list` is a method of the class below."""


class Jobs(Part[W]):
    @operation
    def get(self, job_id: Id) -> Steps[JobDetail]:
        """The job with its recipient, deliveries and attempts."""
        return self._get(path_of("jobs", job_id), JobDetail)

    @operation
    def timeline(self, job_id: Id) -> Steps[Timeline]:
        return self._get(path_of("jobs", job_id, "timeline"), Timeline)

    @listing
    def logs(self, job_id: Id, *, attempt: int | None = None, page_size: int = 200) -> Listing[LogLine]:
        """What a task has logged by now, of all attempts or of one; oldest first."""
        query = query_of({"attempt": attempt, "limit": page_size})
        return Listing(path_of("jobs", job_id, "logs"), Page[LogLine], query)

    @operation
    def logged(
        self, job_id: Id, cursor: str | None = None, *, attempt: int | None = None, page_size: int = 200
    ) -> Steps[Page[LogLine]]:
        """What a task has logged since the page whose `next_cursor` is given. There is a `next_cursor` until the job
        has ended and all is read; a page may be empty."""
        query = {"cursor": cursor, "attempt": attempt, "limit": page_size, "follow": True}
        return self._get(path_of("jobs", job_id, "logs"), Page[LogLine], query)

    @listing
    def list(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        type: str | None = None,
        delivery_method: str | None = None,
        recipient_id: Id | None = None,
        address: str | None = None,
        group_id: Id | None = None,
        batch_id: Id | None = None,
        cancel_key: str | None = None,
        delivery_state: str | None = None,
        error: str | None = None,
        reported: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        sort: str | None = None,
        page_size: int = 50,
        include: str | None = None,
    ) -> Listing[Job]:
        """Jobs that fit. `address`: an email address or phone number. `delivery_state`, `error` (`smtp_550`) and
        `reported` (opened or clicked) are about their deliveries. `include` adds what is left out otherwise:
        `metadata`, `result`, or both with a comma between. `sort` is created_at, scheduled_for, processed_at or
        status, with `-` in front for descending."""
        query = query_of(
            {
                "status": status,
                "kind": kind,
                "type": type,
                "delivery_method": delivery_method,
                "recipient_id": recipient_id,
                "address": address,
                "group_id": group_id,
                "batch_id": batch_id,
                "cancel_key": cancel_key,
                "delivery_state": delivery_state,
                "error": error,
                "reported": reported,
                "created_after": created_after,
                "created_before": created_before,
                "sort": sort,
                "limit": page_size,
                "include": include,
            }
        )
        return Listing(path_of("jobs"), Page[Job], query)

    @operation
    def arrivals(
        self,
        cursor: str = "now",
        *,
        status: str | None = None,
        kind: str | None = None,
        type: str | None = None,
        page_size: int = 200,
    ) -> Steps[Page[Job]]:
        """Jobs committed since the page whose `next_cursor` is given, oldest first; from `now` on there are none yet.
        There is always a `next_cursor`, and following it misses nothing."""
        query = query_of({"status": status, "kind": kind, "type": type, "cursor": cursor, "limit": page_size})
        return self._get(path_of("jobs"), Page[Job], query)

    @operation
    def metrics(self, hours: int = 24, *, kind: str | None = None) -> Steps[JobMetrics]:
        """Of all kinds, or of one: notification, digest, reminder, task."""
        return self._get(path_of("jobs", "metrics"), JobMetrics, {"hours": hours, "kind": kind})

    @operation
    def create(
        self,
        type: str,
        payload: Mapping[str, Any],
        *,
        priority: Literal["urgent", "normal", "low"] | None = None,
        scheduled_for: datetime | None = None,
        singleton_key: str | None = None,
        fairness_key: str | None = None,
        depends_on: Sequence[Id] | None = None,
        on_finished: Mapping[str, Any] | None = None,
        max_retries: int | None = None,
        timeout_seconds: float | None = None,
        expires_at: datetime | None = None,
        cancel_key: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Accepted]:
        """Requests a background task. Raises `SingletonTaken` while one with the same `singleton_key` is unfinished.
        Tasks with different `fairness_key`s take turns. It begins when those of `depends_on` have
        completed, and fails when one of them ends otherwise. `on_finished` (`type`, `payload`) is requested when it
        has ended."""
        wanted = {
            "type": type,
            "payload": payload,
            "priority": priority,
            "scheduled_for": scheduled_for,
            "singleton_key": singleton_key,
            "fairness_key": fairness_key,
            "on_finished": on_finished,
            "depends_on": [str(each) for each in depends_on] if depends_on else None,
            "max_retries": max_retries,
            "timeout_seconds": timeout_seconds,
            "expires_at": expires_at,
            "cancel_key": cancel_key,
        }
        document = {name: value for name, value in wanted.items() if value is not None}
        return self._post(path_of("jobs"), Accepted, document, idempotency_key)

    @operation
    def cancel(self, job_id: Id) -> Steps[Cancelled]:
        """Cancels what was not begun; a running task is told to stop (`status` is then `processing`). Raises `Conflict`
        when the job has ended."""
        try:
            reply = yield from exchange(Request("DELETE", path_of("jobs", job_id)), self._pace)
        except Conflict as error:
            if error.uncertain and error.members.get("job_status") == "cancelled":
                # By an attempt of ours whose answer got lost.
                return Cancelled(job_id=UUID(str(job_id)), status="cancelled")
            raise
        return decoded(reply, Cancelled)

    @operation
    def cancel_by_key(self, cancel_key: str, *, idempotency_key: str | None = None) -> Steps[CancelledByKey]:
        """Cancels all jobs that carry the key and were not sent yet."""
        return self._post(
            path_of("jobs", "cancel"), CancelledByKey, {"cancel_key": cancel_key}, idempotency_key
        )

    @operation
    def retry(self, job_id: Id) -> Steps[Accepted]:
        """Queues a failed, held or cancelled job again. Raises `Conflict` when there is nothing to do."""
        return self._post(path_of("jobs", job_id, "retry"), Accepted)

    @operation
    def retry_many(
        self, filter: Mapping[str, Any] | None = None, *, dry_run: bool = False
    ) -> Steps[BulkRetry]:
        """Queues all failed (or, by `{"status": "cancelled"}`, cancelled) jobs that fit again, in as many requests as
        needed; `dry_run` only counts. `filter` has the names of `list`."""
        matched = retried = 0
        left: Rows = []
        cursor: str | None = None
        while True:
            document = {"filter": filter or {}, "dry_run": dry_run, "cursor": cursor}
            answer = yield from self._post(path_of("jobs", "retry"), BulkRetry, document)
            matched, retried = matched + answer.matched, retried + answer.retried
            left += answer.not_retried
            if answer.next_cursor is None or answer.next_cursor == cursor:
                return BulkRetry(matched=matched, retried=retried, dry_run=dry_run, not_retried=left)
            cursor = answer.next_cursor

    @operation
    def wait(self, job_id: Id, timeout: float | timedelta = 60.0) -> Steps[JobDetail]:
        """Returns the job once it has ended; asks at growing intervals (0.1 to 5 s). Raises `StillUnfinished`."""
        return (yield from ended(self, path_of("jobs", job_id), JobDetail, StillUnfinished, timeout))


class Batches(Part[W]):
    @operation
    def get(self, batch_id: Id) -> Steps[Batch]:
        return self._get(path_of("batches", batch_id), Batch)

    @operation
    def wait(self, batch_id: Id, timeout: float | timedelta = 60.0) -> Steps[Batch]:
        """Returns the batch, with its `counts`, once all its jobs have ended; asks at growing intervals (0.1 to 5 s).
        Raises `BatchUnfinished`."""
        return (yield from ended(self, path_of("batches", batch_id), Batch, BatchUnfinished, timeout))


E = TypeVar("E", JobDetail, Batch, BulkAction)


def ended(
    part: Part[Any],
    path: str,
    model: type[E],
    late: Callable[[E, float], Exception],
    timeout: float | timedelta,
) -> Steps[E]:
    """What is at `path` once it has `finished`; asks at growing intervals. Raises what `late` makes."""
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    until = part._pace.clock() + seconds
    pause = FIRST_LOOK_SECONDS
    while True:
        found = yield from part._get(path, model, until=until)
        left = until - part._pace.clock()
        if found.finished:
            return found
        if left <= 0:
            raise late(found, seconds)
        yield Pause(min(pause, left))
        pause = min(pause * _SLOWER, LONGEST_LOOK_SECONDS)
