"""Whom the mails of a provider are from."""

from hermodr_delivery.dsn import Unusable
from hermodr_delivery.provider import ProviderOptions
from hermodr_email_sender.domain import Mailbox


def sender_of(options: ProviderOptions, default: Mailbox) -> Mailbox:
    """The From of mails without one: the DSN's `from`, else `default`. Raises `Unusable`."""
    if options.sender is None:
        return default
    try:
        return Mailbox.read(options.sender)
    except ValueError as error:
        raise Unusable(f"has a from that {error}") from None
