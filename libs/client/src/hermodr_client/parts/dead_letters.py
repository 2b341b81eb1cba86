"""Dead letters: what exhausted its attempts or could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Answer, Page
from hermodr_client.models.operations import DeadLetter
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class DeadLetters(Part[W]):
    """Looking at them, and sending them on their way again."""

    @listing
    def list(
        self,
        *,
        queue: str | None = None,
        reason: str | None = None,
        created_after: datetime | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[DeadLetter]:
        """Dead letters that fit, fetched page by page."""
        query = {"queue": queue, "reason": reason, "created_after": created_after, "sort": sort}
        return Listing(path_of("dead-letters"), Page[DeadLetter], query_of(query | {"limit": page_size}))

    @operation
    def get(self, letter_id: Id) -> Steps[DeadLetter]:
        """One of them."""
        return self._get(path_of("dead-letters", letter_id), DeadLetter)

    @operation
    def replay(self, letter_id: Id) -> Steps[Answer]:
        """Sends it on its way again; twice does no more than once."""
        return self._post(path_of("dead-letters", letter_id, "replay"), Answer)

    @operation
    def replay_many(
        self, filter: Mapping[str, Any] | None = None, *, dry_run: bool = False, rate: float | None = None
    ) -> Steps[Answer]:
        """Replays those that fit, at most `rate` a second; with `dry_run` only says which."""
        document: dict[str, Any] = {"filter": filter or {}, "dry_run": dry_run}
        return self._post(
            path_of("dead-letters", "replay"), Answer, document | ({} if rate is None else {"rate": rate})
        )

    @operation
    def delete(self, letter_id: Id) -> Steps[None]:
        """Throws it away."""
        yield from self._delete(path_of("dead-letters", letter_id))
