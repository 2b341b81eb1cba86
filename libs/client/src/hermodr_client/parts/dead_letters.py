"""Dead letters: what exhausted its attempts or could not be read."""

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
    """Looking at them, and sending them on their way again."""

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
        """Dead letters that fit, fetched page by page; `reason` is how it begins."""
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
        """One of them, with what is in it."""
        return self._get(path_of("dead-letters", letter_id), DeadLetter)

    @operation
    def replay(self, letter_id: Id) -> Steps[Replayed]:
        """Sends it on its way again; twice does no more than once."""
        return self._post(path_of("dead-letters", letter_id, "replay"), Replayed)

    @operation
    def replay_many(
        self, filter: Mapping[str, Any] | None = None, *, dry_run: bool = False, rate: float | None = None
    ) -> Steps[ReplayPlan]:
        """Replays those not replayed yet that fit (names as in `list`), at most `rate` a second; with `dry_run` only
        counts them."""
        document: dict[str, Any] = {"filter": filter or {}, "dry_run": dry_run}
        return self._post(
            path_of("dead-letters", "replay"), ReplayPlan, document | ({} if rate is None else {"rate": rate})
        )

    @operation
    def delete(self, letter_id: Id) -> Steps[None]:
        """Throws it away."""
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
        """Throws away those that fit, in as many requests as it takes; at least one condition has to be given. An
        answer that got lost takes its number with it."""
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
