from __future__ import annotations

from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.auto_syncs import AutoSync, AutoSyncResponse, AutoSyncRun
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class AutoSyncs(Part[W]):
    """Calls for answers."""

    @listing
    def list(
        self,
        *,
        organizer_id: Id | None = None,
        group_id: Id | None = None,
        status: str | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[AutoSync]:
        query = {"organizer_id": organizer_id, "group_id": group_id, "status": status, "sort": sort}
        return Listing(path_of("auto-syncs"), Page[AutoSync], query_of(query | {"limit": page_size}))

    @operation
    def get(self, sync_id: Id) -> Steps[AutoSync]:
        return self._get(path_of("auto-syncs", sync_id), AutoSync)

    @operation
    def create(
        self,
        /,
        organizer_id: Id,
        group_id: Id,
        event_name: str,
        *,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Steps[AutoSync]:
        """Further fields: `response_goal` (everyone, number, percent) with `response_target`, `timezone`,
        `reminder_after` and `pause_after` (such as "24h"), `channel`, `status`, `started_at`, `data`."""
        named = {"organizer_id": str(organizer_id), "group_id": str(group_id), "event_name": event_name}
        return self._post(path_of("auto-syncs"), AutoSync, named | fields, idempotency_key)

    @operation
    def update(self, /, sync_id: Id, **fields: Any) -> Steps[AutoSync]:
        """The waiting job moves to its new time; `status="cancelled"` ends it for good."""
        return self._patch(path_of("auto-syncs", sync_id), AutoSync, fields)

    @operation
    def delete(self, sync_id: Id) -> Steps[None]:
        yield from self._delete(path_of("auto-syncs", sync_id))

    @listing
    def responses(self, sync_id: Id, *, page_size: int = 50) -> Listing[AutoSyncResponse]:
        """Everybody who is asked, with the answers."""
        query = query_of({"limit": page_size})
        return Listing(path_of("auto-syncs", sync_id, "responses"), Page[AutoSyncResponse], query)

    @operation
    def respond(
        self, sync_id: Id, member_id: Id, response: str, *, idempotency_key: str | None = None
    ) -> Steps[AutoSync]:
        """A member's answer, in place of an earlier one; the last that the goal needs completes it."""
        document = {"member_id": str(member_id), "response": response}
        return self._post(path_of("auto-syncs", sync_id, "responses"), AutoSync, document, idempotency_key)

    @operation
    def pause(self, sync_id: Id) -> Steps[AutoSync]:
        return self._post(path_of("auto-syncs", sync_id, "pause"), AutoSync)

    @operation
    def resume(self, sync_id: Id) -> Steps[AutoSync]:
        """The time of the pause does not count; one that its own check has paused begins anew."""
        return self._post(path_of("auto-syncs", sync_id, "resume"), AutoSync)

    @operation
    def complete(self, sync_id: Id) -> Steps[AutoSync]:
        return self._post(path_of("auto-syncs", sync_id, "complete"), AutoSync)

    @operation
    def run(self, sync_id: Id) -> Steps[AutoSyncRun]:
        """Does what is due now, without waiting for the scheduler."""
        return self._post(path_of("auto-syncs", sync_id, "run"), AutoSyncRun)
