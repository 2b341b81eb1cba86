"""Jobs about a recipient's addresses go to bare ones, so that no preference stops them. They are found by their key."""

from uuid import UUID

PREFIX = "hermodr:address:"
"""With the recipient's id behind it the `cancel_key` of such a job."""


def key_of(recipient_id: UUID) -> str:
    return f"{PREFIX}{recipient_id}"
