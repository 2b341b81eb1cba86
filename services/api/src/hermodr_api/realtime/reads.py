"""What real time reads of the ledger, as the other routes show it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from hermodr_api.inbox.models import NotificationView
from hermodr_api.realtime.hub import User
from hermodr_ledger.engine import Ledger
from hermodr_ledger.inbox import following as inboxes
from hermodr_ledger.inbox.reading import Notification, Whose
from hermodr_ledger.jobs import following
from hermodr_ledger.jobs.following import FollowedJob


class LedgerReads:
    """All raise `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def jobs(self, ids: Collection[UUID]) -> Mapping[UUID, FollowedJob]:
        """See `feed.Reads`."""
        return await following.read(self._ledger, ids)

    async def tasks_of(self, user: User) -> Sequence[FollowedJob]:
        """See `feed.Reads`."""
        return await following.tasks_of(self._ledger, *user)

    async def notifications(self, ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        """See `feed.Reads`."""
        found = await inboxes.read(self._ledger, ids)
        return {each.id: _shown(each) for each in found}

    async def unread(self, users: Collection[User]) -> Mapping[User, int]:
        """See `feed.Reads`."""
        return await inboxes.unread(self._ledger, users)

    async def since(
        self, user: User, last: UUID, limit: int
    ) -> Sequence[tuple[UUID, Mapping[str, Any]]] | None:
        """See `feed.Reads`."""
        found = await inboxes.since(self._ledger, Whose(*user), last, limit)
        return None if found is None else [(each.id, _shown(each)) for each in found]


def _shown(notification: Notification) -> Mapping[str, Any]:
    return NotificationView.of(notification).model_dump(mode="json")
