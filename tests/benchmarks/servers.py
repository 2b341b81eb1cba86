import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hermodr_cli import state
from hermodr_cli.output import Say
from hermodr_devkit import processes
from hermodr_devkit.backing import account, ports
from hermodr_devkit.backing.distribution import RABBITMQ, ensure
from hermodr_devkit.backing.model import Backing
from hermodr_devkit.backing.postgres import EmbeddedPostgres
from hermodr_devkit.backing.rabbit import EmbeddedRabbit, RabbitPorts

MARK = "BENCH_OF"
"""In the environment of everything a run starts, so that the next run finds what a killed one left."""
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Servers:
    backing: Backing
    postgres: EmbeddedPostgres
    rabbit: EmbeddedRabbit

    def pids(self) -> dict[str, int]:
        found = {"database": self.postgres.process(), "broker": self.rabbit.node()}
        return {role: process.pid for role, process in found.items() if process}


def folder() -> Path:
    """Kept between runs: environments of the peers; and the running servers' logs."""
    path = state.folder() / "bench"
    path.mkdir(exist_ok=True)
    return path


@contextmanager
def servers(say: Say) -> Iterator[Servers]:
    """Fresh servers. One run at a time; what a killed one left is removed first."""
    ensure(RABBITMQ, say)
    with state.locked("bench"):
        os.environ[MARK] = state.identity()
        left = processes.marked(f"{MARK}={state.identity()}")
        processes.end(left, signal.SIGKILL, GRACE_SECONDS)
        home = account.home_for(
            account.for_postgres(), folder() / "servers", f"hermodr-{state.identity()}-bench"
        )
        numbers = ports.free(5)
        password = secrets.token_urlsafe(24)
        postgres = EmbeddedPostgres(home, numbers[0], password)
        rabbit = EmbeddedRabbit(home, RabbitPorts(*numbers[1:]), password)
        postgres.remove()
        rabbit.remove()
        try:
            with ThreadPoolExecutor() as pool:
                for done in [pool.submit(postgres.start), pool.submit(rabbit.start)]:
                    done.result()
            backing = Backing("embedded", postgres.url(), rabbit.url, rabbit.management_url, restartable=True)
            yield Servers(backing, postgres, rabbit)
        finally:
            postgres.remove()
            rabbit.remove()
            shutil.rmtree(home, ignore_errors=True)
