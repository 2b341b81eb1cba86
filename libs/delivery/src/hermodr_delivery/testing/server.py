"""A scripted server for provider tests."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

RETRY_AFTER = 7.0
"""Seconds that `Answer.THROTTLE` asks for."""


class Answer(Enum):
    ACCEPT = auto()
    BAD_ADDRESS = auto()
    """A permanent refusal of the address, which repeats it."""
    BAD_MESSAGE = auto()
    """A permanent refusal of the message."""
    NOT_NOW = auto()
    """A temporary refusal without a word about limits."""
    THROTTLE = auto()
    """A temporary refusal that asks for `RETRY_AFTER` seconds."""
    DROP_BEFORE = auto()
    """Closes the connection before it has the whole message."""
    DROP_AFTER = auto()
    """Takes the message and closes the connection without an answer."""
    HANG_BEFORE = auto()
    """Accepts the connection and says nothing."""
    HANG_AFTER = auto()
    """Takes the message and never answers."""
    NONSENSE = auto()
    """Takes the message and answers neither yes nor no."""
    WRONG_CREDENTIALS = auto()
    """Does not know our credentials; the refusal repeats them."""
    TOO_MUCH = auto()
    """Wants fewer connections, concurrent calls or calls a second, without saying when."""


class ScriptedServer(Protocol):
    """A server on the loopback; accepts until told otherwise."""

    @property
    def taken(self) -> Sequence[str]:
        """Keys of the messages it received whole and did not refuse, in order; see `ProviderContract.key`."""
        ...

    @property
    def tried(self) -> int: ...

    @property
    def most_at_once(self) -> int:
        """The most messages it handled at once."""
        ...

    def answer(self, answer: Answer) -> None:
        """For the next message, or the next connection if that is earlier."""
        ...

    async def drop_idle(self) -> None:
        """Closes idle connections; returns when the client has noticed."""
        ...
