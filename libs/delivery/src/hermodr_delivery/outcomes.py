"""What a failure makes of an attempt."""

from hermodr_delivery.failures import (
    Cause,
    Defect,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    Throttled,
    TransientError,
)
from hermodr_ledger.deliveries.attempts import Outcome


def outcome_of(failure: DeliveryFailure | None) -> Outcome:
    match failure:
        case None:
            return Outcome.SENT
        case PermanentError(bounced=True):
            return Outcome.BOUNCED
        case PermanentError():
            return Outcome.PERMANENT
        case Throttled() | Refused(cause=Cause.CONNECTIONS | Cause.PACE):
            return Outcome.THROTTLED
        case OutcomeUnknown():
            return Outcome.UNKNOWN
        case _:
            return Outcome.TRANSIENT


def unexpected(error: Exception, *, called: bool) -> DeliveryFailure:
    """The failure for an unforeseen error. Before the call nothing was sent: states of the machine may pass, other
    errors would repeat."""
    if called:
        return OutcomeUnknown("internal_error", type(error).__name__)
    if isinstance(error, OSError | MemoryError | TimeoutError):
        return TransientError("internal_error", type(error).__name__)
    return Defect(error)
