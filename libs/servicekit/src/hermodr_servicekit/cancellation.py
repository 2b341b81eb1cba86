"""Telling our own cancellation from a library's."""

import asyncio


def cancelled_from_outside() -> bool:
    """Whether the `CancelledError` just caught was meant for the current task and is to go on upwards.

    A lost connection cancels the futures inside aio_pika; whoever awaits one gets the same error without being meant.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
