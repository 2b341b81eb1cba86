"""A claimed delivery on its way through a sender, and the message that asked for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from hermodr_delivery.recorder import Result
from hermodr_ledger.deliveries.attempts import Claim

Send = Callable[[], Awaitable[Result]]
"""Makes one provider call and says what came of it. Failures of delivery are results, not exceptions. Raises `Withheld`
instead when the call was not begun and is not to be, `TakesLong` when it cannot begin soon."""

GetReady = Callable[[], Awaitable[Send]]
"""Does what takes long before a call. Raises `Withheld` when it is not to be made."""


class Stopping(Exception):
    """The sender is about to end and did not touch all of the message's ids: the message is to go back."""


class Withheld(Exception):
    """Nothing was sent, and no attempt is made: the claim is to be given back, the delivery waits in line again.
    `last`: behind all others, as the provider refused when it heard of this one, or others' took too long."""

    def __init__(self, *, last: bool = False) -> None:
        self.last = last
        super().__init__()


class TakesLong(Exception):
    """Nothing was sent yet: `get_ready` has to be waited for, and that not by one of the lane's workers."""

    def __init__(self, get_ready: GetReady) -> None:
        self.get_ready = get_ready
        super().__init__()


class Message:
    """The ids of one message still to be dealt with."""

    def __init__(self, size: int, since: float) -> None:
        self._open = size
        self.since = since
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, count: int = 1) -> None:
        """So many ids more are dealt with."""
        self._open -= count
        if self._open == 0 and not self.done.done():
            self.done.set_result(None)

    def give_back(self) -> None:
        """The message is to come again."""
        if not self.done.done():
            self.done.set_exception(Stopping())


class Held:
    """The message that waits for a delivery. Once the delivery takes long it does so no more: the claim is in the
    ledger, and a broker wants its answer within half an hour."""

    def __init__(self, message: Message) -> None:
        self.message = message

    def let_go(self) -> None:
        """From now on nobody waits."""
        self.message.settle()
        self.message = Message(1, self.message.since)
        self.message.done.add_done_callback(lambda done: done.exception())


class AtHand(NamedTuple):
    """A claim that waits for a worker, to be sent until `good_until` (monotonic)."""

    claim: Claim
    send: Send
    message: Message
    good_until: float
