"""Where a demo runs: a database and a place at the broker of its own, and all services on free ports.

Everything carries the run's name, which says which process made it: so the leftovers of a killed demo are found and
removed by the next one, and by `hermodr down`.
"""

import asyncio
import base64
import os
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hermodr_cli import state
from hermodr_cli.addresses import port_base, sandbox_sms_provider, smtp_port
from hermodr_cli.commands import starters
from hermodr_cli.output import Say
from hermodr_contracts.channels import servable, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel
from hermodr_devkit import processes
from hermodr_devkit.backing import Backing, places, temporary
from hermodr_devkit.backing.probe import with_database
from hermodr_devkit.demo import desk
from hermodr_devkit.demo.scenario import FIRST_PROVIDER, LADDER
from hermodr_devkit.demo.show import Screen
from hermodr_devkit.supervisor import ALL, SANDBOX, Fleet
from hermodr_devkit.supervisor.fleet import STOP_MARGIN, private_ports
from hermodr_devkit.supervisor.identities import identities
from hermodr_devkit.supervisor.service import DEMO
from hermodr_ledger import migrate
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger

PREFIX = "hermodr_demo"
GRACE_SECONDS = 5.0
PROJECT = "harbour-house"


@dataclass(frozen=True)
class Stage:
    """A running stage: its name, its services, a key of the application, and a token of its `desk.USER`."""

    name: str
    fleet: Fleet
    key: str
    user: str
    backing: Backing


def folder() -> Path:
    """Each demo has a folder of its run's name here, with a log for each service."""
    return state.folder() / "demo"


@asynccontextmanager
async def stage(backing: Backing, screen: Screen) -> AsyncIterator[Stage]:
    """Sets the stage and removes it afterwards. Logs stay after a failure."""
    name = temporary.fresh_name(PREFIX)
    logs = folder() / name
    logs.mkdir(parents=True)
    try:
        await sweep(backing, screen.note)
        with screen.step("A database and a place at the broker of its own"):
            place = await _ground(backing, name)
        database_url = with_database(backing.database_url, name)
        environment = _with_providers(private_ports(_environment(name, database_url, place), ALL))
        environment["HERMODR_SANDBOX_API_KEY"] = await _key(database_url, ("read",), "sandbox")
        environment["PYTHONPATH"] = desk.installed(logs / "packages")
        fleet = Fleet(environment, logs, specs=ALL, identities=await identities(database_url, place=place))
        with screen.step(f"{len(ALL)} services: {', '.join(spec.name for spec in ALL)}"):
            await fleet.__aenter__()  # stops by itself what it started, if not all of it gets ready
        try:
            key = await _key(database_url, ("send", "read", "manage"), "demo")
            yield Stage(name, fleet, key, await desk.token(environment, PROJECT), backing)
        finally:
            await fleet.stop()
    except Exception:
        screen.note(f"the services' logs: {logs}")
        raise
    except BaseException:
        shutil.rmtree(logs, ignore_errors=True)
        raise
    else:
        shutil.rmtree(logs, ignore_errors=True)
    finally:
        await _remove(backing, name)


async def sweep(backing: Backing, say: Say) -> None:
    """Removes what killed demos left behind."""
    dead = _dead_runs()
    if orphans := _services_of(dead):
        say(f"ending {len(orphans)} services that a killed demo left behind")
        await asyncio.to_thread(processes.end, orphans, signal.SIGTERM, GRACE_SECONDS + STOP_MARGIN)
    names = {
        *dead,
        *await temporary.dead_databases(backing.database_url, PREFIX),
        *await places.dead(backing, PREFIX),
    }
    for name in names:
        await _remove(backing, name)
        shutil.rmtree(folder() / name, ignore_errors=True)


def stop_running(say: Say) -> None:
    """Ends the demos of this clone and the services of killed ones; their databases stay for `sweep`."""
    runs = [path.name for path in folder().iterdir()] if folder().is_dir() else []
    makers = [processes.find(temporary.maker(name, PREFIX) or 0) for name in runs]
    if living := [maker for maker in makers if maker and "demo" in maker.command()]:
        say("stopping hermodr demo …")
        processes.end(living, signal.SIGTERM, 30.0)
    if orphans := _services_of(runs):
        say(f"ending {len(orphans)} services that a killed demo left behind")
        processes.end(orphans, signal.SIGTERM, GRACE_SECONDS + STOP_MARGIN)
    shutil.rmtree(folder(), ignore_errors=True)


async def _ground(backing: Backing, name: str) -> places.Place:
    async with asyncio.TaskGroup() as group:
        group.create_task(_database(backing.database_url, name))
        place = group.create_task(places.make(backing, name))
    return place.result()


async def _database(admin_url: str, name: str) -> None:
    await temporary.create_database(admin_url, name)
    await migrate.upgrade_async(with_database(admin_url, name))


def _environment(name: str, database_url: str, place: places.Place) -> dict[str, str]:
    """Without the user's Hermodr settings: the demo must never write to a real provider."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HERMODR_")}
    return kept | {
        "HERMODR_DATABASE_URL": database_url,
        "HERMODR_AMQP_URL": place.amqp_url,
        "HERMODR_AMQP_PREFIX": place.prefix,
        "HERMODR_RETRY_LADDER": LADDER,
        "HERMODR_WEBHOOK_RETRY_LADDER": LADDER,
        "HERMODR_EMAIL_FROM": "Harbour House <hello@harbour-house.example.com>",
        "HERMODR_MESSAGE_ID_DOMAIN": "harbour-house.example.com",
        "HERMODR_GRACE_SECONDS": str(GRACE_SECONDS),
        DEMO: name,
    }


def _with_providers(environment: dict[str, str]) -> dict[str, str]:
    """Two, both of the sandbox: the second takes over what the first does not take, and reports what became of it."""
    first = f"smtp://127.0.0.1:{smtp_port(environment)}?name={FIRST_PROVIDER}"
    api = port_base(environment) + SANDBOX.port_offset
    secret = base64.b64encode(secrets.token_bytes(24)).decode()
    second = f"resend://demo-key@127.0.0.1:{api}?tls=off&events={quote('whsec_' + secret, safe='')}"
    return environment | {
        "HERMODR_EMAIL_PROVIDERS": f"{first} {second}",
        "HERMODR_SMS_PROVIDERS": sandbox_sms_provider(environment),
        "HERMODR_SANDBOX_EVENTS_RESEND": f"whsec_{secret}",
        "HERMODR_LINK_SECRET": secrets.token_urlsafe(32),
        "HERMODR_SECRET_KEY": secrets.token_urlsafe(32),
    }


async def _key(database_url: str, scopes: Sequence[keys.Scope], name: str) -> str:
    ledger = Ledger(database_url, service="demo", pool_size=1)
    try:
        made = await keys.create(ledger, PROJECT, scopes, name, None, starters.furnish)
        return made.secret
    finally:
        await ledger.close()


async def _remove(backing: Backing, name: str) -> None:
    channels = with_ladder(servable(), Channel.EMAIL, parse_ladder(LADDER))
    topology = Topology(prefix=name, channels=channels)
    outcomes = await asyncio.gather(
        temporary.drop_database(backing.database_url, name),
        places.remove(backing, name, topology),
        return_exceptions=True,
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _dead_runs() -> list[str]:
    if not folder().is_dir():
        return []
    return [path.name for path in folder().iterdir() if temporary.is_dead(path.name, PREFIX)]


def _services_of(runs: list[str]) -> list[processes.Process]:
    return [process for name in runs for process in processes.marked(f"{DEMO}={name}")]
