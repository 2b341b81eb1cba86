import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext

import httpx

from hermodr_cli import output, signing, state
from hermodr_cli.addresses import SMTP_PORT, port_base, smtp_port
from hermodr_cli.commands.schema import migrated
from hermodr_cli.output import Say
from hermodr_cli.refusal import Refusal
from hermodr_devkit import backing, processes
from hermodr_devkit.backing import ports, probe
from hermodr_devkit.backing.model import Unavailable
from hermodr_devkit.backing.places import DEFAULT_PREFIX, Place
from hermodr_devkit.supervisor import lines, sandbox_key
from hermodr_devkit.supervisor.fleet import STOP_MARGIN, Fleet
from hermodr_devkit.supervisor.identities import NOBODY, Identities, identities
from hermodr_devkit.supervisor.observing import PORT_OFFSET, home, observed
from hermodr_devkit.supervisor.service import CONFIGURATION_ERROR, SUPERVISOR
from hermodr_devkit.supervisor.services import SANDBOX, ServiceSpec, chosen, variables_for
from hermodr_devkit.supervisor.watch import Misconfigured, Watch
from hermodr_ledger.rights.granting import PREFIX, OddPrefix
from hermodr_servicekit import privileges

RECORD = "up.json"
FILES_VARIABLE = "HERMODR_FILES_URL"
PATIENCE_SECONDS = 15.0


class CannotStart(Refusal): ...


def run(say: Say, *, observe: bool = False) -> int:
    """Returns the exit status. `observe`: with a Prometheus that reads the services."""
    environment = dict(os.environ)
    privileges.close_to_others()
    with only_one():
        stop_orphans(say)
        specs = chosen(environment)
        check_settings(specs, environment)
        check_ports(specs, environment)
        kept, own, console = False, NOBODY, None
        if environment.get("HERMODR_ENV") != "production":
            servers = backing.ensure(say)
            environment |= servers.variables()
            environment.setdefault(FILES_VARIABLE, (state.folder() / "files").as_uri())
            kept, console = servers.own, servers.management_url
        if secret := signing.link_secret(environment):
            environment[signing.LINK_VARIABLE] = secret
        if key := signing.secret_key(environment):
            environment[signing.KEY_VARIABLE] = key
        if database_url := environment.get("HERMODR_DATABASE_URL"):
            roles = environment.get("HERMODR_DATABASE_ROLES") or PREFIX
            _migrate(database_url, environment.get("HERMODR_OPERATOR_PROJECT") or None, roles)
            if kept:
                place = Place(
                    environment["HERMODR_AMQP_URL"],
                    environment.get("HERMODR_AMQP_PREFIX") or DEFAULT_PREFIX,
                    console,
                )
                channels = environment.get("HERMODR_CHANNELS")
                own = asyncio.run(identities(database_url, channels, roles, place))
                if sandbox_key.wanted(specs, environment):
                    environment[sandbox_key.VARIABLE] = asyncio.run(sandbox_key.sandbox_key(database_url))
        status, asked_to = asyncio.run(_serve(specs, _for_services(environment), own, say, observe=observe))
        if (
            kept and asked_to is not signal.SIGTERM
        ):  # which is how `down` says it; what follows is its own to tell
            say(backing.KEPT)
        return status


def stop_running(say: Say) -> None:
    """Ends a running `hermodr up` of this clone, and services that a killed one left."""
    if running := _recorded():
        say("stopping `up` …")
        processes.end([running], signal.SIGTERM, 60.0)
    stop_orphans(say)
    state.write(RECORD, {})


def stop_orphans(say: Say) -> None:
    """Services whose supervisor was killed hold the ports."""
    orphans = processes.marked(f"{SUPERVISOR}={_mark()}")
    if orphans:
        say(f"ending {len(orphans)} services that a killed hermodr up left behind")
        processes.end(orphans, signal.SIGTERM, 20.0 + STOP_MARGIN)


@contextmanager
def only_one() -> Iterator[None]:
    """Holds this clone's record of a running `hermodr up`. Raises CannotStart if another one holds it."""
    with state.locked("up"):
        if running := _recorded():
            raise CannotStart(
                f"`up` runs already (process {running.pid}): Ctrl-C it there, or `make down` (deletes what the "
                "servers stored; `make down KEEP=1` keeps it)"
            )
        me = processes.find(os.getpid())
        state.write(RECORD, {"pid": os.getpid(), "started": me.started if me else 0})
    try:
        yield
    finally:
        state.write(RECORD, {})


def check_settings(specs: tuple[ServiceSpec, ...], environment: Mapping[str, str]) -> None:
    """Raises CannotStart with all errors in the settings of all services."""
    command = [sys.executable, "-m", "hermodr_servicekit.settings_check", *(spec.module for spec in specs)]
    variables = dict(environment)
    try:
        for spec in specs:
            variables |= variables_for(spec, environment, specs)
    except ValueError as error:
        raise CannotStart(str(error), CONFIGURATION_ERROR) from error
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise CannotStart(done.stdout.strip() or done.stderr.strip().rpartition("\n")[2], CONFIGURATION_ERROR)


def check_ports(specs: tuple[ServiceSpec, ...], environment: Mapping[str, str]) -> None:
    """Raises CannotStart if a port is taken or no number, naming the variable."""
    try:
        wanted = {
            port_base(environment) + spec.port_offset: (spec.name, "HERMODR_PORT_BASE") for spec in specs
        }
        if SANDBOX in specs:
            port = smtp_port(environment)
            if port in wanted:
                raise CannotStart(f"port {port} is wanted by {wanted[port][0]}, and by {SMTP_PORT}: move one")
            wanted[port] = ("sandbox (SMTP)", SMTP_PORT)
    except ValueError as error:
        raise CannotStart(str(error)) from error
    taken = [
        f"port {port}, wanted by {name}, is taken: set {variable} to move it"
        for port, (name, variable) in wanted.items()
        if not ports.is_free(port)
    ]
    if taken:
        raise CannotStart("\n".join(taken))


def _migrate(database_url: str, operator_project: str | None, roles: str) -> None:
    if why := probe.reason(probe.postgres(database_url)):
        raise CannotStart(f"the database of HERMODR_DATABASE_URL does not let us in: {why}")
    try:
        migrated(database_url, operator_project, roles)
    except OddPrefix as error:
        raise CannotStart(f"HERMODR_DATABASE_ROLES: {error}", CONFIGURATION_ERROR) from error


async def _serve(
    specs: tuple[ServiceSpec, ...],
    environment: Mapping[str, str],
    own: Identities,
    say: Say,
    *,
    observe: bool,
) -> tuple[int, signal.Signals | None]:
    asked_to: list[signal.Signals] = []
    sinks = lines.sinks([spec.name for spec in specs])
    fleet = Fleet(environment, specs=specs, sinks=sinks, identities=own)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _heed, number, asked_to, stop)
    await fleet.start()
    telling = asyncio.create_task(_tell_when_ready(fleet, say))
    try:
        async with _observed(fleet, environment, say) if observe else nullcontext():
            await Watch(fleet, say).run(stop)
        status = 0
    except Misconfigured as error:
        say(f"{error}; stopping everything")
        status = 2
    finally:
        telling.cancel()
        say("stopping …")
        for name, ended in (await fleet.stop()).items():
            if ended == -signal.SIGKILL:
                say(f"{name} was killed: it outlasted the grace period")
            elif ended not in (0, -signal.SIGTERM):  # SIGTERM is ours: it had not come so far as to handle it
                say(f"{name} ended with status {ended}")
    return status, asked_to[0] if asked_to else None


@asynccontextmanager
async def _observed(fleet: Fleet, environment: Mapping[str, str], say: Say) -> AsyncIterator[None]:
    """Without Prometheus the services run all the same."""
    port = port_base(environment) + PORT_OFFSET
    async with AsyncExitStack() as stack:
        try:
            say(f"prometheus: {await stack.enter_async_context(observed(fleet, home(), port, say))}/")
        except (Unavailable, TimeoutError) as error:
            say(f"without Prometheus: {error}")
        yield


def _heed(number: signal.Signals, asked_to: list[signal.Signals], stop: asyncio.Event) -> None:
    asked_to.append(number)
    stop.set()


async def _tell_when_ready(fleet: Fleet, say: Say) -> None:
    """Prints `ready` once every service is; slow ones are named with their reason."""
    waited = 0.0
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            answers = {name: await service.readiness(client) for name, service in fleet.services.items()}
            if not any(answers.values()):
                break
            waited += 0.1
            if waited >= PATIENCE_SECONDS:
                waited = 0.0
                say(
                    "still waiting for " + "; ".join(f"{name}: {why}" for name, why in answers.items() if why)
                )
            await asyncio.sleep(0.1)
    terminal = sys.stdout.isatty()
    for name in ("api", "sandbox"):
        if name in fleet.services and not terminal:
            say(f"{name}: {fleet[name].url}/")
    if not terminal:
        say(f"the console: {fleet.api_url}/console")
    print("ready", flush=True)
    if terminal:
        print(welcome(fleet), flush=True)


def welcome(fleet: Fleet) -> str:
    command = sys.argv[0] if sys.argv[0].endswith("hermodr") else "hermodr"
    steps = [
        f"  inbox          {fleet.sandbox_url}/" if "sandbox" in fleet.services else "",
        f"  API described  {fleet.api_url}/docs",
        f"  a key          {command} keys create --project quickstart",
        f"  the console    {fleet.api_url}/console, with that key",
    ]
    return "\n".join(line for line in steps if line)


def _for_services(environment: Mapping[str, str]) -> dict[str, str]:
    """Our environment, a readable log on a terminal, and the mark."""
    if environment.get("HERMODR_HTTP_PORT"):
        output.announce("HERMODR_HTTP_PORT is for one service run alone; here HERMODR_PORT_BASE counts")
    variables = {**environment, SUPERVISOR: _mark()}
    if sys.stdout.isatty() and not variables.get("HERMODR_LOG_FORMAT"):
        variables["HERMODR_LOG_FORMAT"] = "console"
    return variables


def _mark() -> str:
    return str(state.folder().resolve())


def _recorded() -> processes.Process | None:
    """The recorded `hermodr up`, if it is alive and really that process."""
    record = state.read(RECORD)
    found = processes.find(int(record.get("pid", 0))) if record else None
    return found if found and found.started == record.get("started") else None
