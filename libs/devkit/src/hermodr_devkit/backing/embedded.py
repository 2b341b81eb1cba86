import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hermodr_cli import state
from hermodr_cli.output import Say
from hermodr_devkit.backing import account, ports
from hermodr_devkit.backing.distribution import RABBITMQ, ensure
from hermodr_devkit.backing.model import Backing, Unavailable
from hermodr_devkit.backing.postgres import EmbeddedPostgres
from hermodr_devkit.backing.rabbit import EmbeddedRabbit, RabbitPorts

KIND = "embedded"
ATTEMPTS = 3


def start(record: dict[str, Any], say: Say) -> tuple[Backing, dict[str, Any]]:
    """Starts the recorded servers, or finds them running; makes new ones without a usable record. Returns the record
    to keep. Raises Unavailable."""
    ensure(RABBITMQ, say)
    usable = record and Path(record["home"]).is_dir()
    record = _with_free_ports(_with_two_passwords(record, say), say) if usable else _new_record()
    for attempt in range(ATTEMPTS):
        _remember(record)  # before anything starts, so that what a killed start left can be found
        postgres, rabbit = servers(record)
        try:
            _start_both(postgres, rabbit, say)
            return _backing(postgres, rabbit), record
        except Unavailable:
            postgres.kill()
            rabbit.kill()
            if attempt == ATTEMPTS - 1 or all(ports.is_free(port) for port in _ports(record)):
                raise
            record |= _new_ports()  # someone else took a port between our look and the server's start
    raise AssertionError("unreachable")


def stop(record: dict[str, Any], keep: bool, say: Say) -> None:
    """Stops both; unless `keep`, deletes all they left."""
    postgres, rabbit = servers(record)
    home = Path(record["home"])
    if keep:
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(postgres.stop), pool.submit(rabbit.stop)]:
                done.result()
        say(f"stopped PostgreSQL and RabbitMQ; their data stays in {home}")
        return
    postgres.remove()
    rabbit.remove()
    shutil.rmtree(home, ignore_errors=True)
    say("stopped PostgreSQL and RabbitMQ and removed their data")


def recorded(record: dict[str, Any]) -> Backing:
    return _backing(*servers(record))


def servers(record: dict[str, Any]) -> tuple[EmbeddedPostgres, EmbeddedRabbit]:
    home = Path(record["home"])
    numbers = RabbitPorts(**record["rabbit_ports"])
    return (
        EmbeddedPostgres(home, record["postgres_port"], record["password"]),
        EmbeddedRabbit(home, numbers, record.get("broker_password", "")),
    )


def _start_both(postgres: EmbeddedPostgres, rabbit: EmbeddedRabbit, say: Say) -> None:
    if postgres.process() is None or rabbit.node() is None:
        say("starting a private PostgreSQL and RabbitMQ …")
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(postgres.start), pool.submit(rabbit.start)]:
            done.result()


def _backing(postgres: EmbeddedPostgres, rabbit: EmbeddedRabbit) -> Backing:
    return Backing(KIND, postgres.url(), rabbit.url, rabbit.management_url, restartable=True)


def _new_record() -> dict[str, Any]:
    home = account.home_for(account.for_postgres(), state.folder() / "backing", f"hermodr-{state.identity()}")
    return {"home": str(home), "password": _password(), "broker_password": _password()} | _new_ports()


def _password() -> str:
    return secrets.token_urlsafe(24)


def _with_two_passwords(record: dict[str, Any], say: Say) -> dict[str, Any]:
    """Those of an older version had one for both: whoever had the broker's was the database's superuser. The broker is
    made anew; what was in its queues is announced again."""
    if "broker_password" in record:
        return record
    say("the broker gets a password of its own: making it anew")
    record = record | {"broker_password": _password()}
    servers(record)[1].remove()
    return record


def _new_ports() -> dict[str, Any]:
    postgres, amqp, management, distribution, epmd = ports.free(5)
    numbers = RabbitPorts(amqp=amqp, management=management, distribution=distribution, epmd=epmd)
    return {"postgres_port": postgres, "rabbit_ports": asdict(numbers)}


def _with_free_ports(record: dict[str, Any], say: Say) -> dict[str, Any]:
    postgres, rabbit = servers(record)
    down = [record["postgres_port"]] if postgres.process() is None else []
    if rabbit.node() is None:
        down += [rabbit.ports.amqp, rabbit.ports.management]
    if not all(ports.is_free(port) for port in down):
        say("another program has taken our ports: moving to new ones")
        postgres.stop()
        rabbit.stop()
        return record | _new_ports()
    return record


def _ports(record: dict[str, Any]) -> list[int]:
    return [record["postgres_port"], *record["rabbit_ports"].values()]


def _remember(record: dict[str, Any]) -> None:
    state.write("backing.json", state.read("backing.json") | {KIND: record})
