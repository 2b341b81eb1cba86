"""Tasks for workers under fire. Each attempt adds a line to a file before it does anything: `job attempt`."""

import asyncio
import os
import time

from pydantic import BaseModel

from hermodr_worker import TaskContext, TaskFailed, task

FILE = "CHORES_FILE"
"""The variable that names the file."""
HOPELESS = "it cannot be done"


class Chore(BaseModel):
    """`steps` of a tenth of a second; the first `fails` attempts fail, `hopeless` ones for good."""

    steps: int = 1
    fails: int = 0
    hopeless: bool = False


def _note(ctx: TaskContext) -> None:
    file = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND)
    try:
        os.write(file, f"{ctx.job_id} {ctx.attempt}\n".encode())
    finally:
        os.close(file)


def _end(ctx: TaskContext, chore: Chore) -> int:
    if chore.hopeless:
        raise TaskFailed(HOPELESS)
    if ctx.attempt <= chore.fails:
        raise OSError("not this time")
    return ctx.attempt


@task("chore", retries=30, retry_delay=0.3, users=True)
async def chore(ctx: TaskContext, payload: Chore) -> int:
    """In the worker's loop."""
    _note(ctx)
    for step in range(payload.steps):
        await ctx.progress(step, payload.steps)
        await asyncio.sleep(0.1)
    return _end(ctx, payload)


@task("press", retries=30, retry_delay=0.3, process=True)
def press(ctx: TaskContext, payload: Chore) -> int:
    """In a process."""
    _note(ctx)
    for step in range(payload.steps):
        ctx.progress(step, payload.steps)
        time.sleep(0.1)
    return _end(ctx, payload)


@task("tidy", retries=30, retry_delay=0.3)
def tidy(ctx: TaskContext) -> None:
    """In a thread; follows others."""
    _note(ctx)
