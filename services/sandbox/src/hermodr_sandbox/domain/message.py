"""What came, on whatever channel: as one list, and which job it is of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson

from hermodr_contracts.providers import TWILIO_DELIVERY
from hermodr_sandbox.domain.hook import Hook, Hooks
from hermodr_sandbox.domain.in_app import InApp, InAppItems
from hermodr_sandbox.domain.mail import Mail
from hermodr_sandbox.domain.mailbox import Mailbox
from hermodr_sandbox.domain.search import Query
from hermodr_sandbox.domain.text import Text, Texts

Message = Mail | Text | Hook | InApp
Channel = Literal["email", "sms", "whatsapp", "webhook", "in_app"]

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_JOB_OF_MAIL = re.compile(rf"<?({_UUID})@")
_ID = re.compile(_UUID)


class Place(NamedTuple):
    """Where a page ends: the next has smaller numbers of each kind."""

    mails: int
    texts: int
    hooks: int
    in_app: int


def channel_of(message: Message) -> Channel:
    if isinstance(message, Mail):
        return "email"
    if isinstance(message, Hook):
        return "webhook"
    if isinstance(message, InApp):
        return "in_app"
    return "whatsapp" if message.provider == "whatsapp" else "sms"


def moment(message: Message) -> datetime:
    return message.received_at if isinstance(message, Mail) else message.at


def newest_first(
    mailbox: Mailbox, texts: Texts, hooks: Hooks, in_app: InAppItems, before: Place
) -> Iterator[Message]:
    """All kinds together, below the numbers of `before`."""
    kinds: tuple[Iterator[Message], ...] = (
        mailbox.newest_first(before.mails),
        (each for each in texts.newest_first() if each.number < before.texts),
        (each for each in hooks.newest_first() if each.number < before.hooks),
        (each for each in in_app.newest_first() if each.number < before.in_app),
    )
    return merge(*kinds, key=moment, reverse=True)


def after(place: Place, message: Message) -> Place:
    """The place once `message` is shown."""
    if isinstance(message, Mail):
        return place._replace(mails=message.number)
    if isinstance(message, Text):
        return place._replace(texts=message.number)
    if isinstance(message, InApp):
        return place._replace(in_app=message.number)
    return place._replace(hooks=message.number)


def matches(message: Message, query: Query) -> bool:
    """`query.words` in what a reader sees, regardless of case."""
    if isinstance(message, Mail):
        return query.matches(message)
    seen: tuple[str, ...]
    if isinstance(message, Text):
        seen = (message.phone, message.other, message.body)
    elif isinstance(message, InApp):
        seen = (message.name, message.user, message.type, message.title, message.message)
    else:
        seen = (message.name, message.webhook_id or "", message.body)
    return not query.words or any(query.words in each.casefold() for each in seen)


def job_of(message: Message) -> str | None:
    """The job's id, if the message says it: mails in their Message-ID, webhooks in their body, those of
    in-app inboxes always."""
    if isinstance(message, Mail):
        found = _JOB_OF_MAIL.match(message.message_id)
        return found[1] if found else None
    if isinstance(message, InApp):
        return message.job
    if isinstance(message, Hook):
        data = document(message).get("data")
        job = data.get("job_id") if isinstance(data, dict) else None
        return job if isinstance(job, str) and _ID.fullmatch(job) else None
    return None


def delivery_of(text: Text) -> str | None:
    """The delivery's id, which senders of texts give along; WhatsApp and Vonage have a field for it, Twilio the address
    of its reports."""
    said = text.reference or next(
        iter(parse_qs(urlsplit(text.callback or "").query).get(TWILIO_DELIVERY, [])), ""
    )
    return said if _ID.fullmatch(said) else None


def document(hook: Hook) -> dict[str, object]:
    """The body of a webhook; empty if it is no JSON object."""
    try:
        read = orjson.loads(hook.body)
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}
