from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from hermodr_client.errors import MalformedAnswer
from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Answer, Page
from hermodr_client.models.inbox import (
    ChangedPreference,
    InboxEvent,
    InboxNotification,
    InboxPreference,
    JobNews,
    ReadAll,
    UnreadCount,
)
from hermodr_client.operation import listing, operation, streaming
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of
from hermodr_client.streaming import Following, ServerEvent


class Inbox(Part[W]):
    """A user's inbox. With a user's token it is theirs; with an API key `user_id` says whose."""

    @listing
    def list(
        self,
        *,
        read: bool | None = None,
        archived: bool = False,
        snoozed: bool = False,
        type: str | None = None,
        user_id: str | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[InboxNotification]:
        """The newest first."""
        query = query_of(
            {
                "read": read,
                "archived": archived or None,
                "snoozed": snoozed or None,
                "type": type,
                "user_id": user_id,
                "sort": sort,
                "limit": page_size,
            }
        )
        return Listing(path_of("inbox"), Page[InboxNotification], query)

    @operation
    def unread_count(self, *, user_id: str | None = None) -> Steps[int]:
        found = yield from self._get(path_of("inbox", "unread-count"), UnreadCount, {"user_id": user_id})
        return found.unread_count

    @streaming
    def stream(self, *, last_event_id: Id | None = None) -> Following[InboxEvent]:
        """The own inbox and jobs as they change, by a user's token; begins with how many are unread, and with the
        tasks that run. With the id of the last notification that is known, what came since is told first. A broken
        stream is opened again where it was, for `total_seconds` of `Retries` at most; no notification is told twice,
        and tasks that ended meanwhile are told of. What was missed for good is a `refetch`."""
        last = str(last_event_id) if last_event_id is not None else None
        return Following(path_of("inbox", "stream"), last, self._pace, _event)

    @operation
    def get(self, notification_id: Id) -> Steps[InboxNotification]:
        """It stays unread."""
        return self._get(path_of("inbox", notification_id), InboxNotification)

    @operation
    def mark_read(self, notification_id: Id) -> Steps[InboxNotification]:
        return self._patch(path_of("inbox", notification_id, "read"), InboxNotification, None)

    @operation
    def mark_unread(self, notification_id: Id) -> Steps[InboxNotification]:
        return self._patch(path_of("inbox", notification_id, "unread"), InboxNotification, None)

    @operation
    def mark_all_read(self, *, type: str | None = None, user_id: str | None = None) -> Steps[ReadAll]:
        """Of those in the inbox; what comes meanwhile stays unread."""
        return self._patch(path_of("inbox", "read-all"), ReadAll, {"type": type}, {"user_id": user_id})

    @operation
    def archive(self, notification_id: Id) -> Steps[InboxNotification]:
        return self._patch(path_of("inbox", notification_id, "archive"), InboxNotification, None)

    @operation
    def unarchive(self, notification_id: Id) -> Steps[InboxNotification]:
        return self._patch(path_of("inbox", notification_id, "unarchive"), InboxNotification, None)

    @operation
    def snooze(self, notification_id: Id, until: datetime | None) -> Steps[InboxNotification]:
        """Away until then, to come back as unread; None: back now."""
        document = {"until": until}
        return self._patch(path_of("inbox", notification_id, "snooze"), InboxNotification, document)

    @operation
    def delete(self, notification_id: Id) -> Steps[None]:
        yield from self._delete(path_of("inbox", notification_id))

    @listing
    def preferences(
        self, *, user_id: str | None = None, locale: str | None = None, page_size: int = 50
    ) -> Listing[InboxPreference]:
        """What they may be told of, with labels in `locale` (by default the user's), and on which channels."""
        query = query_of({"user_id": user_id, "locale": locale, "limit": page_size})
        return Listing(path_of("inbox", "preferences"), Page[InboxPreference], query)

    @operation
    def preference(
        self, preference_id: Id, *, user_id: str | None = None, locale: str | None = None
    ) -> Steps[InboxPreference]:
        path = path_of("inbox", "preferences", preference_id)
        return self._get(path, InboxPreference, {"user_id": user_id, "locale": locale})

    @operation
    def set_preference(
        self, preference_id: Id, channels: Mapping[str, bool], *, user_id: str | None = None
    ) -> Steps[InboxPreference]:
        """Channels that are left out stay as they are."""
        path = path_of("inbox", "preferences", preference_id)
        return self._patch(path, InboxPreference, {"channels": dict(channels)}, {"user_id": user_id})

    @operation
    def set_channels(
        self, channels: Mapping[str, bool], *, type: str | None = None, user_id: str | None = None
    ) -> Steps[ChangedPreference]:
        """Of a type by its name; None: of all for which nothing else is wished."""
        document = {"type": type, "channels": dict(channels)}
        return self._patch(path_of("inbox", "preferences"), ChangedPreference, document, {"user_id": user_id})


def _event(of: ServerEvent) -> InboxEvent:
    """Raises `MalformedAnswer`."""
    try:
        if of.name == "notification":
            return InboxEvent(event=of.name, notification=InboxNotification.model_validate_json(of.data))
        if of.name == "notification:count":
            return InboxEvent(event=of.name, unread_count=_Unread.model_validate_json(of.data).unread)
        if of.name == "job:status":
            return InboxEvent(event=of.name, job=JobNews.model_validate_json(of.data))
        if of.name == "job:update":
            return InboxEvent(event=of.name, job=_Ended.model_validate_json(of.data).news())
    except ValidationError:
        raise MalformedAnswer(f"has a {of.name} of another form", 200) from None
    return InboxEvent(event=of.name)


class _Unread(Answer):
    unread: int


class _Ended(Answer):
    job_id: UUID
    event: str
    result: Any = None
    error: str | None = None

    def news(self) -> JobNews:
        return JobNews(job_id=self.job_id, status=self.event, result=self.result, error=self.error)
