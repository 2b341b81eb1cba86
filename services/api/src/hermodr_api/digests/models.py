from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)
from pydantic.config import JsonDict

from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.bodies import Body
from hermodr_api.recipients.models import Zone
from hermodr_api.updates.models import ContentType
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.digests.schedules import Frequency, Misfire

MOST_OCCURRENCES = 500
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_LAST_WEEKDAY = 7
_MOST_TYPES = 50
_CLEARABLE = ("delivery_day", "include_content_types")


def _no_type_twice(types: list[str]) -> list[str]:
    if len(set(types)) != len(types):
        raise ValueError("a type stands twice")
    return types


def _clock(value: object) -> object:
    if not isinstance(value, time):
        return value
    return value.isoformat("seconds" if value.second else "minutes")


def _plain(types: object) -> object:
    """Without what older rows by SQL may hold: null, lists in lists, too many."""
    if not isinstance(types, list):
        return types
    return [each for each in types if isinstance(each, str)][:_MOST_TYPES] or None


Clock = Annotated[str, Field(pattern=_CLOCK, examples=["18:30"])]
Day = Annotated[int, Field(ge=1, le=31, strict=True)]
Types = Annotated[
    list[ContentType], Field(min_length=1, max_length=_MOST_TYPES), AfterValidator(_no_type_twice)
]
_DAY = "1 Monday to 7 Sunday of a weekly digest; 1 to 31 of a monthly one, which is the last day of shorter months."


class DigestScheduleIn(Body):
    """What is unread of a group, sent to one of its members at set times."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "recipient_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
                    "group_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
                    "frequency": "weekly",
                    "delivery_day": 7,
                    "delivery_time": "18:30",
                    "timezone": "Europe/Vienna",
                }
            ]
        }
    )

    recipient_id: UUID = Field(description="Who gets it: a member of the group.")
    group_id: UUID = Field(description="Whose updates it tells of.")
    frequency: Frequency = Field(description="How often.")
    delivery_time: Clock = Field(default="09:00", description="The local time.")
    delivery_day: Day | None = Field(default=None, description=_DAY, examples=[7])
    timezone: Zone | None = Field(default=None, description="By default the recipient's, else UTC.")
    max_updates_per_digest: Annotated[int, Field(ge=1, le=100, strict=True)] = Field(
        default=10, description="The oldest unread ones; the rest comes with the next digest."
    )
    include_content_types: Types | None = Field(
        default=None, description="Only updates of these types; null: all.", examples=[["photo"]]
    )
    is_active: StrictBool = Field(default=True, description="Whether it is sent by itself.")
    misfire: Misfire = Field(
        default="coalesce",
        description="After a downtime: one digest for all that were missed (`coalesce`), or none (`skip`).",
    )


class DigestSchedulePatch(Body):
    """The changes to a schedule: what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"delivery_time": "08:00", "is_active": True}]})

    frequency: Frequency | None = Field(default=None, description="`daily` clears `delivery_day`.")
    delivery_time: Clock | None = Field(default=None, description="The local time.")
    delivery_day: Day | None = Field(default=None, description=_DAY, examples=[7])
    timezone: Zone | None = Field(default=None, description="Of the local time.")
    max_updates_per_digest: Annotated[int, Field(ge=1, le=100, strict=True)] | None = Field(
        default=None, description="The most updates in a digest.", examples=[20]
    )
    include_content_types: Types | None = Field(
        default=None, description="Only updates of these types; null: all.", examples=[["photo"]]
    )
    is_active: StrictBool | None = Field(
        default=None,
        description="Paused while `false`; what was due meanwhile is not sent.",
        examples=[False],
    )
    misfire: Misfire | None = Field(default=None, description="What happens after a downtime.")

    @model_validator(mode="after")
    def _nothing_cleared(self) -> "DigestSchedulePatch":
        cleared = [
            name for name in self.model_fields_set if getattr(self, name) is None and name not in _CLEARABLE
        ]
        if cleared:
            raise ValueError(f"{sorted(cleared)[0]} cannot be null")
        return self


def columns_of(wanted: DigestScheduleIn | DigestSchedulePatch) -> dict[str, Any]:
    """The given fields as columns."""
    given = wanted.model_dump(exclude_unset=isinstance(wanted, DigestSchedulePatch))
    if "delivery_time" in given:
        given["delivery_time"] = time.fromisoformat(given["delivery_time"])
    if given.get("frequency") == "daily":
        given.setdefault("delivery_day", None)
    return given


def refuse_odd_day(frequency: str, day: int | None) -> None:
    """Raises `Refused`."""
    reason = None
    if frequency == "daily" and day is not None:
        reason = "cannot stand beside the frequency daily"
    elif frequency != "daily" and day is None:
        reason = f"is required for the frequency {frequency}"
    elif frequency == "weekly" and day is not None and day > _LAST_WEEKDAY:
        reason = "must be 1 (Monday) to 7 (Sunday)"
    if reason is not None:
        raise invalid(Flaw(("body", "delivery_day"), reason))


_EXAMPLE: JsonDict = {
    "id": "01a2018d-0b7c-7e10-a2f4-77c1d90e0000",
    "recipient_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
    "group_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
    "frequency": "weekly",
    "delivery_time": "18:30",
    "delivery_day": 7,
    "timezone": "Europe/Vienna",
    "max_updates_per_digest": 10,
    "include_content_types": None,
    "is_active": True,
    "misfire": "coalesce",
    "last_digest_sent": None,
    "next_digest_scheduled": "2026-11-29T17:30:00Z",
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class DigestScheduleView(BaseModel):
    """A digest schedule. `next_digest_scheduled` is null while it is paused, and for the moment in which the scheduler
    computes it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    recipient_id: UUID
    group_id: UUID
    frequency: Frequency
    delivery_time: Annotated[str, BeforeValidator(_clock)]
    delivery_day: int | None
    timezone: str
    max_updates_per_digest: int
    include_content_types: Annotated[list[str] | None, BeforeValidator(_plain)]
    is_active: bool
    misfire: Misfire
    last_digest_sent: datetime | None
    next_digest_scheduled: datetime | None
    created_at: datetime
    updated_at: datetime


class DigestScheduleList(BaseModel):
    """A page of digest schedules."""

    data: list[DigestScheduleView]
    next_cursor: str | None


class DigestOccurrenceView(BaseModel):
    """When it is due."""

    at: datetime
    local: str


class DigestOccurrencesView(BaseModel):
    """The next occurrences by the rule, whether the schedule is active or not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": [{"at": "2027-03-28T01:00:00Z", "local": "2027-03-28T03:00:00+02:00"}]}]
        }
    )

    data: list[DigestOccurrenceView]


class DigestUpdateView(BaseModel):
    """An update in a digest. `text` is the beginning of its body."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    content_type: str
    title: str | None
    text: str | None
    url: str | None
    author: str | None
    posted_at: datetime


Reason = Literal[
    "nothing_new",
    "not_a_member",
    "muted",
    "group_muted",
    "preference",
    "quiet_hours",
    "cap",
    "capped",
    "suppressed",
    "recipient_erased",
    "template_missing",
    "template_has_no_such_channel",
    "no_channel_available",
    "channel_not_available",
    "no_address",
]


class DigestPreviewView(BaseModel):
    """What would be sent now, by the wishes of its reader, and how many updates would be left for the next digest
    (`more`). `reason`: why nothing would; then there are no texts. `until`: when the digest would be sent that waits
    for the end of quiet hours, or for a place under a cap."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": None,
                    "until": None,
                    "locale": "en",
                    "subject": "Mia: One thing is new",
                    "text": "Hello Ada, …",
                    "html": None,
                    "updates": [],
                    "more": 0,
                }
            ]
        }
    )

    reason: Reason | None = None
    until: datetime | None = None
    locale: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    updates: list[DigestUpdateView] = []
    more: int = 0


class DigestRunView(BaseModel):
    """The digest that was requested. It is skipped if there is nothing new."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
                    "status": "queued",
                    "status_url": "/v1/jobs/01a2018c-e359-7702-8eb3-8dd0fbf20000",
                }
            ]
        }
    )

    job_id: UUID
    status: Literal[JobState.QUEUED]
    status_url: str
