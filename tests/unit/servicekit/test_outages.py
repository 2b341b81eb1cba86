"""What counts as an outage of the broker, and what does not."""

import asyncio

import pytest
from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError
from aiormq.base import FutureStore

from hermodr_servicekit.outages import BrokerUnavailable, outages_translated


@pytest.mark.parametrize(
    "error", [AMQPConnectionError(), ChannelInvalidStateError(), TimeoutError(), OSError()]
)
def test_what_the_library_raises_is_an_outage(error: Exception) -> None:
    with pytest.raises(BrokerUnavailable, match=type(error).__name__), outages_translated():
        raise error


async def test_what_the_library_refuses_when_the_connection_is_gone_is_an_outage() -> None:
    """Seen once in 800 connections that were cut while they opened; a dispatcher died of it."""
    lost = FutureStore(asyncio.get_running_loop())
    await lost.reject_all(None)
    with pytest.raises(BrokerUnavailable) as told, outages_translated():
        await lost.create_future()
    assert type(told.value.__cause__) is Exception
    with pytest.raises(BrokerUnavailable), outages_translated():
        await lost.create_task(asyncio.sleep(0))


async def test_a_cancellation_from_within_is_an_outage() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    with pytest.raises(BrokerUnavailable), outages_translated():
        await future


async def test_a_cancellation_from_outside_is_obeyed() -> None:
    async def wait() -> None:
        with outages_translated():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyError("a defect")])
def test_a_defect_is_no_outage(error: Exception) -> None:
    with pytest.raises(type(error)), outages_translated():
        raise error
