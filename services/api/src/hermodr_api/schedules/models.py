from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, JsonObject
from hermodr_api.http.fields import Name
from hermodr_api.recipients.models import Zone
from hermodr_contracts.spans import seconds_of

MOST_OCCURRENCES = 500
_ID = "01a2018c-e359-7702-8eb3-8dd0fbf20000"
_JOB: JsonDict = {
    "type": "weekly_report",
    "to": {"external_id": "customer-17"},
    "data": {"link": "https://example.com/report"},
}


def _is_span(text: str) -> str:
    seconds_of(text)
    return text


Cron = Annotated[str, Field(min_length=1, max_length=200, examples=["0 9 * * 1-5"])]
Every = Annotated[str, Field(max_length=20, examples=["15m"]), AfterValidator(_is_span)]
Misfire = Literal["coalesce", "skip"]
Job = Annotated[
    JsonObject,
    Field(
        description="With `to`: a notification, as for `POST /v1/notifications`, or with `to.group_id` one for each "
        "who is in the group at that moment. Without: a task, as for `POST /v1/jobs`. Recipients, members and template "
        "are those of each time. Times, delays and attachments have no place in it.",
        examples=[_JOB],
    ),
]

_CRON = (
    "Minute, hour, day of month, month, day of week, in `timezone`. A time that the clock leaves out is caught up "
    "after the gap; one that it shows twice counts once, unless the hour is `*`."
)
_EVERY = (
    "A span of at least 1 s and at most 366 days (`90s`, `15m`, `24h`, `7d`), counted from when it was set."
)
_MISFIRE = (
    "What happens to occurrences that no scheduler was there for: `coalesce` fires the latest of them, once; `skip` "
    "only if it is less than a minute late."
)


class ScheduleIn(Body):
    """A job on a rule: `cron` or `every`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "weekly report",
                    "cron": "0 9 * * 1-5",
                    "timezone": "Europe/Berlin",
                    "job": {"type": "data-export", "payload": {"format": "csv"}},
                }
            ]
        }
    )

    name: Name = Field(description="Unique in the project.", examples=["weekly report"])
    cron: Cron | None = Field(default=None, description=_CRON)
    every: Every | None = Field(default=None, description=_EVERY)
    timezone: Zone = Field(default="UTC", description="Where the clock of `cron` hangs (IANA).")
    job: Job
    misfire: Misfire = Field(default="coalesce", description=_MISFIRE)
    is_active: StrictBool = Field(default=True, description="Whether it fires.")

    @model_validator(mode="after")
    def _one_rule(self) -> "ScheduleIn":
        if (self.cron is None) == (self.every is None):
            raise ValueError("needs exactly one of cron and every")
        return self


class SchedulePatch(Body):
    """The changes: fields left out stay; beside a new rule, the other one may be null. A new rule, and a schedule that
    is resumed, counts from now: what was missed while it was paused does not fire."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_active": False}]})

    name: Name | None = Field(default=None, description="Unique in the project.", examples=["monthly report"])
    cron: Cron | None = Field(default=None, description=f"In place of the present rule. {_CRON}")
    every: Every | None = Field(default=None, description=f"In place of the present rule. {_EVERY}")
    timezone: Zone | None = Field(default=None, description="Where the clock of `cron` hangs (IANA).")
    job: Job | None = Field(default=None, description="In place of the present job, as a whole.")
    misfire: Misfire | None = Field(default=None, description=_MISFIRE)
    is_active: StrictBool | None = Field(default=None, description="`false` pauses, `true` resumes.")

    @model_validator(mode="after")
    def _sensible(self) -> "SchedulePatch":
        ruled = self.cron is not None or self.every is not None
        for name in self.model_fields_set:
            if getattr(self, name) is None and not (ruled and name in ("cron", "every")):
                raise ValueError(f"{name} cannot be null")
        if self.cron is not None and self.every is not None:
            raise ValueError("needs at most one of cron and every")
        return self


_EXAMPLE: JsonDict = {
    "id": _ID,
    "name": "weekly report",
    "cron": "0 9 * * 1-5",
    "every": None,
    "timezone": "Europe/Berlin",
    "misfire": "coalesce",
    "is_active": True,
    "kind": "notification",
    "type": "weekly_report",
    "job": _JOB,
    "next_run_at": "2026-11-23T08:00:00Z",
    "last_run_at": "2026-11-20T08:00:00Z",
    "last_job_id": "01a20190-17b5-7c1e-9c8e-3f5d2b6a0000",
    "last_batch_id": None,
    "last_error": None,
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class ScheduleView(BaseModel):
    """A schedule. `next_run_at`: null while it is paused, or if there is no further occurrence. `last_run_at`: when the
    latest occurrence that fired was due, with its job or batch; `last_error`: why it made none. A repeated answer to
    the request that added it leaves out the `job`."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    name: str
    cron: str | None
    every: str | None
    timezone: str
    misfire: str
    is_active: bool
    kind: str
    type: str | None
    job: dict[str, Any]
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_job_id: UUID | None
    last_batch_id: UUID | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


class ListedScheduleView(ScheduleView):
    """A schedule in a list."""

    job: dict[str, Any] = Field({}, description="Only with `include=job`.")


class ScheduleList(BaseModel):
    """A page of schedules."""

    data: list[ListedScheduleView]
    next_cursor: str | None


class OccurrenceView(BaseModel):
    """A moment, and what the schedule's clock shows then."""

    at: datetime
    local: datetime


class OccurrenceList(BaseModel):
    """The next occurrences, also of a paused schedule; fewer if there are no more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": [{"at": "2027-03-28T01:00:00Z", "local": "2027-03-28T03:00:00+02:00"}]}]
        }
    )

    data: list[OccurrenceView]


class RunView(BaseModel):
    """What became of an occurrence: `fired` with its job, or with its batch if it wrote to a group; `failed` with a
    code (`recipient_unknown`, `template_unknown`, `group_unknown`, `group_empty`, `singleton_taken`); `missed`, if no
    scheduler was there for it. `at`: when it was due, or when it was asked for (`manual`)."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "01a20190-17b5-7c1e-9c8e-3f5d2b6a0001",
                    "at": "2026-11-20T08:00:00Z",
                    "manual": False,
                    "state": "fired",
                    "job_id": "01a20190-17b5-7c1e-9c8e-3f5d2b6a0000",
                    "batch_id": None,
                    "error": None,
                    "created_at": "2026-11-20T08:00:00.021000Z",
                }
            ]
        },
    )

    id: UUID
    at: datetime = Field(validation_alias=AliasChoices("nominal", "at"))
    manual: bool
    state: str
    job_id: UUID | None
    batch_id: UUID | None
    error: str | None
    created_at: datetime


class RunList(BaseModel):
    """A page of occurrences."""

    data: list[RunView]
    next_cursor: str | None
