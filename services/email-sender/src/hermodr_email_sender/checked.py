"""A mail for providers that build its MIME form themselves: checked as strictly as ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from hermodr_delivery.failures import PermanentError
from hermodr_email_sender import addresses, headers, mime, multipart
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.errors import UnsendableMessage

_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+")


class CheckedEmail(NamedTuple):
    """Addresses are normalized, `headers` include the Message-ID. `secrets`: what a refusal may repeat and logs must
    not show."""

    sender: Mailbox
    to: Mailbox
    reply_to: tuple[Mailbox, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    headers: Mapping[str, str]
    secrets: tuple[str, ...]


def mail(message: OutgoingEmail, sender: Mailbox) -> CheckedEmail:
    """The checked fields of `message`, from `sender`. Raises `PermanentError` for what `mime.build` refuses."""
    try:
        to = _checked("To", Mailbox(message.to_address, message.to_name))
        reply_to = tuple(_checked("Reply-To", each) for each in message.reply_to)
        cc, bcc = (tuple(map(addresses.normalized, each)) for each in (message.cc, message.bcc))
        for each in message.attachments:
            multipart.check(each)
        headers.refuse_injection("Subject", message.subject)
        headers.message_id(message.message_id)
        mime.check_extra_headers(message.headers)
        for text in (message.subject, message.text, message.html or ""):
            headers.utf8(text)
        return CheckedEmail(
            _checked("From", sender),
            to,
            reply_to,
            cc,
            bcc,
            {"Message-ID": message.message_id, **dict([mime.AUTO_SUBMITTED]), **message.headers},
            (to.address, to.address.rpartition("@")[0], *cc, *bcc),
        )
    except UnsendableMessage as error:
        raise PermanentError(error.code, error.detail) from error


def field(of: Mailbox) -> str:
    """`Name <address>`, in Unicode: the provider encodes it."""
    if not of.name:
        return of.address
    if _ATOMS.fullmatch(of.name):
        return f"{of.name} <{of.address}>"
    escaped = of.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{of.address}>'


def _checked(name: str, given: Mailbox) -> Mailbox:
    headers.refuse_injection(name, given.name)
    headers.utf8(given.name)
    return Mailbox(addresses.normalized(given.address), given.name)
