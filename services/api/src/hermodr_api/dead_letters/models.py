import base64
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, Label, Moment
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.dead_letters.lookup import DeadLetter, DeadLetterSearch, OpenedDeadLetter

MOST_RATE = 500.0


class DeadLetterFilter(Body):
    """A filter for dead letters; a field left out does not narrow."""

    queue: Label | None = Field(default=None, description="The dead letter queue.", examples=["email.dead"])
    reason: Label | None = Field(
        default=None, description="The beginning of the reason.", examples=["attempts exhausted: smtp_451"]
    )
    type: Label | None = Field(default=None, description="The type of the job, or of the raw message.")
    channel: Channel | None = Field(default=None, description="The channel of the delivery.")
    job_id: UUID | None = Field(default=None, description="The job's.")
    created_after: Moment | None = Field(default=None, description="Created then or later.")
    created_before: Moment | None = Field(default=None, description="Created before then.")

    def wanted(self, replayed: bool | None = None) -> DeadLetterSearch:
        return DeadLetterSearch(
            self.queue,
            self.reason,
            self.type,
            self.channel,
            self.job_id,
            self.created_after,
            self.created_before,
            replayed,
        )

    @property
    def narrows(self) -> bool:
        return any(value is not None for value in self.model_dump().values())


class ReplayIn(Body):
    """Which dead letters to replay, and how fast."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "filter": {"channel": "email", "reason": "attempts exhausted"},
                    "dry_run": True,
                    "rate": 50,
                }
            ]
        }
    )

    filter: DeadLetterFilter = Field(
        description="Which of the dead letters not replayed yet; `{}`: all of them."
    )
    dry_run: bool = Field(default=False, description="Only count them; nothing is changed.")
    rate: Annotated[float, Field(gt=0, le=MOST_RATE, allow_inf_nan=False)] = Field(
        default=50, description="The most replays a second.", examples=[50]
    )


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "queue": "email.dead",
    "reason": "attempts exhausted: smtp_451",
    "type": "magic_link",
    "job_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
    "delivery_id": "01a20188-7b1e-7a02-8c3f-1d5e9f4b0000",
    "raw_bytes": None,
    "created_at": "2026-11-22T09:00:00Z",
    "replay_at": None,
    "replayed_at": None,
}
_FAILURE: JsonDict = {
    "channel": "email",
    "state": "failed",
    "attempt": 8,
    "max_attempts": 8,
    "provider": "smtp",
    "code": "smtp_451",
    "detail": "4.7.1 greylisted, try again later",
}


class DeadLetterView(BaseModel):
    """A delivery that exhausted its attempts, or a message that could not be read or handled. `raw_bytes`: the size of
    a raw message, which belongs to no job. `replay_at`: when it will be replayed, if that was requested."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    queue: str
    reason: str
    type: str | None
    job_id: UUID | None
    delivery_id: UUID | None
    raw_bytes: int | None
    created_at: datetime
    replay_at: datetime | None
    replayed_at: datetime | None


class DeadLetterList(BaseModel):
    """A page of dead letters."""

    data: list[DeadLetterView]
    next_cursor: str | None


class RawBody(BaseModel):
    """The body of a raw message: as text if it is text, else base64. `truncated`: only the beginning."""

    encoding: Literal["text", "base64"]
    content: str
    truncated: bool


class FailureView(BaseModel):
    """The last attempt of the delivery, and the delivery's present state."""

    model_config = ConfigDict(from_attributes=True)

    channel: str
    state: str
    attempt: int
    max_attempts: int
    provider: str | None
    code: str | None
    detail: str | None


class OpenedLetterView(DeadLetterView):
    """A dead letter with its content: the failure of a delivery, or the headers and body of a raw message."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _EXAMPLE
                | {
                    "failure": _FAILURE,
                    "headers": {},
                    "body": None,
                    "status_url": "/v1/jobs/01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
                }
            ]
        }
    )

    failure: FailureView | None
    headers: dict[str, Any]
    body: RawBody | None
    status_url: str | None


class ReplayedView(BaseModel):
    """The result of a replay. `requeued`: the job is queued again. `scheduled`: the message is published again within a
    second. `already_…` and `nothing_to_send` (all of it has arrived meanwhile): nothing was done."""

    id: UUID
    outcome: Literal["requeued", "scheduled", "already_replayed", "already_scheduled", "nothing_to_send"]
    job_id: UUID | None
    replayed_at: datetime | None


class ReplayPlanView(BaseModel):
    """`matched` letters were found; `scheduled` of them will be replayed, the last in `seconds`; `remaining` are left
    for the next request. `at`: when they were counted; as `created_before`, no letters are meant that came since."""

    matched: int
    scheduled: int
    remaining: int
    dry_run: bool
    rate: float
    seconds: float
    at: datetime


class DeletedView(BaseModel):
    """How many letters were deleted; `more`: repeat the request for the rest."""

    deleted: int
    more: bool


def opened_view(opened: OpenedDeadLetter) -> OpenedLetterView:
    letter = opened.dead_letter
    return OpenedLetterView(
        **DeadLetterView.model_validate(letter).model_dump(),
        failure=FailureView.model_validate(opened.failure) if opened.failure is not None else None,
        headers=dict(opened.headers),
        body=_raw_body(letter, opened.body),
        status_url=f"/v1/jobs/{letter.job_id}" if letter.job_id is not None else None,
    )


def _raw_body(letter: DeadLetter, beginning: bytes | None) -> RawBody | None:
    if beginning is None:
        return None
    truncated = len(beginning) < (letter.raw_bytes or 0)
    try:
        return RawBody(encoding="text", content=beginning.decode(), truncated=truncated)
    except UnicodeDecodeError:
        content = base64.b64encode(beginning).decode()
        return RawBody(encoding="base64", content=content, truncated=truncated)
