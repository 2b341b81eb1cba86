"""Mail addresses as a mail server wants them."""

from __future__ import annotations

from hermodr_contracts.addresses import transport_address
from hermodr_email_sender.errors import UnsendableMessage


def normalized(address: str) -> str:
    """`address` with its domain in IDNA form; the local part stays as given and may be non-ASCII (SMTPUTF8). The result
    is safe inside `<…>`, in SMTP commands and headers. Raises `UnsendableMessage`."""
    try:
        return transport_address(address)
    except ValueError:
        raise UnsendableMessage("bad_address", "an address is malformed") from None
