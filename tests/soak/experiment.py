import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit
from hermodr_ledger import migrate
from tests.benchmarks.mailbox import Mailbox, mailbox
from tests.chaos.breaking import Breaker
from tests.chaos.faults import Fault
from tests.chaos.site import LADDER, Site
from tests.soak.gauges import Gauges
from tests.soak.slopes import Kind, Series
from tests.soak.wear import SPECS, STEADY, wear
from tests.support import servers
from tests.support.installation import Installation, installed
from tests.support.invariants import Answer
from tests.support.load import WAVE, Load

SETTINGS = {
    "HERMODR_RETRY_LADDER": LADDER,
    "HERMODR_SEND_SECONDS": "8",
    "HERMODR_LEASE_SECONDS": "20",
    "HERMODR_LOG_LEVEL": "warning",
}
OPEN = "SELECT count(*) FROM hermodr.jobs WHERE finished_at IS NULL"
END_SECONDS = 180.0
RETRY_SECONDS = 2.0
"""The api's `Retry-After`."""
MOST_OPEN = 200
"""Producers wait beyond so many open requests."""
TRIAL_MAILS = 5000
SHARE = 0.5
"""Of the machine's capacity, if no load is named."""


@dataclass
class Soak:
    """`unknown`: attempts with an unknown outcome, which justify a second mail."""

    rate: float
    seconds: float = 0.0
    left_out: int = 0
    """Mails not requested, because too many requests were open."""
    accepted: int = 0
    uncertain: int = 0
    arrived: int = 0
    lost: int = 0
    again: int = 0
    doubled: int = 0
    unknown: int = 0
    stuck: int = 0
    drained: float = 0.0
    faults: list[tuple[float, str]] = field(default_factory=list)
    series: dict[tuple[Kind, str], Series] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    """Faults the harness could not bring about."""

    def note(self, at: float, found: dict[tuple[Kind, str], float]) -> None:
        for key, value in found.items():
            self.series.setdefault(key, Series(*key)).points.append((round(at, 1), value))

    def latest(self, kind: Kind, of: str) -> float:
        found = self.series.get((kind, of))
        return found.points[-1][1] if found and found.points else 0.0

    @property
    def sound(self) -> bool:
        """Nothing lost, doubled without a reason or stuck."""
        return not (self.lost or self.doubled or self.stuck or self.complaints)


Seen = Callable[[Soak], None]


def perform(*, minutes: float, rate: float | None, every: float, logs: Path, seen: Seen) -> Soak:
    """Blocking. `seen` is called after every measurement. `rate` None: half of the capacity. Servers of its own,
    two of every service that works in the background, a mail server that only counts."""
    with servers.private_postgres() as postgres, servers.private_rabbit() as rabbit:
        migrate.upgrade(postgres.url())
        return asyncio.run(_perform(postgres, rabbit, minutes, rate, every, logs, seen))


async def _perform(
    postgres: EmbeddedPostgres,
    rabbit: EmbeddedRabbit,
    minutes: float,
    rate: float | None,
    every: float,
    logs: Path,
    seen: Seen,
) -> Soak:
    async with mailbox() as letters:
        place = installed(
            logs,
            database_url=postgres.url(),
            amqp_url=rabbit.url,
            management_url=rabbit.management_url,
            specs=SPECS,
            HERMODR_EMAIL_PROVIDERS=f"smtp://127.0.0.1:{letters.smtp_port}",
            wiring=None,
            **SETTINGS,
        )
        async with place as installation:
            if rate is None:
                rate = await capacity(installation) * SHARE
            run = Run(Site(postgres, rabbit, installation), letters, Soak(rate), seen)
            await run.work(minutes * 60, every)
            await run.count()
            return run.soak


class Run:
    def __init__(self, site: Site, letters: Mailbox, soak: Soak, seen: Seen) -> None:
        self.soak = soak
        self._site = site
        self._letters = letters
        self._seen = seen
        self._break = Breaker(site)
        self._gauges = Gauges(site.installation.fleet, site.postgres, site.rabbit, STEADY)
        self._load = Load(site.installation, "soak", retry_seconds=RETRY_SECONDS)
        self._started = time.monotonic()

    async def work(self, seconds: float, every: float) -> None:
        """Returns when the last request has its answer."""
        self._started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(every))
            wearing = group.create_task(self._wear(seconds))
            await self._ask(seconds)
            await wearing
            watching.cancel()
        self.soak.seconds = self._now()

    async def _ask(self, seconds: float) -> None:
        """Waves at the rate; while too many requests are open, a wave is left out and counted."""
        pause = WAVE / self.soak.rate
        async with asyncio.TaskGroup() as group:
            for number in range(round(seconds / pause)):
                await asyncio.sleep(max(0.0, number * pause - self._now()))
                if self._load.open < MOST_OPEN:
                    group.create_task(self._load.wave(number))
                else:
                    self.soak.left_out += WAVE

    async def count(self) -> None:
        """Waits for the end of every job, then counts."""
        installation, soak = self._site.installation, self.soak
        began = time.monotonic()
        deadline = began + END_SECONDS  # what has not ended by then is counted as stuck
        while await self._value(OPEN) and time.monotonic() < deadline:
            await asyncio.sleep(1)
        soak.drained = time.monotonic() - began
        arrivals, repeated = await self._letters.arrivals(), await self._letters.repeated()
        answers = Counter(each.answer for each in installation.asked)
        soak.accepted, soak.uncertain = answers[Answer.ACCEPTED], answers[Answer.UNCERTAIN]
        soak.complaints += [f"{answers[Answer.REFUSED]} requests were refused"] * (
            answers[Answer.REFUSED] > 0
        )
        soak.arrived = len(arrivals)
        soak.lost = sum(
            each.address not in arrivals for each in installation.asked if each.answer is Answer.ACCEPTED
        )
        soak.stuck = await self._value(OPEN)
        unknown = await self._unknown()
        soak.unknown = sum(unknown.values())
        soak.again = sum(repeated.values())
        soak.doubled = sum(max(0, count - unknown[to]) for to, count in repeated.items())
        soak.complaints += self._break.complaints
        for service in installation.fleet.services.values():
            if not service.running:
                soak.complaints.append(f"{service.name} ended by itself, status {service.returncode}")

    async def _watch(self, every: float) -> None:
        while True:
            mails = sum(each.answer is Answer.ACCEPTED for each in self._site.installation.asked)
            self.soak.accepted = mails
            at = self._now()
            self.soak.note(at, await self._gauges.look(mails))
            self._seen(self.soak)
            await asyncio.sleep(every - self._now() % every)

    async def _wear(self, seconds: float) -> None:
        for fault in wear(seconds):
            await asyncio.sleep(max(0.0, fault.at - self._now()))
            await self._befall(fault)

    async def _befall(self, fault: Fault) -> None:
        self.soak.faults.append((self._now(), f"{fault.kind} {fault.target}"))
        try:
            await self._break(fault)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the run goes on
            self.soak.undone.append(f"{fault}: {type(error).__name__}: {error}")

    def _now(self) -> float:
        return time.monotonic() - self._started

    async def _unknown(self) -> Counter[str]:
        connection = await asyncpg.connect(self._site.postgres.url())
        try:
            rows = await connection.fetch(
                "SELECT d.address, count(*) AS n FROM hermodr.attempts a JOIN hermodr.deliveries d"
                " ON d.id = a.delivery_id WHERE a.outcome = 'unknown' GROUP BY 1"
            )
        finally:
            await connection.close()
        return Counter({row["address"]: row["n"] for row in rows})

    async def _value(self, sql: str) -> int:
        return await _value(self._site.postgres.url(), sql)


async def capacity(installation: Installation) -> float:
    """Mails a second from end to end, by a trial."""
    trial = Load(installation, "trial", retry_seconds=RETRY_SECONDS)
    started = time.monotonic()
    await trial.run(TRIAL_MAILS, TRIAL_MAILS)
    while await _value(installation.database_url, OPEN):
        await asyncio.sleep(0.1)
    return TRIAL_MAILS / (time.monotonic() - started)


async def _value(url: str, sql: str) -> int:
    connection = await asyncpg.connect(url, timeout=10, command_timeout=60)
    try:
        return int(await connection.fetchval(sql))
    finally:
        await connection.close()
