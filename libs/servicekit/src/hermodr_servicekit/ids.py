"""Identifiers: uuid7 (RFC 9562), made so that all that belongs to a job is found by the job's own id.

A job's id ends in sixteen zero bits. Its deliveries are numbered in those bits, so they are known before they are
written (deciding twice cannot create two), sort right behind their job, and fall into the same partition.
"""

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils

CHILD_MASK = 0xFFFF
"""The bits in which a job numbers what belongs to it."""
_LONGEST_MESSAGE_ID = 300


def new_id() -> UUID:
    """A fresh uuid7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def new_job_id() -> UUID:
    """A fresh uuid7 whose last sixteen bits are zero, for a job."""
    return UUID(bytes=uuid_utils.uuid7().bytes[:14] + b"\0\0")


def child_id(job_id: UUID, ordinal: int) -> UUID:
    """The id of a job's delivery number `ordinal` (1 … 65535); `ValueError` outside of that."""
    if not 0 < ordinal <= CHILD_MASK:
        raise ValueError(f"ordinal {ordinal} is not within 1 and {CHILD_MASK}")
    return UUID(int=job_id.int | ordinal)


def job_of(delivery_id: UUID) -> UUID:
    """The job a delivery belongs to."""
    return UUID(int=delivery_id.int & ~CHILD_MASK)


def last_child_of(job_id: UUID) -> UUID:
    """The greatest id that can belong to a job: children lie in `job_id < id <= last_child_of(job_id)`."""
    return UUID(int=job_id.int | CHILD_MASK)


def time_of(identifier: UUID) -> datetime:
    """When a uuid7 was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def message_id_of(job_id: UUID, domain: str) -> str:
    """The RFC 5322 `Message-ID` of a job's mails, with its angle brackets: the same over all attempts, and known before
    anything is sent. `domain` is `HERMODR_MESSAGE_ID_DOMAIN`."""
    return f"<{job_id}@{domain}>"


def job_in(message_id: object) -> UUID | None:
    """The job that a Message-ID of ours, or its local part, is made of; `None` if it is none. It is no secret: who got
    the mail, or an answer to it, knows it."""
    if not isinstance(message_id, str) or len(message_id) > _LONGEST_MESSAGE_ID:
        return None
    local = message_id.strip("<>").partition("@")[0]
    try:
        found = UUID(local)
    except ValueError:
        return None
    return found if str(found) == local and job_of(found) == found else None
