import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from hermodr_delivery.recorder import Result
from hermodr_ledger.deliveries.attempts import Claim

Send = Callable[[], Awaitable[Result]]
"""Makes one provider call; delivery failures are results. Raises `Withheld` or `TakesLong` if it is not made now."""

GetReady = Callable[[], Awaitable[Send]]
"""Does what takes long before a call. Raises `Withheld` if the call is not to be made."""


class Stopping(Exception):
    """The sender is about to end: the message has to go back to the broker."""


class Withheld(Exception):
    """Nothing was sent and no attempt counts: the delivery waits again; `last`: behind all others; `seconds`: in the
    ledger, for so long."""

    def __init__(self, *, last: bool = False, seconds: float | None = None) -> None:
        self.last = last
        self.seconds = seconds
        super().__init__()


class TakesLong(Exception):
    """Nothing was sent yet: `get_ready` takes long and must not block a worker of the lane."""

    def __init__(self, get_ready: GetReady) -> None:
        self.get_ready = get_ready
        super().__init__()


class Message:
    """The ids of one message that are still open."""

    def __init__(self, size: int, since: float) -> None:
        self._open = self.size = size
        self.since = since
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, count: int = 1) -> None:
        """Marks `count` ids as done."""
        self._open -= count
        if self._open == 0 and not self.done.done():
            self.done.set_result(None)

    def give_back(self) -> None:
        if not self.done.done():
            self.done.set_exception(Stopping())


class Held:
    """The message of a delivery being sent; acknowledged early if sending takes long: the lease is in the ledger."""

    def __init__(self, message: Message) -> None:
        self.message = message

    def let_go(self) -> None:
        self.message.settle()
        self.message = Message(1, self.message.since)
        self.message.done.add_done_callback(lambda done: done.exception())


class AtHand(NamedTuple):
    claim: Claim
    send: Send
    message: Message
    good_until: float
