"""Telling our own cancellation from a library's."""

import asyncio


def cancelled_from_outside() -> bool:
    """Whether the `CancelledError` just caught was meant for the current task and is to go on upwards.

    A lost connection cancels the futures inside aio_pika; whoever awaits one gets the same error without being meant.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def obey_cancellation() -> None:
    """Raises a cancellation that was meant for the current task and got lost on the way: `asyncio.wait_for`, which the
    libraries use, swallows one that comes as what it waits for ends (until Python 3.12). To be called where a loop that
    only cancellation ends begins anew."""
    if cancelled_from_outside():
        raise asyncio.CancelledError
