"""Servers of a test's own, which it may stop and kill as it likes."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermodr_cli.backing import EmbeddedPostgres, EmbeddedRabbit, ports
from hermodr_cli.backing.rabbit import RabbitPorts, find_scripts

PASSWORD = "for-tests-only"


@contextmanager
def private_home() -> Iterator[Path]:
    """A folder that PostgreSQL's account can reach too, which it cannot with pytest's `tmp_path` if we are root."""
    home = Path(tempfile.mkdtemp(prefix="hermodr-test-", dir="/var/tmp"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def private_postgres() -> Iterator[EmbeddedPostgres]:
    """A running server of its own, removed afterwards."""
    with private_home() as home:
        server = EmbeddedPostgres(home, ports.free(1)[0], PASSWORD)
        try:
            server.start()
            yield server
        finally:
            server.remove()


@contextmanager
def private_rabbit() -> Iterator[EmbeddedRabbit]:
    """A running broker node of its own, removed afterwards."""
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
