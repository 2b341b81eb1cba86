"""A disk that can be full: a file system in memory whose size changes while PostgreSQL uses it. Needs root."""

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
    return os.geteuid() == 0


def of_our_own() -> None:
    """What this process and its children mount from now on is visible to them only, and gone with them. Call it
    before any thread starts. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)


@contextmanager
def private_postgres() -> Iterator[EmbeddedPostgres]:
    """A running server with a disk of its own."""
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
    """Retried if more is in use by then."""
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
    _resize(disk, SIZE)


def _resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True, capture_output=True)
