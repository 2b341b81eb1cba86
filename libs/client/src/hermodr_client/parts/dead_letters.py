from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hermodr_client.answers import decoded
from hermodr_client.exchange import Request, Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.operations import DeadLetter, Deleted, Replayed, ReplayPlan
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, Query, W, path_of, query_of
from hermodr_client.retrying import exchange


class DeadLetters(Part[W]):
    """What exhausted its attempts or could not be read."""

    @listing
    def list(
        self,
        *,
        queue: str | None = None,
        reason: str | None = None,
        type: str | None = None,
        channel: str | None = None,
        job_id: Id | None = None,
        replayed: bool | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[DeadLetter]:
        """Those that fit; `reason` is a prefix."""
        query: Query = {
            "queue": queue,
            "reason": reason,
            "type": type,
            "channel": channel,
            "job_id": job_id,
            "replayed": replayed,
            "created_after": created_after,
            "created_before": created_before,
            "sort": sort,
            "limit": page_size,
        }
        return Listing(path_of("dead-letters"), Page[DeadLetter], query_of(query))

    @operation
    def get(self, letter_id: Id) -> Steps[DeadLetter]:
        return self._get(path_of("dead-letters", letter_id), DeadLetter)

    @operation
    def replay(self, letter_id: Id) -> Steps[Replayed]:
        """Repeating it changes nothing."""
        return self._post(path_of("dead-letters", letter_id, "replay"), Replayed)

    @operation
    def replay_many(
        self, filter: Mapping[str, Any] | None = None, *, dry_run: bool = False, rate: float | None = None
    ) -> Steps[ReplayPlan]:
        """Replays those that fit (names as in `list`) and were not replayed yet, at most `rate` a second; `dry_run`
        only counts."""
        document: dict[str, Any] = {"filter": filter or {}, "dry_run": dry_run}
        return self._post(
            path_of("dead-letters", "replay"), ReplayPlan, document | ({} if rate is None else {"rate": rate})
        )

    @operation
    def delete(self, letter_id: Id) -> Steps[None]:
        yield from self._delete(path_of("dead-letters", letter_id))

    @operation
    def delete_many(
        self,
        *,
        queue: str | None = None,
        reason: str | None = None,
        type: str | None = None,
        channel: str | None = None,
        job_id: Id | None = None,
        replayed: bool | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Steps[Deleted]:
        """Deletes those that fit, in as many requests as needed; at least one condition is required. An answer that
        got lost is not counted."""
        query = query_of(
            {
                "queue": queue,
                "reason": reason,
                "type": type,
                "channel": channel,
                "job_id": job_id,
                "replayed": replayed,
                "created_after": created_after,
                "created_before": created_before,
            }
        )
        deleted = 0
        while True:
            request = Request("DELETE", path_of("dead-letters"), query)
            answer = decoded((yield from exchange(request, self._pace)), Deleted)
            deleted += answer.deleted
            if not answer.more:
                return Deleted(deleted=deleted)
