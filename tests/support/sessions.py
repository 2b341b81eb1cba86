"""Names for what a test session makes on a server, from which a later session can tell that it is a dead one's."""

import hashlib
import os
import re
import secrets
import socket
from pathlib import Path

from hermodr_cli import processes

PREFIX = "hermodr_test"


def machine() -> str:
    """Six hex digits for this boot of this machine: elsewhere our process numbers mean nothing."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    return hashlib.sha256(f"{socket.gethostname()} {boot}".encode()).hexdigest()[:6]


def fresh_name() -> str:
    return f"{PREFIX}_{machine()}_{os.getpid()}_{secrets.token_hex(4)}"


def is_dead(name: str) -> bool:
    """The name was made on this machine by a process that is gone."""
    match = re.fullmatch(rf"{PREFIX}_{machine()}_(\d+)_[0-9a-f]+", name)
    return match is not None and processes.find(int(match[1])) is None
