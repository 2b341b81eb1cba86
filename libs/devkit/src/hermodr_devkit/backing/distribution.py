import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermodr_cli.output import Say
from hermodr_devkit.backing.model import Unavailable
from hermodr_devkit.backing.rabbit import find_scripts

PACKAGE = "rabbitmq-server"
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = (
    "#!/bin/sh\n# hermodr: nothing that is being installed right now may start a service\nexit 101\n"
)
HOW = f"install RabbitMQ once, then try again:\n    sudo apt-get install --no-install-recommends {PACKAGE}"


def ensure_rabbitmq(say: Say) -> None:
    """Raises Unavailable, with what to do, if it is missing and we may not install it."""
    try:
        find_scripts()
    except Unavailable:
        if not shutil.which("apt-get"):
            raise Unavailable(
                "RabbitMQ is not installed: install your system's package rabbitmq-server"
            ) from None
        if os.geteuid() != 0:
            raise Unavailable(f"RabbitMQ is not installed, and only root may install it: {HOW}") from None
        say("installing rabbitmq-server from the distribution (once) …")
        _install()
        find_scripts()


def _install() -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with _services_stay_down():
        _apt(["update", "-qq"], environment)
        _apt(["install", "-y", "-qq", "--no-install-recommends", PACKAGE], environment)
    if shutil.which("systemctl"):
        # or the system's own broker would come up at the next boot; without a running systemd this does nothing
        subprocess.run(["systemctl", "disable", PACKAGE], capture_output=True)


def _apt(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"apt-get {arguments[0]} failed: {done.stderr.strip()[-500:]}\n{HOW}")


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
