import asyncio
import signal
import time
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from aio_pika.exceptions import AMQPError
from rich.text import Text

from hermodr_cli import state
from hermodr_devkit import backing
from hermodr_devkit.backing import Backing
from hermodr_devkit.demo import observe, report
from hermodr_devkit.demo.client import Api, Refused, Sandbox
from hermodr_devkit.demo.clockwork import CLOCKWORK, Clockwork
from hermodr_devkit.demo.desk import DESK, Desk
from hermodr_devkit.demo.facts import RunFacts
from hermodr_devkit.demo.hooks import HOOKS, Endpoints
from hermodr_devkit.demo.judge import Verdict, judge
from hermodr_devkit.demo.scenario import Scenario, scenario
from hermodr_devkit.demo.sending import Asker
from hermodr_devkit.demo.show import Screen
from hermodr_devkit.demo.stage import Stage, stage
from hermodr_devkit.supervisor import Fleet, NotReady
from hermodr_devkit.supervisor.watch import describe
from hermodr_ledger.engine import LedgerUnavailable

PATIENCE_SECONDS = 30.0
INTERRUPTED = 130
T = TypeVar("T")


class ServiceEnded(Exception):
    """A service ended by itself; the text says which, and its last lines."""


TOLD = (
    Refused,
    NotReady,
    ServiceEnded,
    LedgerUnavailable,
    asyncpg.PostgresError,
    httpx.HTTPError,
    AMQPError,
    OSError,
)
"""Failures of services and servers, told in words. Anything else is a defect and shows its stack."""


def run(screen: Screen, *, ci: bool, picture: Path | None = None) -> int:
    """The exit status: 0 if every expectation held, 1 if not, 130 if interrupted before. Without `ci` everything
    keeps running until a signal."""
    started = time.monotonic()
    with screen.step("PostgreSQL and RabbitMQ"):
        servers = backing.ensure(screen.note)
    status = asyncio.run(_main(screen, Play(screen, servers, started, ci, picture)))
    if servers.own:
        screen.note(backing.KEPT)
    return status


class Play:
    def __init__(
        self, screen: Screen, servers: Backing, started: float, ci: bool, picture: Path | None
    ) -> None:
        self._screen = screen
        self._servers = servers
        self._started = started
        self._ci = ci
        self._picture = picture

    async def perform(self) -> int:
        """The exit status."""
        async with stage(self._servers, self._screen) as ready:
            async with (
                Api(ready.fleet.api_url, ready.key) as api,
                Sandbox(ready.fleet.sandbox_url) as sandbox,
            ):
                verdict = await unless_a_service_ends(ready.fleet, self._play(ready, api, sandbox))
            if not self._ci:
                await self._let_people_look(ready.fleet)
        return 1 if verdict.wrong else 0

    async def _play(self, ready: Stage, api: Api, sandbox: Sandbox) -> Verdict:
        plot = scenario(ready.name.rpartition("_")[2])
        asker, endpoints = Asker(api, sandbox, plot), Endpoints(api, sandbox)
        with self._screen.step("Templates, recipients and webhook endpoints, through the API"):
            await asker.prepare()
            await endpoints.prepare()
        async with Api(api.url, ready.key) as unhurried:  # not in line behind the requests that are sent
            facts = await self._send(plot, asker, unhurried, sandbox)
        with self._screen.step("Webhooks"):
            facts = replace(facts, hooks=await endpoints.gather())
        with self._screen.step("Digests, an auto-sync, a cap and a schedule; a user's task and inbox"):
            async with asyncio.TaskGroup() as group:
                clockwork = group.create_task(Clockwork(api, sandbox).perform())
                desk = group.create_task(Desk(api, ready.user, self._screen.note).perform())
            facts = replace(facts, clockwork=clockwork.result(), desk=desk.result())
        verdict = judge((*plot.kinds, *HOOKS, *CLOCKWORK, *DESK), facts)
        self._report(ready, facts, verdict, await api.console())
        return verdict

    async def _send(self, plot: Scenario, asker: Asker, api: Api, sandbox: Sandbox) -> RunFacts:
        watcher = observe.Watcher(api, sandbox, asker.asked, sum(kind.jobs for kind in plot.kinds))
        requests = sum(kind.requests for kind in plot.kinds)
        with self._screen.step(f"{requests} notifications"):
            begun = time.monotonic()
            with self._screen.progress() as tell:
                async with asyncio.TaskGroup() as group:
                    group.create_task(asker.ask())
                    group.create_task(watcher.follow(tell, PATIENCE_SECONDS))
            seconds = time.monotonic() - begun
        with self._screen.step("Compared with what the API and the mail server say"):
            return await observe.gather(api, sandbox, asker.asked, plot.kinds, seconds)

    def _report(self, ready: Stage, facts: RunFacts, verdict: Verdict, console: str) -> None:
        show = self._screen.show
        show(report.table(verdict))
        show(report.totals(facts, verdict))
        show()
        show(report.story(facts.sample))
        show()
        if not self._ci or self._picture:
            once = "The console, by a link that works once, within five minutes; later with the key below:"
            show(Text(f"{once}\n{console}"), whole_lines=True)
            show()
            show(report.addresses(_addresses(ready)))
            show()
            show(Text("One of your own (it appears in the inbox):"))
            show(report.own(ready.fleet.api_url, ready.key), whole_lines=True)
            show()
        self._screen.note(f"all in all {time.monotonic() - self._started:.1f} s")
        if self._picture:
            self._screen.picture(self._picture, hide=ready.key)

    async def _let_people_look(self, fleet: Fleet) -> None:
        self._screen.show(Text("Everything keeps running. Ctrl-C ends it.", style="bold"))
        try:
            await unless_a_service_ends(fleet, asyncio.Event().wait())
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            self._screen.note("stopping …")


async def unless_a_service_ends(fleet: Fleet, work: Coroutine[Any, Any, T]) -> T:
    """Raises ServiceEnded, and cancels `work`, when a service ends before it."""
    working = asyncio.create_task(work)
    ends = {name: asyncio.create_task(service.wait()) for name, service in fleet.services.items()}
    try:
        await asyncio.wait([working, *ends.values()], return_when=asyncio.FIRST_COMPLETED)
        for name in [name for name, task in ends.items() if task.done()]:
            raise ServiceEnded(
                f"{name} {describe(ends[name].result())}; its last lines:\n{fleet.log_tail(name)}"
            )
        return working.result()
    finally:
        for task in (working, *ends.values()):
            task.cancel()
        await asyncio.gather(working, *ends.values(), return_exceptions=True)


async def _main(screen: Screen, play: Play) -> int:
    """The first signal ends the play; later ones do not disturb the clean-up."""
    playing = asyncio.create_task(play.perform())
    loop = asyncio.get_running_loop()
    asked: list[int] = []

    def end(number: int) -> None:
        if asked:
            screen.note("cleaning up, one moment …")
        else:
            playing.cancel()
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
    try:
        return await playing
    except asyncio.CancelledError:
        screen.show(Text("Interrupted; what the demo made is removed."))
        return INTERRUPTED
    except Exception as error:
        causes = list(_causes(error))
        if not all(isinstance(cause, TOLD) for cause in causes):
            raise
        for cause in causes:
            screen.show(
                Text.assemble(("✗ ", "bold red"), str(cause) or type(cause).__name__), whole_lines=True
            )
        return 1


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    else:
        yield error


def _addresses(ready: Stage) -> dict[str, str]:
    fleet = ready.fleet
    found = {
        "the inbox": f"{fleet.sandbox_url}/",
        "the phones": f"{fleet.sandbox_url}/texts",
        "webhooks": f"{fleet.sandbox_url}/webhooks",
        "the API, described": f"{fleet.api_url}/docs",
        "health": f"{fleet.api_url}/health",
    }
    if ready.backing.management_url:
        found["RabbitMQ's console"] = f"{ready.backing.management_url}#/queues"
        if ready.backing.own:
            record = _near(state.folder() / "backing.json")
            found[""] = f"(user {backing.CONSOLE_USER}; its password: {record})"
    return found | {
        f"metrics of {name}": f"{service.url}/metrics" for name, service in fleet.services.items()
    }


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
