from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from hermodr_client.errors import BulkActionUnfinished
from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.bulk_actions import BulkAction, BulkPlan
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of
from hermodr_client.parts.jobs import ended


class BulkActions(Part[W]):
    """Queueing all jobs that fit again, or cancelling them: Hermodr does it, whether or not anybody waits."""

    @operation
    def plan(
        self, action: Literal["retry", "cancel"], filter: Mapping[str, Any] | None = None
    ) -> Steps[BulkPlan]:
        """How many jobs `create` would mean: `matched`, or with `more` at least so many, be it 0. Give it
        `created_before=plan.at` to mean no later ones."""
        document = {"action": action, "filter": filter or {}, "dry_run": True}
        return self._post(path_of("bulk-actions"), BulkPlan, document)

    @operation
    def create(
        self,
        action: Literal["retry", "cancel"],
        filter: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Steps[BulkAction]:
        """`filter` has the names of `jobs.list`. `retry` means failed jobs (or, by `{"status": "cancelled"}`,
        cancelled ones); `cancel` means unfinished ones and needs a condition beside `created_before`. Jobs accepted
        later are not touched."""
        document = {"action": action, "filter": filter or {}}
        return self._post(path_of("bulk-actions"), BulkAction, document, idempotency_key)

    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[BulkAction]:
        """The newest first."""
        return Listing(
            path_of("bulk-actions"), Page[BulkAction], query_of({"sort": sort, "limit": page_size})
        )

    @operation
    def get(self, action_id: Id) -> Steps[BulkAction]:
        return self._get(path_of("bulk-actions", action_id), BulkAction)

    @operation
    def stop(self, action_id: Id) -> Steps[BulkAction]:
        """What is done stays done. Raises `Conflict` when it has ended."""
        return self._post(path_of("bulk-actions", action_id, "stop"), BulkAction)

    @operation
    def wait(self, action_id: Id, timeout: float | timedelta = 60.0) -> Steps[BulkAction]:
        """Returns it once it has ended; asks at growing intervals (0.1 to 5 s). Raises `BulkActionUnfinished`; it goes
        on all the same."""
        path = path_of("bulk-actions", action_id)
        return (yield from ended(self, path, BulkAction, BulkActionUnfinished, timeout))
