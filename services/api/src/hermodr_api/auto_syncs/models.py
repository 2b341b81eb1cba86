from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, JsonObject, Moment
from hermodr_api.http.durations import Duration, written
from hermodr_api.http.fields import Name
from hermodr_api.http.json_text import dump
from hermodr_api.recipients.models import Zone
from hermodr_ledger.auto_syncs.responses import Response
from hermodr_ledger.auto_syncs.syncs import Standing

MOST_DATA = 4 * 1024
"""Octets of JSON."""
MOST_TARGET = 1_000_000

Goal = Literal["everyone", "number", "percent"]
Via = Literal["sms", "email", "whatsapp", "webhook"]
Status = Literal["running", "paused", "completed", "cancelled"]


def _not_large(data: JsonObject) -> JsonObject:
    if len(dump(data).encode()) > MOST_DATA:
        raise ValueError(f"has more than {MOST_DATA // 1024} KiB as JSON")
    return data


Data = Annotated[JsonObject, AfterValidator(_not_large)]
Target = Annotated[int, Field(ge=1, le=MOST_TARGET, examples=[3])]


def flaw_of_goal(goal: str, target: int | None) -> str | None:
    """Why the two do not fit each other."""
    if (goal == "everyone") != (target is None):
        return "goes with the goals number and percent, and only with them"
    if goal == "percent" and target is not None and target > 100:
        return "is a percentage, at most 100"
    return None


class AutoSyncIn(Body):
    """A call for answers. Everybody in the group but the organizer is asked; those who have not answered after
    `reminder_after` get one message, by the template `auto_sync_reminder`. If the goal is not met after `pause_after`,
    the auto-sync pauses; it is completed as soon as it is met."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organizer_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
                    "group_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
                    "event_name": "Summer party",
                    "response_goal": "percent",
                    "response_target": 80,
                    "timezone": "Europe/Vienna",
                    "channel": "email",
                    "data": {"link": "https://example.com/party"},
                }
            ]
        }
    )

    organizer_id: UUID = Field(description="The recipient who asks.")
    group_id: UUID = Field(description="The group that is asked.")
    event_name: Name = Field(description="What it is about.", examples=["Summer party"])
    response_goal: Goal = Field(default="everyone", description="How many are to answer.")
    response_target: Target | None = Field(
        default=None, description="That many, or that many percent of those who are asked."
    )
    timezone: Zone = Field(default="UTC", description="In which members are told until when to answer.")
    reminder_after: Duration = Field(
        default="24h", validate_default=True, description="When those who have not answered are reminded."
    )
    pause_after: Duration = Field(
        default="48h", validate_default=True, description="When it pauses; later than the reminder."
    )
    channel: Via = Field(default="sms", description="How members are reminded.")
    status: Literal["running", "paused"] = Field(default="running", description="`paused`: to be resumed.")
    started_at: Moment | None = Field(
        default=None,
        description="From when its times are counted: by default from now.",
        examples=["2026-11-22T09:00:00Z"],
    )
    data: Data = Field(
        default_factory=dict,
        description="More variables for the template: the starter takes `link` and `message`.",
        examples=[{"link": "https://example.com/party"}],
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "AutoSyncIn":
        if flaw := flaw_of_goal(self.response_goal, self.response_target):
            raise ValueError(f"response_target {flaw}")
        if self.pause_after <= self.reminder_after:
            raise ValueError("pause_after must be longer than reminder_after")
        return self


class AutoSyncPatch(Body):
    """The changes; the waiting job moves to its new time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pause_after": "72h"}]})

    event_name: Name | None = Field(default=None, description="What it is about.")
    response_goal: Goal | None = Field(default=None, description="How many are to answer.")
    response_target: Target | None = Field(default=None, description="That many, or percent; null: everyone.")
    timezone: Zone | None = Field(default=None, description="In which members are told until when to answer.")
    reminder_after: Duration | None = Field(default=None, description="When members are reminded.")
    pause_after: Duration | None = Field(default=None, description="When it pauses.")
    channel: Via | None = Field(default=None, description="How members are reminded.")
    data: Data | None = Field(default=None, description="More variables for the template.")
    status: Literal["cancelled"] | None = Field(default=None, description="Ends it for good.")

    @model_validator(mode="after")
    def _not_null(self) -> "AutoSyncPatch":
        for name in self.model_fields_set - {"response_target"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null")
        return self


class ResponseIn(Body):
    """A member's answer. It takes the place of an earlier one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"member_id": "01a2018c-e359-7702-8eb3-8dd0fbf20000", "response": "yes"}]
        }
    )

    member_id: UUID = Field(description="The membership's id (`GET /v1/groups/{id}/members`).")
    response: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="The answer, in your own words.", examples=["yes"]
    )


class CountsView(BaseModel):
    """Of the group's members at this moment but the organizer. `needed`: how many answers meet the goal."""

    asked: int
    answered: int
    unanswered: int
    needed: int
    goal_met: bool


class NextView(BaseModel):
    """The job that waits: of the type `reminder_24h` or `pause_check_48h`, whatever its time."""

    job_id: UUID
    type: str
    at: datetime


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "organizer_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
    "group_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
    "event_name": "Summer party",
    "status": "running",
    "response_goal": "everyone",
    "response_target": None,
    "timezone": "Europe/Vienna",
    "reminder_after": "24h",
    "pause_after": "48h",
    "channel": "sms",
    "data": {},
    "started_at": "2026-11-22T09:00:00Z",
    "reminded_at": None,
    "paused_at": None,
    "completed_at": None,
    "counts": {"asked": 5, "answered": 2, "unanswered": 3, "needed": 5, "goal_met": False},
    "next": {
        "job_id": "01a2018c-e359-7702-8eb3-8dd0fbf30000",
        "type": "reminder_24h",
        "at": "2026-11-23T09:00:00Z",
    },
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class AutoSyncView(BaseModel):
    """`organizer_id` is null once the organizer is erased. `started_at` moves on by the length of each pause.
    `reminded_at`: when the reminder of this round was over. `completed_at`: also when it was cancelled. `next` is null
    when nothing happens by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    organizer_id: UUID | None
    group_id: UUID
    event_name: str
    status: Status
    response_goal: Goal
    response_target: int | None
    timezone: str
    reminder_after: str
    pause_after: str
    channel: Via
    data: JsonObject
    started_at: datetime
    reminded_at: datetime | None
    paused_at: datetime | None
    completed_at: datetime | None
    counts: CountsView
    next: NextView | None
    created_at: datetime
    updated_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _of_a_row(cls, given: object) -> object:
        return _fields_of(given) if isinstance(given, Standing) else given


def _fields_of(of: Standing) -> dict[str, object]:
    sync, progress, waiting = of.sync, of.progress, of.next
    plain = (
        *("id", "organizer_id", "group_id", "event_name", "status", "response_goal", "response_target"),
        *("timezone", "channel", "data", "started_at", "reminded_at", "paused_at", "completed_at"),
        *("created_at", "updated_at"),
    )
    return {name: getattr(sync, name) for name in plain} | {
        "reminder_after": written(sync.reminder_after),
        "pause_after": written(sync.pause_after),
        "counts": {
            "asked": progress.asked,
            "answered": progress.answered,
            "unanswered": progress.asked - progress.answered,
            "needed": progress.needed,
            "goal_met": progress.met,
        },
        "next": {"job_id": waiting.id, "type": waiting.type, "at": waiting.at} if waiting else None,
    }


class AutoSyncList(BaseModel):
    """A page of auto-syncs."""

    data: list[AutoSyncView]
    next_cursor: str | None


class ResponseView(BaseModel):
    """A member who is asked; `response` is null until there is an answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "member_id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
                    "recipient_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
                    "response": "yes",
                    "responded_at": "2026-11-22T10:00:00Z",
                }
            ]
        }
    )

    member_id: UUID
    recipient_id: UUID
    response: str | None
    responded_at: datetime | None

    @model_validator(mode="before")
    @classmethod
    def _of_a_row(cls, given: object) -> object:
        if not isinstance(given, Response):
            return given
        return {
            "member_id": given.id,
            "recipient_id": given.recipient_id,
            "response": given.response,
            "responded_at": given.responded_at,
        }


class ResponseList(BaseModel):
    """A page of those who are asked."""

    data: list[ResponseView]
    next_cursor: str | None


class AutoSyncRunView(BaseModel):
    """The jobs that are done now; none if none was due."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job_ids": ["01a2018c-e359-7702-8eb3-8dd0fbf30000"]}]}
    )

    job_ids: list[UUID]
