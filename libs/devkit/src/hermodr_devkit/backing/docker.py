import os
import secrets
import shutil
import subprocess
from typing import Any

from hermodr_cli import state
from hermodr_cli.output import Say
from hermodr_devkit.backing import ports, probe
from hermodr_devkit.backing.model import Backing, Unavailable

KIND = "docker"
IMAGES = ("postgres:17", "rabbitmq:4-management")
SERVERS = ("postgres", "rabbitmq")
PULL_SECONDS = 600
START_SECONDS = 90.0
DEFAULT_PORTS = {"postgres": 5432, "amqp": 5672, "management": 15672}


def start(record: dict[str, Any], say: Say) -> tuple[Backing, dict[str, Any]]:
    """Raises Unavailable."""
    command = compose()
    check_daemon()
    _check_images(say)
    record = record or _new_record()
    state.write("backing.json", state.read("backing.json") | {KIND: record})
    say("starting PostgreSQL and RabbitMQ with docker compose …")
    _run([*command, "up", "-d", *SERVERS], record)
    backing = recorded(record)
    why = probe.wait(lambda: probe.postgres(backing.database_url), _true, START_SECONDS)
    why = why or probe.wait(lambda: probe.rabbit(backing.amqp_url), _true, START_SECONDS)
    if why:
        raise Unavailable(f"the containers are up, but: {why} (docker compose -p {record['project']} logs)")
    return backing, record


def stop(record: dict[str, Any], keep: bool, say: Say) -> None:
    """Removes the containers, and their volumes unless `keep`."""
    _run([*compose(), "down", "--remove-orphans", *([] if keep else ["--volumes"])], record)
    say("removed the containers" + (", kept their volumes" if keep else " and their volumes"))


def recorded(record: dict[str, Any]) -> Backing:
    password, numbers = record["password"], record["ports"]
    return Backing(
        KIND,
        f"postgresql://postgres:{password}@{ports.LOOPBACK}:{numbers['postgres']}/hermodr",
        f"amqp://hermodr:{_broker_password(record)}@{ports.LOOPBACK}:{numbers['amqp']}/",
        f"http://{ports.LOOPBACK}:{numbers['management']}/",
        restartable=False,
    )


def _new_record() -> dict[str, Any]:
    spare = ports.free(len(DEFAULT_PORTS))
    numbers = {
        name: usual if ports.is_free(usual) else other
        for (name, usual), other in zip(DEFAULT_PORTS.items(), spare, strict=True)
    }
    return {
        "project": f"hermodr-{state.identity()}",
        "password": secrets.token_hex(16),
        "broker_password": secrets.token_hex(16),
        "ports": numbers,
    }


def _broker_password(record: dict[str, Any]) -> str:
    """Containers of an older version have one password for both until `make down`."""
    return str(record.get("broker_password", record["password"]))


def compose() -> list[str]:
    """The command: Compose 2 or 1.29. Raises Unavailable."""
    if not shutil.which("docker"):
        raise Unavailable("docker is not installed")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise Unavailable("docker is here, but docker compose is not")


def check_daemon() -> None:
    """Raises Unavailable."""
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=15)
    except subprocess.TimeoutExpired:
        raise Unavailable("the docker daemon does not answer") from None
    if done.returncode:
        raise Unavailable("the docker daemon does not answer (is it running, and may you use it?)")


def _check_images(say: Say) -> None:
    missing = [
        image
        for image in IMAGES
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode
    ]
    if not missing:
        return
    say(f"pulling {' and '.join(missing)} (once) …")
    for image in missing:
        try:
            done = subprocess.run(
                ["docker", "pull", "--quiet", image], capture_output=True, text=True, timeout=PULL_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"pulling {image} took more than {PULL_SECONDS} s") from None
        if done.returncode:
            raise Unavailable(f"{image} cannot be pulled: {_last_line(done.stderr)}")


def _run(command: list[str], record: dict[str, Any]) -> None:
    environment = os.environ | {
        "COMPOSE_PROJECT_NAME": record["project"],
        "HERMODR_BACKING_PASSWORD": record["password"],
        "HERMODR_BACKING_BROKER_PASSWORD": _broker_password(record),
        "HERMODR_POSTGRES_PORT": str(record["ports"]["postgres"]),
        "HERMODR_RABBITMQ_PORT": str(record["ports"]["amqp"]),
        "HERMODR_RABBITMQ_CONSOLE_PORT": str(record["ports"]["management"]),
    }
    done = subprocess.run(command, cwd=state.root(), env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)} failed: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason given")


def _true() -> bool:
    return True
