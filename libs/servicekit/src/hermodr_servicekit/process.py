"""Entering and leaving a service process."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog
import uvloop

from hermodr_servicekit import privileges
from hermodr_servicekit.door import raise_file_limit

Main = Callable[[asyncio.Event], Awaitable[None]]
"""A service: runs until the event is set, then finishes what it holds and returns."""

GENERATIONS = 4
LETTING_GO_SECONDS = 0.5


def run(main: Main) -> NoReturn:
    """Runs `main` to its end and exits 0. SIGTERM and SIGINT set its event; a second signal exits 1 at once."""
    raise_file_limit()
    privileges.give_up()
    uvloop.run(_supervise(main))
    raise SystemExit(0)


def spare_the_collector() -> None:
    """To be called once, when everything is built: that is never garbage. And batches make many objects that live for
    a fraction of a second, which the usual thresholds would have searched again and again, with everybody waiting."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _supervise(main: Main) -> None:
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()  # before the line is written: nobody may be left to read it
        structlog.get_logger().info("stopping", signal=signal.Signals(number).name)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    await main(stop)
    await _let_go()


async def _let_go() -> None:
    """Ends what libraries left running, and what they begin by ending: the loop's own end cancels the first and
    destroys the second, with a traceback (aio-pika, told to leave while it connects)."""
    for _ in range(GENERATIONS):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=LETTING_GO_SECONDS)
