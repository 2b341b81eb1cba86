"""News of committed changes of state, for whoever `Ledger` tells of them. The log that misses nothing is `changes`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from hermodr_contracts.messages import DeliveryChange, JobChange
from hermodr_contracts.vocabulary import DeliveryState, JobState

News = Iterable[JobChange | DeliveryChange]
"""Made while it is read: where nobody listens nothing is made."""

Tell = Callable[[News], None]
"""Takes news at once, and raises nothing."""

_JOB_STATES, _DELIVERY_STATES = frozenset(JobState), frozenset(DeliveryState)

OWNER = "(SELECT j.owner_id FROM hermodr.jobs j WHERE j.id = d.job_id) AS owner_id"
"""The end user a delivery `d` belongs to, for a statement's RETURNING."""


def nobody(news: News) -> None:
    """Tells nobody."""


def of_jobs(rows: Iterable[Mapping[str, Any]], *, named: str = "id") -> Iterator[JobChange]:
    """Of rows with the job's id (its column is `named`), `project_id`, `owner_id`, `state` and `at`. A row with a state
    that only SQL by hand can have put there is left out."""
    for row in rows:
        if row["state"] in _JOB_STATES:
            yield JobChange(
                job_id=row[named],
                project_id=row["project_id"],
                state=row["state"],
                at=row["at"],
                owner_id=row["owner_id"],
            )


def of_deliveries(
    rows: Iterable[Mapping[str, Any]], *, owners: Mapping[UUID, str | None] | None = None
) -> Iterator[DeliveryChange]:
    """Of rows with `id`, `job_id`, `project_id`, `state` and `at`; `owner_id` is in the row, or by job in `owners`."""
    for row in rows:
        if row["state"] in _DELIVERY_STATES:
            yield DeliveryChange(
                delivery_id=row["id"],
                job_id=row["job_id"],
                project_id=row["project_id"],
                state=row["state"],
                at=row["at"],
                owner_id=row["owner_id"] if owners is None else owners.get(row["job_id"]),
            )


def of_both(rows: Sequence[Mapping[str, Any]]) -> Iterator[JobChange | DeliveryChange]:
    """Of rows of deliveries, and of their jobs: rows without `id`, which have the `owner_id` of both."""
    jobs = [row for row in rows if row["id"] is None]
    owners = {row["job_id"]: row["owner_id"] for row in jobs}
    yield from of_deliveries((row for row in rows if row["id"] is not None), owners=owners)
    yield from of_jobs(jobs, named="job_id")
