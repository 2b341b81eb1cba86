"""Waiting for conditions, never for seconds."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
INTERVAL_SECONDS = 0.02


async def wait_until(
    condition: Callable[[], T | Awaitable[T]],
    timeout: float = 10.0,
    message: str | Callable[[], str] = "",
    interval: float = INTERVAL_SECONDS,
) -> T:
    """Repeats `condition`, plain or async, until its answer is true, and returns that. Raises AssertionError after
    `timeout` seconds, with `message` and the last answer."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        answer = condition()
        found: T = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        if loop.time() > deadline:
            what = message() if callable(message) else message
            raise AssertionError(
                f"{what or 'condition'} not met within {timeout:g} s; last answer: {found!r}"
            )
        await asyncio.sleep(interval)
