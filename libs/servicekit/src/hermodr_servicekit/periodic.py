"""Work that recurs for as long as a service lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from hermodr_servicekit.cancellation import cancelled_from_outside, obey_cancellation

log = structlog.get_logger()

Tick = Callable[[], Awaitable[float]]
"""Does one round of work and returns how many seconds to sleep until the next."""


REST = 20
"""Times as long as work took, until it is done again: it takes 5 % of a processor at most."""


def rest_after(seconds: float, longest: float) -> float:
    """How long to rest after work that took `seconds` and reads more the more there is: in proportion, but no longer
    than `longest`, as a database that stood still for a while looks like one with much to read."""
    return min(REST * seconds, longest)


async def repeat(
    name: str, tick: Tick, *, wake: asyncio.Event | None = None, after_error: float = 1.0
) -> None:
    """Calls `tick` for ever. A set `wake` cuts the sleep short and is cleared. An error is logged, not fatal:
    what recurs is by nature the thing that repairs, so it goes on after `after_error` seconds."""
    while True:
        if wake is not None:
            wake.clear()
        try:
            pause = await tick()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - what recurs goes on
            obey_cancellation()
            log.warning("periodic work failed", work=name, error=type(error).__name__)
            pause = after_error
        obey_cancellation()
        if wake is None:
            await asyncio.sleep(pause)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await wake.wait()


@contextlib.asynccontextmanager
async def running(*coroutines: Awaitable[None]) -> AsyncIterator[None]:
    """Runs the coroutines as tasks while the block lasts, then cancels them and waits for their end.

    One that fails before that ends the block with its exception: a service with a dead part does not limp on.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_as_coroutine(awaitable)) for awaitable in coroutines]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    try:
        await awaitable
    except asyncio.CancelledError as error:
        if cancelled_from_outside():
            raise
        raise RuntimeError(
            "ended by a cancellation from within"
        ) from error  # a group would not notice the other
