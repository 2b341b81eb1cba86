"""Folders of this machine in which files are made (`TMPDIR`). Each is locked by the process that works in it, so that
what a killed one left behind is told from what is in use."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PREFIX = "hermodr-task-"
_LOCK = ".lock"


@asynccontextmanager
async def folder() -> AsyncIterator[Path]:
    """Deleted in the end. A thread may still write there then, in vain. Raises `OSError`."""
    path, lock = await asyncio.to_thread(_make)
    try:
        yield path
    finally:
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        os.close(lock)


def sweep() -> None:
    """Deletes those whose processes are gone."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:  # it is being made, or gone already, or another user's
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def _make() -> tuple[Path, int]:
    """And the lock, which holds as long as it is open."""
    path = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return path, lock
