"""Mail addresses in the form a mail server wants them."""

from __future__ import annotations

from hermodr_contracts.addresses import transport_address
from hermodr_email_sender.errors import UnsendableMessage


def normalized(address: str) -> str:
    """`address` with its domain in IDNA form; the local part stays as given, and may be non-ASCII (SMTPUTF8).

    Raises `UnsendableMessage` for what no door of Hermodr takes for an address. Whatever is returned is safe inside
    `<…>`, in an SMTP command as in a header: no control characters, no line breaks, no specials.
    """
    try:
        return transport_address(address)
    except ValueError:
        raise UnsendableMessage("bad_address", "an address is malformed") from None
