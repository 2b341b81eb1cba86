"""Temporary databases and names on a server. A name tells which process of which machine made it, so that the
leftovers of a killed one can be found."""

import hashlib
import os
import re
import secrets
import socket
from pathlib import Path

import asyncpg

from hermodr_devkit import processes
from hermodr_devkit.backing.probe import TIMEOUT_SECONDS


def machine() -> str:
    """Six hex digits for this boot of this machine: elsewhere process numbers mean nothing."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    return hashlib.sha256(f"{socket.gethostname()} {boot}".encode()).hexdigest()[:6]


def fresh_name(prefix: str) -> str:
    """`<prefix>_<machine>_<process>_<random>`. `prefix` is a lower-case identifier."""
    return f"{prefix}_{machine()}_{os.getpid()}_{secrets.token_hex(4)}"


def maker(name: str, prefix: str) -> int | None:
    """The process that made the name on this machine, else None."""
    match = re.fullmatch(rf"{re.escape(prefix)}_{machine()}_(\d+)_[0-9a-f]{{8}}", name)
    return int(match[1]) if match else None


def is_dead(name: str, prefix: str) -> bool:
    """The name was made on this machine by a process that is gone."""
    pid = maker(name, prefix)
    return pid is not None and processes.find(pid) is None


async def create_database(admin_url: str, name: str, template: str = "template0") -> None:
    """`admin_url`: a database of the same server to connect to. Raises `asyncpg.PostgresError`."""
    await _execute(admin_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


async def drop_database(admin_url: str, name: str) -> None:
    """Drops the database, if it exists, whoever is connected."""
    await _execute(admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def dead_databases(admin_url: str, prefix: str) -> list[str]:
    """Databases of this prefix whose makers are gone."""
    connection = await asyncpg.connect(admin_url, timeout=TIMEOUT_SECONDS)
    try:
        rows = await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix
        )
    finally:
        await connection.close()
    return [row["datname"] for row in rows if is_dead(row["datname"], prefix)]


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=TIMEOUT_SECONDS)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
