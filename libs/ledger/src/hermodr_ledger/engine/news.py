"""Committed changes of state, for the listener of the `Ledger`. Some may be missed; `changes` is the complete log.

What no end user owns is told by its project alone: only pages of the project show it, and they read it again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from hermodr_contracts.messages import DeliveryChange, InboxChange, JobChange
from hermodr_contracts.vocabulary import DeliveryState, InboxEvent, JobState

News = Iterable[JobChange | DeliveryChange | InboxChange | UUID]
"""Lazy: without a listener nothing is built. A bare id is that of a project, for what no end user owns."""

Tell = Callable[[News], None]
"""Must not block and must not raise."""

_JOB_STATES, _DELIVERY_STATES = frozenset(JobState), frozenset(DeliveryState)

OWNER = "(SELECT j.owner_id FROM hermodr.jobs j WHERE j.id = d.job_id) AS owner_id"
"""The end user a delivery `d` belongs to, for a statement's RETURNING."""


def nobody(news: News) -> None:
    """The listener by default."""


def of_jobs(rows: Iterable[Mapping[str, Any]], *, named: str = "id") -> Iterator[JobChange | UUID]:
    """Rows need the job's id (in column `named`), `project_id`, `owner_id`, `state`, `at`; odd states, written by SQL,
    are skipped."""
    for row in rows:
        if row["owner_id"] is None:
            yield row["project_id"]
        elif row["state"] in _JOB_STATES:
            yield JobChange(
                job_id=row[named],
                project_id=row["project_id"],
                state=row["state"],
                at=row["at"],
                owner_id=row["owner_id"],
            )


def of_deliveries(
    rows: Iterable[Mapping[str, Any]], *, owners: Mapping[UUID, str | None] | None = None
) -> Iterator[DeliveryChange | UUID]:
    """Rows need `id`, `job_id`, `project_id`, `state`, `at`; `owner_id` is in the row, or by job in `owners`."""
    for row in rows:
        owner = row["owner_id"] if owners is None else owners.get(row["job_id"])
        if owner is None:
            yield row["project_id"]
        elif row["state"] in _DELIVERY_STATES:
            yield DeliveryChange(
                delivery_id=row["id"],
                job_id=row["job_id"],
                project_id=row["project_id"],
                state=row["state"],
                at=row["at"],
                owner_id=owner,
            )


def of_inbox(rows: Iterable[Mapping[str, Any]], event: InboxEvent) -> Iterator[InboxChange]:
    """Rows need the notification's `id`, `project_id`, `user_id` and `at`."""
    for row in rows:
        yield InboxChange(
            notification_id=row["id"],
            project_id=row["project_id"],
            owner_id=row["user_id"],
            event=event,
            at=row["at"],
        )


def of_both(rows: Sequence[Mapping[str, Any]]) -> Iterator[JobChange | DeliveryChange | UUID]:
    """Rows of deliveries and of their jobs, which have no `id` but the `owner_id` of both."""
    jobs = [row for row in rows if row["id"] is None]
    owners = {row["job_id"]: row["owner_id"] for row in jobs}
    yield from of_deliveries((row for row in rows if row["id"] is not None), owners=owners)
    yield from of_jobs(jobs, named="job_id")
