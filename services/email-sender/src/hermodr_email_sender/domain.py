"""An email to be sent, independent of providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.addresses import mailbox


@dataclass(frozen=True, slots=True)
class Mailbox:
    address: str
    name: str = ""

    @classmethod
    def read(cls, text: str) -> Mailbox:
        """Of `Name <address>` or an address. Raises `ValueError`."""
        name, address = mailbox(text)
        return cls(address, name)


class Attachment(NamedTuple):
    """A file of a mail; with a `content_id` (without angle brackets) an image that the HTML names as `cid:…`."""

    filename: str
    content_type: str
    content: bytes
    content_id: str | None = None


class OutgoingEmail(NamedTuple):
    """One mail to one recipient, not encoded or checked yet. `message_id` includes its angle brackets and is the same
    in all attempts; `date` is aware. `sender` `None`: the provider's own. `headers` holds only names that
    `mime.check_extra_headers` allows; `bcc` stands in none. No address is both To and a copy.
    `delivery_id`: what a report about it has to name."""

    message_id: str
    to_address: str
    subject: str
    text: str
    date: datetime
    to_name: str = ""
    html: str | None = None
    sender: Mailbox | None = None
    reply_to: tuple[Mailbox, ...] = ()
    headers: Mapping[str, str] = MappingProxyType({})
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    delivery_id: UUID | None = None
