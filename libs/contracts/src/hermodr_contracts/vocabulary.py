"""The words of DESIGN §2 as types: every service, message and row uses these values and no others."""

from enum import IntEnum, StrEnum


class JobKind(StrEnum):
    """What a job asks for."""

    NOTIFICATION = "notification"
    DIGEST = "digest"
    REMINDER = "reminder"
    TASK = "task"


class JobState(StrEnum):
    """Where a job stands; see `TERMINAL_JOB_STATES`."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    PROCESSING = "processing"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class DeliveryState(StrEnum):
    """Where one job stands on one channel to one address; see `TERMINAL_DELIVERY_STATES`."""

    QUEUED = "queued"
    SENDING = "sending"
    RETRYING = "retrying"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """A way to reach someone."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    WEBHOOK = "webhook"
    IN_APP = "in_app"


class Priority(IntEnum):
    """Each priority has queues and consumers of its own, so a crowd in one never delays another."""

    URGENT = 0
    NORMAL = 1
    LOW = 2

    @property
    def lane(self) -> str:
        """The name in queue names, routing keys, metrics and the API: `urgent`, `normal`, `low`."""
        return self.name.lower()

    @classmethod
    def of_lane(cls, lane: str) -> "Priority":
        """The priority of a lane's name; `KeyError` for any other text."""
        return cls[lane.upper()]


class OnUnknown(StrEnum):
    """What happens to a delivery whose attempt nobody can know the outcome of (RFC 1047)."""

    RESEND = "resend"
    HOLD = "hold"


TERMINAL_JOB_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED})
TERMINAL_DELIVERY_STATES = frozenset(DeliveryState) - {
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.RETRYING,
}
