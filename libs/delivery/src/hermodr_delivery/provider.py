"""What a sender needs of a provider, for any channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

MessageT = TypeVar("MessageT", contravariant=True)


class Accepted(NamedTuple):
    """`provider_message_id` is the provider's own id, if it gave one; later callbacks use it. `detail` is safe for
    logs. `note`: what people should know of the attempt, such as refused copies. `measured`: see `Attempt`."""

    provider_message_id: str | None
    detail: str
    note: str | None = None
    measured: str | None = None


Call = Callable[[], Awaitable[Accepted]]
"""One provider call. Raises a `DeliveryFailure`. If it is cancelled, the caller records an unknown outcome."""


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """`rate` in messages per second of all senders together, `None`: unlimited; `burst`: at most at once, `None`: a
    few; `project_rate`, `project_burst`: the same for each project; `sender`: if the message names none; `weight`: its
    share of the first choices, if any; `keeps_keys_seconds`: it knows a repeated message by its idempotency key for so
    long, and sends it once; `one_place`: all its messages go to one server, whose breaker and limits are looked after,
    else each goes to its own, and no failure says anything about the next message."""

    rate: float | None = None
    concurrency: int = 10
    sender: str | None = None
    burst: int | None = None
    weight: int | None = None
    keeps_keys_seconds: float = 0.0
    project_rate: float | None = None
    project_burst: int | None = None
    one_place: bool = True


class Provider(Protocol[MessageT]):
    """One account at one provider; generic over its messages. `hermodr_delivery.testing.ProviderContract` tests it."""

    @property
    def name(self) -> str:
        """The name in logs and metrics (`smtp`); unique in one process."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for people (`mail.example:465`), without credentials."""
        ...

    @property
    def options(self) -> ProviderOptions: ...

    def prepare(self, message: MessageT) -> Call:
        """The call that sends the message, to be made once; all computing is done before. Raises `PermanentError`."""
        ...

    async def check(self) -> str:
        """Goes as far as possible without sending; returns the findings in words. Raises `DeliveryFailure`."""
        ...

    async def close(self) -> None:
        """Closes idle connections; running calls keep theirs."""
        ...


class Sighting(Enum):
    FOUND = auto()
    """It was accepted."""
    NOT_FOUND = auto()
    CANNOT_TELL = auto()


class Seen(NamedTuple):
    """What a look-up found; `detail` is safe for logs."""

    sighting: Sighting
    provider_message_id: str | None = None
    detail: str = ""


@runtime_checkable
class LooksUp(Protocol[MessageT]):
    """A provider that can be asked whether it accepted a message."""

    @property
    def found_within(self) -> float:
        """Seconds after its acceptance within which a message is certainly found."""
        ...

    async def look_up(self, message: MessageT) -> Seen:
        """Raises `DeliveryFailure`: no answer now, perhaps later."""
        ...


def can_be_proven(provider: Provider[Any]) -> bool:
    """Whether the provider can be asked, or recognises a repeated message."""
    return isinstance(provider, LooksUp) or provider.options.keeps_keys_seconds > 0
