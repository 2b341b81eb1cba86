"""Servers of a test's own, which it may stop and kill."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermodr_devkit import processes
from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit, ports
from hermodr_devkit.backing.rabbit import RabbitPorts, find_scripts
from tests.support import faketime

PASSWORD = "for-tests-only"
PLACE = Path("/var/tmp")
IN_MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
PREFIX = "hermodr-test-"


@contextmanager
def private_home(place: Path = PLACE) -> Iterator[Path]:
    """A folder that PostgreSQL's account can reach, unlike pytest's `tmp_path` as root. Removes what killed
    sessions left there first, with its servers."""
    sweep(place)
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    home.chmod(0o711)
    me = processes.find(os.getpid())
    owner(home).write_text(f"{os.getpid()} {me.started if me else 0}", encoding="ascii")
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
        owner(home).unlink(missing_ok=True)


def owner(home: Path) -> Path:
    """The file that names a home's owner (process and start). Beside the home, where no disk is full."""
    return home.with_name(f"{home.name}.owner")


def sweep(place: Path) -> list[Path]:
    """Ends the servers of homes whose owners are dead, and deletes and returns these."""
    dead = [home for home in place.glob(f"{PREFIX}*") if home.is_dir() and _forsaken(home)]
    for home in dead:
        EmbeddedPostgres(home, 0, "").remove()
        EmbeddedRabbit(home, RabbitPorts(0, 0, 0, 0), "").remove()
        shutil.rmtree(home, ignore_errors=True)
        owner(home).unlink(missing_ok=True)
    return dead


def _forsaken(home: Path) -> bool:
    try:
        pid, started = map(int, owner(home).read_text(encoding="ascii").split())
    except (FileNotFoundError, ValueError):
        return False  # just being made, or not by us
    found = processes.find(pid)
    return found is None or found.started != started


def memory() -> Path:
    """In memory, or on disk if that has no room."""
    roomy = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ROOM and os.access(IN_MEMORY, os.W_OK)
    return IN_MEMORY if roomy else PLACE


@contextmanager
def private_postgres(place: Path = PLACE) -> Iterator[EmbeddedPostgres]:
    with private_home(place) as home:
        server = EmbeddedPostgres(home, ports.free(1)[0], PASSWORD, variables=faketime.ours())
        try:
            server.start()
            yield server
        finally:
            server.remove()


@contextmanager
def private_rabbit() -> Iterator[EmbeddedRabbit]:
    amqp, management, distribution, epmd = ports.free(4)
    numbers = RabbitPorts(amqp=amqp, management=management, distribution=distribution, epmd=epmd)
    with private_home() as home:
        server = EmbeddedRabbit(home, numbers, PASSWORD)
        try:
            server.start()
            yield server
        finally:
            server.remove()


def control(node: EmbeddedRabbit, *arguments: str) -> None:
    """`rabbitmqctl` on a private node. Raises CalledProcessError."""
    command = [str(find_scripts() / "rabbitmqctl"), *arguments]
    subprocess.run(command, env=node._environment(), cwd=node.home, capture_output=True, check=True)
