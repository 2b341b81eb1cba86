"""The words of DESIGN §2 as types, used by every service, message and row."""

from enum import IntEnum, StrEnum


class JobKind(StrEnum):
    NOTIFICATION = "notification"
    DIGEST = "digest"
    REMINDER = "reminder"
    TASK = "task"


class JobState(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    PROCESSING = "processing"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class DeliveryState(StrEnum):
    """The state of one job on one channel to one address."""

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
    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    WEBHOOK = "webhook"
    IN_APP = "in_app"


class InboxEvent(StrEnum):
    """What happens to a notification in an inbox."""

    CREATED = "created"
    READ = "read"
    UNREAD = "unread"
    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    SNOOZED = "snoozed"
    UNSNOOZED = "unsnoozed"
    DELETED = "deleted"


class Priority(IntEnum):
    """Each priority has its own queues and consumers, so that none delays another."""

    URGENT = 0
    NORMAL = 1
    LOW = 2

    @property
    def lane(self) -> str:
        """The name in queue names, routing keys, metrics and the API: `urgent`, `normal`, `low`."""
        return self.name.lower()

    @classmethod
    def of_lane(cls, lane: str) -> "Priority":
        """Raises `KeyError`."""
        return cls[lane.upper()]


class OnUnknown(StrEnum):
    """What happens to a delivery after an attempt with unknown outcome (RFC 1047)."""

    RESEND = "resend"
    HOLD = "hold"


class SuppressionReason(StrEnum):
    """Why nothing is sent to an address any more; the later in this order is the stronger."""

    OPT_OUT = "opt_out"
    MANUAL = "manual"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


TERMINAL_JOB_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED})
TERMINAL_DELIVERY_STATES = frozenset(DeliveryState) - {
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.RETRYING,
}
