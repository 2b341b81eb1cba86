from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, JsonObject, Moment
from hermodr_api.http.fields import Type
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.inbox.reading import Notification

_EXAMPLE: JsonDict = {
    "id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
    "job_id": "01a20187-1000-7c41-b0d6-2f9e6a4c0000",
    "type": "booking_confirmation",
    "title": "Booking 4711 is confirmed",
    "message": "We look forward to seeing you on Friday.",
    "data": {"reference": "4711"},
    "read": False,
    "read_at": None,
    "archived": False,
    "archived_at": None,
    "snoozed_until": None,
    "created_at": "2026-11-22T09:00:00.412000Z",
}


class NotificationView(BaseModel):
    """A notification in an inbox."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    job_id: UUID = Field(description="The job it came from.")
    type: str | None = Field(description="The type the notification was requested with.")
    title: str = Field(description="The subject; empty if there was none.")
    message: str = Field(description="The text.")
    data: Any = Field(
        description="Of the `data` of the request what the texts for `in_app` read; all of it if the content was given."
    )
    read: bool
    read_at: datetime | None
    archived: bool
    archived_at: datetime | None
    snoozed_until: datetime | None = Field(
        description="Until then it is away; once past, it is back, and the time stays until it is archived or snoozed."
    )
    created_at: datetime = Field(description="When it came into the inbox.")

    @classmethod
    def of(cls, found: Notification) -> Self:
        return cls(
            id=found.id,
            job_id=found.job_id,
            type=found.type,
            title=found.title,
            message=found.message,
            data=found.data,
            read=found.read_at is not None,
            read_at=found.read_at,
            archived=found.archived_at is not None,
            archived_at=found.archived_at,
            snoozed_until=found.snoozed_until,
            created_at=found.created_at,
        )


class NotificationList(BaseModel):
    """A page of an inbox. `unread_count` is of the whole inbox."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"data": [_EXAMPLE], "unread_count": 1, "next_cursor": None}]}
    )

    data: list[NotificationView]
    unread_count: int
    next_cursor: str | None


class UnreadCount(BaseModel):
    """How many notifications in the inbox are unread; archived and snoozed ones are not counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"unread_count": 3}]})

    unread_count: int


class ReadAllView(BaseModel):
    """How many were marked as read; and how many are unread now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"read": 3, "unread_count": 0}]})

    read: int
    unread_count: int


class ReadAllIn(Body):
    """Which notifications."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "booking_confirmation"}]})

    type: Type | None = Field(default=None, description="Only those of this type; by default all.")


class SnoozeIn(Body):
    """Until when."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2027-11-23T08:00:00Z"}]})

    until: Moment | None = Field(
        description="When it comes back, as unread; in the future, at most 366 days ahead. "
        "Archived ones leave the archive. `null`: now, as it was.",
        examples=["2027-11-23T08:00:00Z"],
    )


Wanted = Annotated[dict[Channel, StrictBool], Field(min_length=1, max_length=len(Channel))]
_CHANNELS: JsonObject = {"email": False, "in_app": True}
_PREFERENCE: JsonDict = {
    "id": "01a20187-2000-7c41-b0d6-2f9e6a4c0000",
    "type": "booking_confirmation",
    "label": {"title": "Bookings", "category": "Travel", "description": "When one of yours is confirmed."},
    "critical": False,
    "channels": {"email": True, "in_app": True},
}


class LabelView(BaseModel):
    """What people call a type."""

    title: str = Field(description="The type's name, spelled out, if its template has no `labels`.")
    category: str | None
    description: str | None


class PreferenceView(BaseModel):
    """Whether notifications of a type may come, by channel."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PREFERENCE]})

    id: UUID
    type: str
    label: LabelView = Field(description="In the language asked for; by default in the user's.")
    critical: bool = Field(description="It comes whatever is wished.")
    channels: dict[str, bool] = Field(
        description="The channels it can come on, of those that lead to the user, and whether it may."
    )


class PreferenceList(BaseModel):
    """A page of the types that may reach the user. `channels`: what holds for all for which nothing else is wished."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": [_PREFERENCE], "channels": {"email": True}, "next_cursor": None}]
        }
    )

    data: list[PreferenceView]
    channels: dict[str, bool]
    next_cursor: str | None


class PreferenceIn(Body):
    """Channels that are left out stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channels": _CHANNELS}]})

    channels: Wanted = Field(description="By channel, whether it may come.", examples=[_CHANNELS])


class GeneralPreferenceIn(PreferenceIn):
    """For all types, or for one by its name."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "newsletter", "channels": {"email": False}}]}
    )

    type: Type | None = Field(
        default=None,
        description="Only this type, which needs no template; by default all types for which nothing else is wished.",
    )


class ChangedPreference(BaseModel):
    """What holds now on those channels."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "newsletter", "channels": {"email": False}}]}
    )

    type: str | None
    channels: dict[str, bool]
