"""What a sender needs of a provider, whatever the channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

MessageT = TypeVar("MessageT", contravariant=True)


class Accepted(NamedTuple):
    """The provider took responsibility for the message.

    `provider_message_id` is the provider's own name for it (queue id, message SID), if it gave one: later
    callbacks refer to it. `detail` is safe for logs.
    """

    provider_message_id: str | None
    detail: str


Call = Callable[[], Awaitable[Accepted]]
"""One provider call. Returns once the provider has accepted the message; raises a `DeliveryFailure` otherwise. When
cancelled after the message was handed over, its outcome is unknown, and the caller is the one to record that."""


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """The limits an operator set for one provider.

    `rate` in messages per second over all connections, None for no limit; `concurrency` is the number of calls
    that may be under way at once; `sender` the address or number to send from when the message names none.
    """

    rate: float | None = None
    concurrency: int = 10
    sender: str | None = None


class Provider(Protocol[MessageT]):
    """One account at one provider. Generic over the message it sends (an email, a text, a webhook).

    `hermodr_delivery.testing.ProviderContract` says in tests how it has to behave.
    """

    @property
    def name(self) -> str:
        """Names the provider in logs, metrics and the delivery log (`smtp`); unique in one process."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for people (`mail.example:465`); no credential."""
        ...

    @property
    def options(self) -> ProviderOptions:
        """The limits that its DSN set."""
        ...

    def prepare(self, message: MessageT) -> Call:
        """The call that sends the message, to be made once: all that is only computing is done. Raises a
        `PermanentError` for what cannot be sent as it is."""
        ...

    async def check(self) -> str:
        """Goes as far as one can without sending; what was found, in words. Raises `DeliveryFailure`."""
        ...

    async def close(self) -> None:
        """Ends idle connections; calls under way keep theirs until they are done."""
        ...
