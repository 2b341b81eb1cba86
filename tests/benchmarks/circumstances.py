import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hermodr_cli import state
from hermodr_devkit.backing.postgres import find_installation
from hermodr_devkit.backing.rabbit import find_scripts
from tests.benchmarks.peer import Peer

VARIABLES = ("PEERS", "QUICK", "ONLY", "ROUNDS", "DOC")


@dataclass(frozen=True)
class Circumstances:
    command: str
    date: str
    commit: str
    machine: str
    versions: str

    @classmethod
    def now(cls, peers: Sequence[Peer]) -> "Circumstances":
        postgres = _output(str(find_installation() / "bin" / "postgres"), "--version").rpartition(" ")[2]
        rabbit = _output(str(find_scripts() / "rabbitmqctl"), "version")
        packages = dict.fromkeys(each for peer in peers for each in peer.requirements)
        versions = [f"PostgreSQL {postgres}", f"RabbitMQ {rabbit}", *packages]
        return cls(_command(), f"{datetime.now(UTC):%Y-%m-%d}", _commit(), _machine(), ", ".join(versions))


def _command() -> str:
    given = [f"{name}={os.environ[name]}" for name in VARIABLES if os.environ.get(name)]
    return " ".join(["make bench", *given])


def _commit() -> str:
    commit = _output("git", "rev-parse", "--short", "HEAD")
    changed = _output("git", "status", "--porcelain", "--", "*.py", "*.sql", "*.toml")
    return f"{commit}+" if changed else commit


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=state.root(), capture_output=True, text=True)
    return done.stdout.strip()


def _machine() -> str:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1]) / 1e6
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GB, {system}"
