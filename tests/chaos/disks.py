"""A disk that can be full: a file system in memory whose size is changed while PostgreSQL works on it. Needs root."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermodr_devkit.backing import EmbeddedPostgres, ports
from tests.support.servers import PASSWORD, private_home

SIZE = "4g"
CLONE_NEWNS = 0x20000


def possible() -> bool:
    """Whether we may mount."""
    return os.geteuid() == 0


def of_our_own() -> None:
    """From now on what this process and its children mount is seen by nobody else, and gone when they are.

    Before any thread is started. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)


@contextmanager
def private_postgres() -> Iterator[EmbeddedPostgres]:
    """A running server with a disk of its own, both removed afterwards."""
    with private_home() as home, private_home() as copies:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "tmpfs", str(home)], check=True
        )
        try:
            server = EmbeddedPostgres(home, ports.free(1)[0], PASSWORD, copies)
            try:
                server.start()
                yield server
            finally:
                server.remove()
        finally:
            subprocess.run(["umount", "--lazy", str(home)], check=True)


def fill(disk: Path) -> None:
    """There is not a page left. Refused if more is in use by then than was looked up: it is looked up again."""
    for last in (False, False, False, False, True):
        found = os.statvfs(disk)
        try:
            _resize(disk, str((found.f_blocks - found.f_bfree) * found.f_frsize))
        except subprocess.CalledProcessError:
            if last:
                raise
        else:
            return


def free(disk: Path) -> None:
    """There is room again."""
    _resize(disk, SIZE)


def _resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True, capture_output=True)
