"""The state folder: what the commands of one clone share (running processes, ports, passwords)."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLONE = Path(__file__).resolve().parents[4]


def root() -> Path:
    """The clone this command was installed from, else the current folder."""
    return CLONE if (CLONE / "docker-compose.yml").exists() else Path.cwd()


def folder() -> Path:
    """`HERMODR_STATE_DIR`, else `.hermodr` in the clone; created on first use."""
    given = os.environ.get("HERMODR_STATE_DIR")
    path = Path(given).absolute() if given else root() / ".hermodr"
    path.mkdir(parents=True, exist_ok=True)
    return path


def identity() -> str:
    """Ten hex digits, different for every state folder on the machine."""
    return hashlib.sha256(f"{os.geteuid()} {folder().resolve()}".encode()).hexdigest()[:10]


def read(name: str) -> dict[str, Any]:
    """Empty when the record is missing or damaged; every record can be made anew."""
    try:
        content = json.loads((folder() / name).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write(name: str, content: dict[str, Any]) -> None:
    """Replaces the record atomically, readable by its owner only; an empty one is removed."""
    path = folder() / name
    if not content:
        path.unlink(missing_ok=True)
        return
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """An exclusive lock; it is released when the process dies."""
    descriptor = os.open(folder() / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
