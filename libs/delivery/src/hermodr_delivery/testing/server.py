"""The server a provider is tried against: it does what a case tells it to."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

RETRY_AFTER = 7.0
"""Seconds that `Answer.THROTTLE` asks for."""


class Answer(Enum):
    """What a server does with a message, each in its protocol's own way."""

    ACCEPT = auto()
    BAD_ADDRESS = auto()
    """Refuses for good, as nobody is reached at the address. The refusal repeats the address."""
    BAD_MESSAGE = auto()
    """Refuses for good, for what the message is."""
    NOT_NOW = auto()
    """Refuses for now, and says nothing of its limits."""
    THROTTLE = auto()
    """Refuses for now, and asks to be left alone for `RETRY_AFTER` seconds."""
    DROP_BEFORE = auto()
    """Closes the connection before it has the whole message."""
    DROP_AFTER = auto()
    """Takes the message, and closes the connection instead of answering."""
    HANG_BEFORE = auto()
    """Takes the connection, and says nothing."""
    HANG_AFTER = auto()
    """Takes the message, and never answers."""
    NONSENSE = auto()
    """Takes the message, and answers neither yes nor no."""
    WRONG_CREDENTIALS = auto()
    """Does not know our credentials. The refusal repeats them."""
    TOO_MUCH = auto()
    """Wants fewer connections, calls at once, or calls a second, and does not say when."""


class ScriptedServer(Protocol):
    """A server on the loopback. It accepts until told otherwise."""

    @property
    def taken(self) -> Sequence[str]:
        """The keys of the messages it got whole and did not refuse, in order; see `ProviderContract.key`."""
        ...

    @property
    def tried(self) -> int:
        """How many connections or requests came."""
        ...

    @property
    def most_at_once(self) -> int:
        """How many messages it was busy with at once, at most."""
        ...

    def answer(self, answer: Answer) -> None:
        """What it does with the next message; or the next connection, if that is earlier."""
        ...

    async def drop_idle(self) -> None:
        """Closes the connections that are kept open for later messages; returns when that has reached the client."""
        ...
