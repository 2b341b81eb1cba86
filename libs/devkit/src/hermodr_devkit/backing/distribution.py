"""Servers from the distribution's packages, installed at first use, and not as services of the system."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hermodr_cli import state
from hermodr_cli.output import Say
from hermodr_devkit.backing.model import Unavailable
from hermodr_devkit.backing.rabbit import find_scripts

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = (
    "#!/bin/sh\n# hermodr: nothing that is being installed right now may start a service\nexit 101\n"
)


@dataclass(frozen=True)
class Package:
    """`find` raises Unavailable while it is missing."""

    title: str
    name: str
    find: Callable[[], object]

    @property
    def how(self) -> str:
        """What somebody without root does."""
        install = f"sudo apt-get install --no-install-recommends {self.name}"
        return f"install {self.title} once, then try again:\n    {install}"


def find_program(name: str) -> Callable[[], Path]:
    """Finds a program of this name on the path."""

    def find() -> Path:
        if found := shutil.which(name):
            return Path(found)
        raise Unavailable(f"{name} is not installed")

    return find


RABBITMQ = Package("RabbitMQ", "rabbitmq-server", find_scripts)
find_prometheus = find_program("prometheus")
"""`promtool` lies beside it."""
PROMETHEUS = Package("Prometheus", "prometheus", find_prometheus)
find_chromium = find_program("chromium")
CHROMIUM = Package("Chromium", "chromium", find_chromium)
NODE = Package("Node.js", "nodejs", find_program("node"))
NPM = Package("npm", "npm", find_program("npm"))


def ensure(package: Package, say: Say) -> None:
    """Raises Unavailable, with what to do, if it is missing and we may not install it."""
    try:
        package.find()
    except Unavailable:
        if not shutil.which("apt-get"):
            raise Unavailable(
                f"{package.title} is not installed: install your system's package {package.name}"
            ) from None
        if os.geteuid() != 0:
            raise Unavailable(
                f"{package.title} is not installed, and only root may install it: {package.how}"
            ) from None
        say(f"installing {package.name} from the distribution (once) …")
        try:
            install([package.name])
        except Unavailable as error:
            raise Unavailable(f"{error}\n{package.how}") from error
        package.find()


def install(names: Sequence[str]) -> None:
    """Packages of the distribution, by root; one process of this clone at a time. None of their servers starts. Raises
    Unavailable."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with state.locked("install"), _services_stay_down():
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
            done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True)
            if done.returncode:
                raise Unavailable(f"apt-get {arguments[0]} failed: {done.stderr.strip()[-500:]}")
    if shutil.which("systemctl"):
        # or a system's own server would come up at the next boot; without a running systemd this does nothing
        for name in names:
            subprocess.run(["systemctl", "disable", name], capture_output=True)


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """By Debian's policy script; an existing one is left alone."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(POLICY_TEXT, encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
