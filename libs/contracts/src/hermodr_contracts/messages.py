"""Every message Hermodr's services exchange, with the envelope that carries it (DESIGN §4).

Commands are imperative, events past tense. Bodies carry ids, states and times; never content, addresses or links,
so that no personal data ever sits in a queue or a management console.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hermodr_contracts.vocabulary import DeliveryState, JobState

PACK_LIMIT = 100
"""The most ids one message carries."""

SCHEMA_VERSION_HEADER = "schema_version"

Ids = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=PACK_LIMIT)]


class Message(BaseModel):
    """A message body. `version` rises with every incompatible change of its shape."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: ClassVar[int] = 1

    @classmethod
    def type_name(cls) -> str:
        """The AMQP `type` property this message travels under."""
        return cls.__name__


class JobsRequested(Message):
    """These jobs want to be decided upon."""

    job_ids: Ids


class DeliveryCommand(Message):
    """These deliveries want to be sent: what all commands to senders have."""

    delivery_ids: Ids


class SendEmails(DeliveryCommand):
    """These email deliveries want to be sent."""


class SendSms(DeliveryCommand):
    """These SMS or WhatsApp deliveries want to be sent."""


class SendWebhooks(DeliveryCommand):
    """These webhook deliveries want to be sent."""


class RunTasks(Message):
    """These task jobs want to be run."""

    job_ids: Ids


class CancelRequested(Message):
    """This running task is to stop."""

    job_id: UUID


class JobChange(Message):
    """One line of `JobsChanged`. `owner_id` is the end user the job belongs to, if any."""

    job_id: UUID
    project_id: UUID
    state: JobState
    at: AwareDatetime
    owner_id: str | None = None


class JobsChanged(Message):
    """These jobs have entered these states."""

    changes: Annotated[tuple[JobChange, ...], Field(min_length=1, max_length=PACK_LIMIT)]


class DeliveryChange(Message):
    """One line of `DeliveriesChanged`."""

    delivery_id: UUID
    job_id: UUID
    project_id: UUID
    state: DeliveryState
    at: AwareDatetime
    owner_id: str | None = None


class DeliveriesChanged(Message):
    """These deliveries have entered these states."""

    changes: Annotated[tuple[DeliveryChange, ...], Field(min_length=1, max_length=PACK_LIMIT)]


class TaskProgressed(Message):
    """A running task has come to step `current` of `total`."""

    job_id: UUID
    project_id: UUID
    current: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)]
    at: AwareDatetime
    owner_id: str | None = None


class NotificationCreated(Message):
    """An in-app notification has come into being for `owner_id`."""

    notification_id: UUID
    project_id: UUID
    owner_id: str
    at: AwareDatetime


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
        TaskProgressed,
        NotificationCreated,
    )
}


class Undecodable(Exception):
    """The message cannot be read; its text says why, without repeating any of the body."""


def encode(message: Message) -> bytes:
    """The body of `message` as UTF-8 JSON."""
    return message.__pydantic_serializer__.to_json(message)


def decode(type_name: str | None, version: object, body: bytes) -> Message:
    """The message of an envelope. Raises `Undecodable` for an unknown type or version or an ill-formed body."""
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
