"""Hermodr from Python.

    with Hermodr() as hermodr:
        accepted = hermodr.send("ada@example.com", subject="Hello", body_text="It works.")
        detail = hermodr.jobs.wait(accepted.job_id)

`errors` has every exception, drawn as a tree.
"""

from hermodr_client import errors
from hermodr_client.client import AsyncHermodr, Hermodr
from hermodr_client.errors import (
    BatchUnfinished,
    BulkActionUnfinished,
    BulkInterrupted,
    ClientUnusable,
    Conflict,
    Forbidden,
    HermodrError,
    Invalid,
    MalformedAnswer,
    NoAnswer,
    NotConfigured,
    NotFound,
    NotSendable,
    Problem,
    QuotaExceeded,
    RateLimited,
    ServerError,
    StillUnfinished,
    Unauthenticated,
    Unavailable,
)
from hermodr_client.models.notifications import (
    Accepted,
    AcceptedBatch,
    BulkResult,
    Content,
    Notification,
    To,
)
from hermodr_client.retrying import Retries

__all__ = [
    "Accepted",
    "AcceptedBatch",
    "AsyncHermodr",
    "BatchUnfinished",
    "BulkActionUnfinished",
    "BulkInterrupted",
    "BulkResult",
    "ClientUnusable",
    "Conflict",
    "Content",
    "Forbidden",
    "Hermodr",
    "HermodrError",
    "Invalid",
    "MalformedAnswer",
    "NoAnswer",
    "NotConfigured",
    "NotFound",
    "NotSendable",
    "Notification",
    "Problem",
    "QuotaExceeded",
    "RateLimited",
    "Retries",
    "ServerError",
    "StillUnfinished",
    "To",
    "Unauthenticated",
    "Unavailable",
    "errors",
]
