from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_ledger.jobs.attachments import File

SENDER = Mailbox("no-reply@hermodr.example", "Hermodr")

PLAIN = OutgoingEmail(
    message_id="<01900000-0000-7000-8000-000000000001@hermodr.example>",
    to_address="jane@example.org",
    to_name="Jane Doe",
    subject="Your booking is confirmed",
    text="See you on Monday.\n",
    date=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
)


async def no_files(_: UUID) -> Sequence[File]:
    """For composers of mails without attachments."""
    raise AssertionError("a mail without attachments looked for some")


class NoSenders:
    """For composers of mails without a sender of their own."""

    def known(self, project_id: UUID, sender: Mailbox) -> bool:
        raise AssertionError("a mail without a sender looked for one")

    allowed = known


def mail(**changes: Any) -> OutgoingEmail:
    return PLAIN._replace(**changes)
