"""What the client library raises when the broker is away, told apart from cancellations and from defects of our own."""

import asyncio
import contextlib
from collections.abc import Iterator

from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelPreconditionFailed

from hermodr_servicekit.cancellation import cancelled_from_outside

_FAILURES: tuple[type[Exception], ...] = (*CONNECTION_EXCEPTIONS, TimeoutError)


class BrokerUnavailable(Exception):
    """The broker did not answer in time, the connection ended, or its queues are not ours. What was asked of it may
    have been done or not."""


@contextlib.contextmanager
def outages_translated() -> Iterator[None]:
    """Raises `BrokerUnavailable` for whatever the library raises when a connection is lost. Beside errors of its own
    (RuntimeError for a channel that is closed) that is a cancellation nobody asked for, and a bare `Exception`: so
    aiormq (7.2) rejects whoever begins to wait for a connection in the moment it goes."""
    try:
        yield
    except ChannelPreconditionFailed as error:
        raise BrokerUnavailable(f"the broker has other queues under our names: {error}") from error
    except _FAILURES as error:
        raise BrokerUnavailable(type(error).__name__) from error
    except asyncio.CancelledError as error:
        if cancelled_from_outside():
            raise
        raise BrokerUnavailable("connection lost") from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise BrokerUnavailable("connection lost") from error
