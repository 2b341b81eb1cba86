"""An email about to be sent, free of any provider's notions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with an optional display name."""

    address: str
    name: str = ""


class OutgoingEmail(NamedTuple):
    """One mail to one recipient.

    `message_id` includes its angle brackets and stays the same over all attempts; `date` is aware. `sender` None
    means the provider's own (`?from=`). `headers` may only hold names of `mime.EXTRA_HEADERS`. Nothing here is
    encoded or checked: building the MIME message does both and refuses what cannot be sent as it is.
    """

    message_id: str
    to_address: str
    subject: str
    text: str
    date: datetime
    to_name: str = ""
    html: str | None = None
    sender: Mailbox | None = None
    reply_to: Mailbox | None = None
    headers: Mapping[str, str] = MappingProxyType({})
