"""A mail for providers that build its MIME form themselves: checked as strictly as ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from hermodr_delivery.failures import PermanentError
from hermodr_email_sender import addresses, headers, mime
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.errors import UnsendableMessage

_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+")


class Address(NamedTuple):
    """A normalized address with an optional display name."""

    address: str
    name: str

    @property
    def field(self) -> str:
        """`Name <address>`, in Unicode: the provider encodes it."""
        if not self.name:
            return self.address
        if _ATOMS.fullmatch(self.name):
            return f"{self.name} <{self.address}>"
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.address}>'


class CheckedEmail(NamedTuple):
    """`headers` include the Message-ID. `secrets`: what a refusal may repeat and logs must not show."""

    sender: Address
    to: Address
    reply_to: Address | None
    headers: Mapping[str, str]
    secrets: tuple[str, ...]


def mail(message: OutgoingEmail, sender: Mailbox) -> CheckedEmail:
    """The checked fields of `message`, from `sender`. Raises `PermanentError` for what `mime.build` refuses."""
    try:
        to = _address("To", Mailbox(message.to_address, message.to_name))
        reply_to = None if message.reply_to is None else _address("Reply-To", message.reply_to)
        headers.refuse_injection("Subject", message.subject)
        headers.message_id(message.message_id)
        mime.check_extra_headers(message.headers)
        for text in (message.subject, message.text, message.html or ""):
            _refuse_unencodable(text)
        return CheckedEmail(
            _address("From", sender),
            to,
            reply_to,
            {"Message-ID": message.message_id, **message.headers},
            (to.address, to.address.rpartition("@")[0]),
        )
    except UnsendableMessage as error:
        raise PermanentError(error.code, error.detail) from error


def _address(name: str, given: Mailbox) -> Address:
    headers.refuse_injection(name, given.name)
    _refuse_unencodable(given.name)
    return Address(addresses.normalized(given.address), given.name)


def _refuse_unencodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnsendableMessage("unencodable", "a text contains a lone surrogate") from error
