from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from hermodr_api.access.authentication import Caller
from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_api.http.auth import ManagerOrUser, ReaderOrUser
from hermodr_api.http.cursors import cursor_at
from hermodr_api.http.fields import Locale
from hermodr_api.http.intake import NoBody
from hermodr_api.http.lists import Filter, Listing, NewestFirst
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.inbox.models import (
    ChangedPreference,
    GeneralPreferenceIn,
    NotificationList,
    NotificationView,
    PreferenceIn,
    PreferenceList,
    PreferenceView,
    ReadAllIn,
    ReadAllView,
    SnoozeIn,
    UnreadCount,
)
from hermodr_api.inbox.service import Asker, Inbox
from hermodr_api.inbox.wishes import InboxWishes
from hermodr_ledger.inbox.reading import InboxSearch, Whose

router = APIRouter(prefix="/v1/inbox", tags=["inbox"], route_class=Route)

Service = Annotated[Inbox, provided(Inbox)]
Wishes = Annotated[InboxWishes, provided(InboxWishes)]
UserId = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00]*$",
        description="For API keys: whose inbox. A user's token says it by itself.",
    ),
]
InLocale = Annotated[
    Locale | None,
    Query(description="The language of labels (BCP 47); by default the user's.", examples=["de"]),
]
_ALL = ReadAllIn()
Read = Annotated[bool | None, Query(description="Only read or only unread ones.")]
Archived = Annotated[bool, Query(description="Those in the archive, instead of those in the inbox.")]
Snoozed = Annotated[bool, Query(description="Those that are away for a time, instead.")]


def _theirs(caller: Caller, user_id: str | None) -> Whose:
    """An end user's own; for a key those of anybody, or of that user. Raises `Refused`."""
    if caller.user_id is None:
        return Whose(caller.project_id, user_id)
    if user_id is not None and user_id != caller.user_id:
        raise not_found("inbox")
    return Whose(caller.project_id, caller.user_id)


def _whose(caller: Caller, user_id: str | None) -> Whose:
    """One inbox. Raises `Refused`."""
    whose = _theirs(caller, user_id)
    if whose.user_id is None:
        raise invalid(Flaw(("query", "user_id"), "an API key has to say whose inbox"))
    return whose


def _asker(caller: Caller, whose: Whose) -> Asker:
    return Asker(whose, caller.actor if caller.user_id is None else None)


def _reading(caller: ReaderOrUser, user_id: UserId = None) -> Asker:
    return _asker(caller, _theirs(caller, user_id))


def _changing(caller: ManagerOrUser, user_id: UserId = None) -> Asker:
    return _asker(caller, _theirs(caller, user_id))


Reading = Annotated[Asker, Depends(_reading)]
Changing = Annotated[Asker, Depends(_changing)]


@router.get("", name="list")
async def list_notifications(
    caller: ReaderOrUser,
    asked: NewestFirst,
    inbox: Service,
    read: Read = None,
    archived: Archived = False,
    snoozed: Snoozed = False,
    type: Filter = None,
    user_id: UserId = None,
) -> NotificationList:
    """List a user's notifications, the newest first.

    Archived and snoozed ones are left out unless they are asked for. An API key says whose inbox it is.
    """
    whose = _whose(caller, user_id)
    found, unread = await inbox.page(
        _asker(caller, whose), InboxSearch(read, archived, snoozed, type), asked.page
    )
    cursor = cursor_at(found.next, asked.name) if found.next is not None else None
    data = [NotificationView.of(each) for each in found.rows]
    return NotificationList(data=data, unread_count=unread, next_cursor=cursor)


@router.get("/unread-count")
async def count_unread(caller: ReaderOrUser, inbox: Service, user_id: UserId = None) -> UnreadCount:
    """Count a user's unread notifications."""
    return UnreadCount(unread_count=await inbox.unread(_whose(caller, user_id)))


@router.get("/preferences", name="list preferences")
async def list_preferences(
    caller: ReaderOrUser, asked: Listing, wishes: Wishes, locale: InLocale = None, user_id: UserId = None
) -> PreferenceList:
    """List what a user may be told of, and on which channels they want it.

    As on their preference page: of the templates that came with the project and were never changed only those of which
    they were told lately, or have a wish about; and of the channels those that lead to them.
    """
    found, general = await wishes.page(_theirs(caller, user_id), asked.page, locale)
    cursor = cursor_at(found.next, asked.name) if found.next is not None else None
    return PreferenceList(data=list(found.rows), channels=general, next_cursor=cursor)


@router.patch("/preferences", responses=refusals(404, 409))
async def change_preferences(
    caller: ManagerOrUser, wishes: Wishes, wanted: GeneralPreferenceIn, user_id: UserId = None
) -> ChangedPreference:
    """Say on which channels notifications may come, of all types or of one by its name."""
    channels = await wishes.set(caller, _whose(caller, user_id), wanted.type, wanted.channels)
    return ChangedPreference(type=wanted.type, channels=channels)


@router.get("/preferences/{preference_id}", responses=refusals(404))
async def show_preference(
    caller: ReaderOrUser,
    wishes: Wishes,
    preference_id: UUID,
    locale: InLocale = None,
    user_id: UserId = None,
) -> PreferenceView:
    """Show on which channels a type of notifications may come."""
    return await wishes.show(_theirs(caller, user_id), preference_id, locale)


@router.patch("/preferences/{preference_id}", responses=refusals(404, 409))
async def change_preference(
    caller: ManagerOrUser, wishes: Wishes, preference_id: UUID, wanted: PreferenceIn, user_id: UserId = None
) -> PreferenceView:
    """Say on which channels a type of notifications may come."""
    return await wishes.change(caller, _theirs(caller, user_id), preference_id, wanted.channels)


@router.patch("/read-all")
async def mark_all_as_read(
    caller: ManagerOrUser, inbox: Service, wanted: ReadAllIn = _ALL, user_id: UserId = None
) -> ReadAllView:
    """Mark all notifications in the inbox as read.

    Those that come meanwhile, and archived and snoozed ones, stay as they are.
    """
    whose = _whose(caller, user_id)
    read = await inbox.read_all(_asker(caller, whose), wanted.type)
    return ReadAllView(read=read, unread_count=await inbox.unread(whose))


@router.get("/{notification_id}", responses=refusals(404))
async def show(asker: Reading, inbox: Service, notification_id: UUID) -> NotificationView:
    """Show a notification. It stays unread."""
    return NotificationView.of(await inbox.show(asker, notification_id))


@router.patch("/{notification_id}/read", responses=refusals(404))
async def mark_as_read(asker: Changing, inbox: Service, notification_id: UUID, _: NoBody) -> NotificationView:
    """Mark a notification as read."""
    return NotificationView.of(await inbox.read(asker, notification_id))


@router.patch("/{notification_id}/unread", responses=refusals(404))
async def mark_as_unread(
    asker: Changing, inbox: Service, notification_id: UUID, _: NoBody
) -> NotificationView:
    """Mark a notification as unread again."""
    return NotificationView.of(await inbox.unread_again(asker, notification_id))


@router.patch("/{notification_id}/archive", responses=refusals(404))
async def archive(asker: Changing, inbox: Service, notification_id: UUID, _: NoBody) -> NotificationView:
    """Put a notification into the archive."""
    return NotificationView.of(await inbox.archive(asker, notification_id))


@router.patch("/{notification_id}/unarchive", responses=refusals(404))
async def unarchive(asker: Changing, inbox: Service, notification_id: UUID, _: NoBody) -> NotificationView:
    """Take a notification out of the archive."""
    return NotificationView.of(await inbox.unarchive(asker, notification_id))


@router.patch("/{notification_id}/snooze", responses=refusals(404))
async def snooze(
    asker: Changing, inbox: Service, notification_id: UUID, wanted: SnoozeIn
) -> NotificationView:
    """Put a notification away until a time; it comes back as unread, in its place."""
    return NotificationView.of(await inbox.snooze(asker, notification_id, wanted.until))


@router.delete("/{notification_id}", status_code=204, responses=refusals(404))
async def delete(asker: Changing, inbox: Service, notification_id: UUID) -> None:
    """Delete a notification. Its job keeps what was said until its own retention."""
    await inbox.delete(asker, notification_id)
