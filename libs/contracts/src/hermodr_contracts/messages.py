"""Every message between Hermodr's services, with its envelope (DESIGN §4). Bodies hold ids, states and times, never
content, addresses or links: no personal data is in a queue."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hermodr_contracts.vocabulary import DeliveryState, InboxEvent, JobState

PACK_LIMIT = 100
"""The most ids in one message."""

SCHEMA_VERSION_HEADER = "schema_version"

Ids = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=PACK_LIMIT)]


class Message(BaseModel):
    """A message body. `version` rises with every incompatible change."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: ClassVar[int] = 1

    @classmethod
    def type_name(cls) -> str:
        """The AMQP `type` property."""
        return cls.__name__


class JobsRequested(Message):
    """Decide on these jobs."""

    job_ids: Ids


class DeliveryCommand(Message):
    """Send these deliveries: the base of all commands to senders."""

    delivery_ids: Ids


class SendEmails(DeliveryCommand):
    """Send these email deliveries."""


class SendSms(DeliveryCommand):
    """Send these SMS or WhatsApp deliveries."""


class SendWebhooks(DeliveryCommand):
    """Send these webhook deliveries."""


class RunTasks(Message):
    """Run these tasks."""

    job_ids: Ids


class CancelRequested(Message):
    """Stop this running task."""

    job_id: UUID


class JobChange(Message):
    """One change of `JobsChanged`. `owner_id`: the end user who owns the job, if any."""

    job_id: UUID
    project_id: UUID
    state: JobState
    at: AwareDatetime
    owner_id: str | None = None


class JobsChanged(Message):
    """These jobs are in these states since then; it may have been told before."""

    changes: Annotated[tuple[JobChange, ...], Field(min_length=1, max_length=PACK_LIMIT)]


class DeliveryChange(Message):
    """One change of `DeliveriesChanged`."""

    delivery_id: UUID
    job_id: UUID
    project_id: UUID
    state: DeliveryState
    at: AwareDatetime
    owner_id: str | None = None


class DeliveriesChanged(Message):
    """These deliveries are in these states since then; it may have been told before."""

    changes: Annotated[tuple[DeliveryChange, ...], Field(min_length=1, max_length=PACK_LIMIT)]


class ProjectsChanged(Message):
    """Something of these projects changed, whoever owns it, and nobody says what: whoever shows it reads it again."""

    project_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=PACK_LIMIT)]


class TaskProgressed(Message):
    """A running task has reached step `current` of `total`."""

    job_id: UUID
    project_id: UUID
    current: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)]
    at: AwareDatetime
    owner_id: str | None = None


class InboxChange(Message):
    """One change of `InboxChanged`: what happened to a notification in the inbox of `owner_id`."""

    notification_id: UUID
    project_id: UUID
    owner_id: str
    event: InboxEvent
    at: AwareDatetime


class InboxChanged(Message):
    """This happened to these in-app notifications; it may have been told before."""

    changes: Annotated[tuple[InboxChange, ...], Field(min_length=1, max_length=PACK_LIMIT)]


MESSAGES: dict[tuple[str, int], type[Message]] = {
    (model.type_name(), model.version): model
    for model in (
        JobsRequested,
        SendEmails,
        SendSms,
        SendWebhooks,
        RunTasks,
        CancelRequested,
        JobsChanged,
        DeliveriesChanged,
        ProjectsChanged,
        TaskProgressed,
        InboxChanged,
    )
}


class Undecodable(Exception):
    """The message cannot be read; the text says why, without quoting the body."""


def encode(message: Message) -> bytes:
    return message.__pydantic_serializer__.to_json(message)


def decode(type_name: str | None, version: object, body: bytes) -> Message:
    """Raises `Undecodable` for an unknown type or version or an invalid body."""
    if not isinstance(version, int) or isinstance(version, bool):
        raise Undecodable(f"header {SCHEMA_VERSION_HEADER} is missing or not a number")
    model = MESSAGES.get((type_name or "", version))
    if model is None:
        raise Undecodable(f"unknown message type {str(type_name)[:64]!r} version {version}")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        foreign = first["type"] == "extra_forbidden"  # then the last name is the body's, not ours
        where = ".".join(str(part) for part in first["loc"][: -1 if foreign else None]) or "body"
        raise Undecodable(f"{model.type_name()} v{version}: {where}: {first['type']}") from None
