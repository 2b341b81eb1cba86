from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Listed, Page
from hermodr_client.models.schedules import Occurrence, Schedule, ScheduleRun
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Schedules(Part[W]):
    """Jobs on a rule."""

    @listing
    def list(
        self,
        *,
        name: str | None = None,
        is_active: bool | None = None,
        include: str | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[Schedule]:
        """`include="job"`: with what they make."""
        query = query_of(
            {"name": name, "is_active": is_active, "include": include, "sort": sort, "limit": page_size}
        )
        return Listing(path_of("schedules"), Page[Schedule], query)

    @operation
    def get(self, schedule_id: Id) -> Steps[Schedule]:
        return self._get(path_of("schedules", schedule_id), Schedule)

    @operation
    def create(
        self,
        name: str,
        job: Mapping[str, Any],
        *,
        cron: str | None = None,
        every: str | None = None,
        timezone: str = "UTC",
        misfire: str = "coalesce",
        is_active: bool = True,
        idempotency_key: str | None = None,
    ) -> Steps[Schedule]:
        """`job`: with `to` a notification, which may be for a `group_id`; else a task (`type`, `payload`). One of
        `cron` ("0 9 * * 1-5", by the clock of `timezone`) and `every` ("15m")."""
        document = {
            "name": name,
            "cron": cron,
            "every": every,
            "timezone": timezone,
            "job": dict(job),
            "misfire": misfire,
            "is_active": is_active,
        }
        return self._post(path_of("schedules"), Schedule, document, idempotency_key)

    @operation
    def update(self, /, schedule_id: Id, **changes: Any) -> Steps[Schedule]:
        """`name`, `cron` or `every`, `timezone`, `job`, `misfire`, `is_active`; what is left out stays."""
        return self._patch(path_of("schedules", schedule_id), Schedule, changes)

    @operation
    def pause(self, schedule_id: Id) -> Steps[Schedule]:
        return self._patch(path_of("schedules", schedule_id), Schedule, {"is_active": False})

    @operation
    def resume(self, schedule_id: Id) -> Steps[Schedule]:
        """From now on: what was missed meanwhile does not fire."""
        return self._patch(path_of("schedules", schedule_id), Schedule, {"is_active": True})

    @operation
    def delete(self, schedule_id: Id) -> Steps[None]:
        """The jobs it made stay."""
        yield from self._delete(path_of("schedules", schedule_id))

    @operation
    def run(self, schedule_id: Id, *, idempotency_key: str | None = None) -> Steps[ScheduleRun]:
        """Fires it now, once, paused or not. `state` failed: see its `error`."""
        return self._post(path_of("schedules", schedule_id, "run"), ScheduleRun, None, idempotency_key)

    @operation
    def occurrences(self, schedule_id: Id, count: int = 10) -> Steps[Listed[Occurrence]]:
        """The next ones, at most 500."""
        path = path_of("schedules", schedule_id, "occurrences")
        return self._get(path, Listed[Occurrence], {"count": count})

    @listing
    def runs(
        self,
        schedule_id: Id,
        *,
        state: str | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[ScheduleRun]:
        """What became of its occurrences, the newest first; `sort="created_at"`: the oldest."""
        query = query_of({"state": state, "sort": sort, "limit": page_size})
        return Listing(path_of("schedules", schedule_id, "runs"), Page[ScheduleRun], query)
