"""What a job says about its mail (`jobs.envelope`), put on the mail."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hermodr_delivery.failures import PermanentError
from hermodr_email_sender.domain import Mailbox, OutgoingEmail


def enveloped(mail: OutgoingEmail, envelope: str) -> OutgoingEmail:
    """The mail with From, Reply-To, copies and headers. Raises `PermanentError` for what SQL by hand wrote wrongly."""
    try:
        given = json.loads(envelope)
        cc = _others(given.get("cc") or (), (mail.to_address,))
        return mail._replace(
            sender=Mailbox.read(given["from"]) if given.get("from") else None,
            reply_to=tuple(Mailbox(each) for each in given.get("reply_to") or ()),
            cc=cc,
            bcc=_others(given.get("bcc") or (), (mail.to_address, *cc)),
            headers={**mail.headers, **(given.get("headers") or {})},
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise PermanentError(
            "bad_envelope", f"the job's envelope cannot be read: {type(error).__name__}"
        ) from None


def files_in(envelope: str) -> int:
    """How many files the mail has. An envelope that cannot be read has none; `enveloped` says so."""
    try:
        number = json.loads(envelope).get("attachments", 0)
    except (ValueError, AttributeError):
        return 0
    return number if isinstance(number, int) else 0


def _others(addresses: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Each address once, whatever its case: some providers refuse a mail that has one twice."""
    seen = {each.casefold() for each in known}
    others: list[str] = []
    for each in addresses:
        if each.casefold() not in seen:
            seen.add(each.casefold())
            others.append(each)
    return tuple(others)
