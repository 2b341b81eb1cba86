from typing import Annotated, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Body, JsonObject, Label, Moment
from hermodr_api.http.fields import Type
from hermodr_api.http.json_text import dump
from hermodr_api.jobs.endings import LONGEST_DELAY, CancelKey, ExpiresAt, MaxRetries, expiry_flaws
from hermodr_contracts.vocabulary import JobKind, JobState, Priority
from hermodr_ledger.jobs.accept import NewJob
from hermodr_servicekit.clock import Clock

LONGEST_RUN_SECONDS = 24 * 3600
MOST_DEPENDENCIES = 100


class NextTaskIn(Body):
    """A task that is requested when another has ended, however it did."""

    type: Type = Field(
        description="The name under which the task's code is registered.", examples=["tidy-up"]
    )
    payload: JsonObject = Field(
        default_factory=dict, description="The task's input.", examples=[{"folder": "2026-11"}]
    )


class TaskIn(Body):
    """A background task for a worker."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "word-count", "payload": {"text": "Hello there"}, "timeout_seconds": 1800}]
        }
    )

    type: Type = Field(
        description="The name under which the task's code is registered.", examples=["word-count"]
    )
    payload: JsonObject = Field(
        default_factory=dict, description="The task's input.", examples=[{"format": "csv"}]
    )
    priority: Literal["urgent", "normal", "low"] = Field(
        default="normal", description="Its lane: `urgent` before `normal` before `low`."
    )
    scheduled_for: Moment | None = Field(
        default=None,
        description="When to run it (RFC 3339 with an offset, at most 366 days ahead); the past means now.",
        examples=["2026-11-22T09:00:00Z"],
    )
    singleton_key: Label | None = Field(
        default=None,
        description="At most one unfinished job can have this key: a second one is refused (409), naming the first. "
        "Each end user has their own keys.",
        examples=["export:customer-17"],
    )
    fairness_key: Label | None = Field(
        default=None,
        description="Whose task it is, such as a customer's id: of the project's tasks that wait, these take turns. "
        "An end user's tasks always have one key, their own.",
        examples=["customer-17"],
    )
    depends_on: Annotated[list[UUID], Field(max_length=MOST_DEPENDENCIES)] | None = Field(
        default=None,
        description="Jobs that must have completed before it begins. When one of them ends otherwise, it fails "
        "(`dependency_failed`).",
        examples=[["01a2018c-e359-7702-8eb3-8dd0fbf20000"]],
    )
    on_finished: NextTaskIn | None = Field(
        default=None,
        description="A task to be requested once this one has completed, failed or been cancelled.",
        examples=[{"type": "tidy-up", "payload": {"folder": "2026-11"}}],
    )
    max_retries: MaxRetries = None
    expires_at: ExpiresAt = None
    cancel_key: CancelKey = None
    timeout_seconds: Annotated[int, Field(strict=True, ge=1, le=LONGEST_RUN_SECONDS)] | None = Field(
        default=None,
        description="The longest time of one attempt, at most a day; by default as the task's code says.",
        examples=[1800],
    )


class TaskAcceptedView(BaseModel):
    """The task is accepted and committed."""

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
    status: Literal[JobState.QUEUED, JobState.SCHEDULED]
    status_url: str


def task_of(
    wanted: TaskIn, job_id: UUID, project_id: UUID, user_id: str | None, clock: Clock
) -> NewJob | list[Flaw]:
    """The job, owned by the end user who requests it; how to run it is kept in `content`."""
    flaws = []
    now = clock.now()
    if wanted.scheduled_for is not None and wanted.scheduled_for - now > LONGEST_DELAY:
        flaws.append(Flaw(("body", "scheduled_for"), f"is more than {LONGEST_DELAY.days} days ahead"))
    flaws += expiry_flaws(wanted.expires_at, now, wanted.scheduled_for or now, ("body",))
    if flaws:
        return flaws
    fairness = _of_user(user_id, "") if user_id is not None else wanted.fairness_key
    limits = {
        name: value
        for name, value in (
            ("max_retries", wanted.max_retries),
            ("timeout_seconds", wanted.timeout_seconds),
            ("fairness_key", fairness),
            ("on_finished", _stored(wanted.on_finished)),
            ("depends_on", [str(each) for each in dict.fromkeys(wanted.depends_on or ())] or None),
        )
        if value is not None
    }
    later = wanted.scheduled_for is not None and wanted.scheduled_for > now
    key = wanted.singleton_key
    return NewJob(
        id=job_id,
        project_id=project_id,
        kind=JobKind.TASK,
        type=wanted.type,
        priority=Priority.of_lane(wanted.priority),
        data=dump(wanted.payload),
        content=dump(limits) if limits else None,
        owner_id=user_id,
        asked_by_owner=user_id is not None,
        followed=user_id is not None or wanted.on_finished is not None,
        singleton_key=_of_user(user_id, key) if user_id is not None and key is not None else key,
        scheduled_for=wanted.scheduled_for if later else None,
        expires_at=wanted.expires_at,
        max_retries=wanted.max_retries,
        cancel_key=wanted.cancel_key,
    )


def _stored(wanted: NextTaskIn | None) -> JsonObject | None:
    return {"type": wanted.type, "payload": wanted.payload} if wanted is not None else None


def _of_user(user_id: str, key: str) -> str:
    """An end user's key in the ledger. The id's length avoids ambiguity, because id and key may hold colons."""
    return f"user:{len(user_id)}:{user_id}:{key}"


def answer_of(job: NewJob) -> bytes:
    return orjson.dumps(
        {
            "job_id": job.id,
            "status": JobState.SCHEDULED if job.scheduled_for is not None else JobState.QUEUED,
            "status_url": f"/v1/jobs/{job.id}",
        }
    )
