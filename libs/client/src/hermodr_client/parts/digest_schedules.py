from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.digests import DigestPreview, DigestRun, DigestSchedule, Occurrences
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class DigestSchedules(Part[W]):
    """What is unread of a group, sent to one of its members at set times."""

    @listing
    def list(
        self,
        *,
        recipient_id: UUID | None = None,
        group_id: UUID | None = None,
        frequency: str | None = None,
        is_active: bool | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[DigestSchedule]:
        query = query_of(
            {
                "recipient_id": recipient_id,
                "group_id": group_id,
                "frequency": frequency,
                "is_active": is_active,
                "sort": sort,
                "limit": page_size,
            }
        )
        return Listing(path_of("digest-schedules"), Page[DigestSchedule], query)

    @operation
    def get(self, schedule_id: Id) -> Steps[DigestSchedule]:
        return self._get(path_of("digest-schedules", schedule_id), DigestSchedule)

    @operation
    def create(
        self,
        recipient_id: Id,
        group_id: Id,
        frequency: str,
        *,
        delivery_time: str = "09:00",
        delivery_day: int | None = None,
        timezone: str | None = None,
        max_updates_per_digest: int = 10,
        include_content_types: Sequence[str] | None = None,
        is_active: bool = True,
        misfire: str = "coalesce",
        idempotency_key: str | None = None,
    ) -> Steps[DigestSchedule]:
        """`frequency`: daily, weekly or monthly. `timezone` None: the recipient's."""
        document = {
            "recipient_id": str(recipient_id),
            "group_id": str(group_id),
            "frequency": frequency,
            "delivery_time": delivery_time,
            "delivery_day": delivery_day,
            "timezone": timezone,
            "max_updates_per_digest": max_updates_per_digest,
            "include_content_types": None if include_content_types is None else [*include_content_types],
            "is_active": is_active,
            "misfire": misfire,
        }
        return self._post(path_of("digest-schedules"), DigestSchedule, document, idempotency_key)

    @operation
    def update(self, /, schedule_id: Id, **changes: Any) -> Steps[DigestSchedule]:
        """The fields of `create` but recipient and group; what is left out stays."""
        return self._patch(path_of("digest-schedules", schedule_id), DigestSchedule, changes)

    @operation
    def delete(self, schedule_id: Id) -> Steps[None]:
        yield from self._delete(path_of("digest-schedules", schedule_id))

    @operation
    def occurrences(self, schedule_id: Id, count: int = 10) -> Steps[Occurrences]:
        """When it is due next; `count` up to 500."""
        path = path_of("digest-schedules", schedule_id, "occurrences")
        return self._get(path, Occurrences, {"count": count})

    @operation
    def preview(self, schedule_id: Id) -> Steps[DigestPreview]:
        """What would be sent now."""
        return self._get(path_of("digest-schedules", schedule_id, "preview"), DigestPreview)

    @operation
    def run(self, schedule_id: Id, *, idempotency_key: str | None = None) -> Steps[DigestRun]:
        """Sends a digest now."""
        path = path_of("digest-schedules", schedule_id, "run")
        return self._post(path, DigestRun, None, idempotency_key)
