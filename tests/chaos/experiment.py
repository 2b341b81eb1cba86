import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg

from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit
from hermodr_devkit.supervisor import NotReady
from hermodr_ledger import migrate
from tests.chaos import disks, skew
from tests.chaos.attack import attacked
from tests.chaos.breaking import Breaker
from tests.chaos.chores import Chores
from tests.chaos.clockwork import DOMAIN, Clockwork
from tests.chaos.faults import LEASE_SECONDS, Fault
from tests.chaos.hooks import Hooks
from tests.chaos.lags import Lags
from tests.chaos.report import RECOVERY_SECONDS, Felt, Report
from tests.chaos.site import SECRET_KEY, Site, opened
from tests.chaos.workload import Workload
from tests.support import faketime, invariants, servers

END_SECONDS = 420.0
"""Everything has to end within this after the last fault; more than the ladder."""
TELL_SECONDS = 2.0
Say = Callable[[str], None]


def nothing(_: str) -> None: ...


def perform(
    faults: Sequence[Fault],
    *,
    seed: int,
    rate: int,
    logs: Path,
    say: Say,
    progress: Say = nothing,
    attack_seconds: float = 0.0,
) -> Report:
    """Blocking. First another project attacks for `attack_seconds`; then the faults. `say` gets each fault when it
    is over, `progress` a line every few seconds. Logs go to `logs`."""
    kinds = {fault.kind for fault in faults}
    server = disks.private_postgres if "ledger-disk-full" in kinds else servers.private_postgres
    with server() as postgres, servers.private_rabbit() as rabbit:
        migrate.upgrade(postgres.url())
        try:
            return asyncio.run(
                _perform(
                    postgres,
                    rabbit,
                    faults,
                    seed=seed,
                    rate=rate,
                    logs=logs,
                    say=say,
                    progress=progress,
                    attack_seconds=attack_seconds,
                )
            )
        finally:
            for log in (postgres.log, rabbit.log):
                if log.exists():
                    (logs / log.name).write_bytes(log.read_bytes())


async def _perform(
    postgres: EmbeddedPostgres,
    rabbit: EmbeddedRabbit,
    faults: Sequence[Fault],
    *,
    seed: int,
    rate: int,
    logs: Path,
    say: Say,
    progress: Say,
    attack_seconds: float,
) -> Report:
    library = faketime.library() if {fault.kind for fault in faults}.intersection(skew.KINDS) else None
    async with opened(postgres, rabbit, logs, skew.Skew(logs, library) if library else None) as site:
        run = Run(site, seed, rate, say, progress)
        await run.hooks.subscribe()
        await run.workload.prepare()
        await run.clockwork.prepare()
        await run.chores.prepare()
        if attack_seconds:
            await run.bear(attack_seconds)
        await run.befall(faults)
        await run.conclude()
        return run.report


class Run:
    def __init__(self, site: Site, seed: int, rate: int, say: Say, progress: Say) -> None:
        self._site = site
        self._say = say
        self._progress = progress
        self._break = Breaker(site)
        self._present: set[Fault] = set()
        self._crowded: set[Fault] = set()
        self.hooks = Hooks(site.installation)
        self.workload = Workload(site.installation, random.Random(seed), rate)
        self.clockwork = Clockwork(site.installation, random.Random(seed))
        self.chores = Chores(site.installation, random.Random(seed), SECRET_KEY, site.notes)
        site.installation.judged_elsewhere = f"@{DOMAIN}"
        self.report = Report(seed)
        self._lags = Lags()
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()

    async def bear(self, seconds: float) -> None:
        """An attack before anything breaks."""
        self._say(f"another project attacks for {seconds:g} s")
        watching = asyncio.create_task(self._lags.watch())
        try:
            self.report.attack = await attacked(self._site.installation, seconds)
        except Exception as error:  # noqa: BLE001 - told, and the run goes on to its verdict
            self.report.complaints.append(f"attack: {type(error).__name__}: {error}")
        finally:
            watching.cancel()
        if self.report.attack is not None:
            self._say(str(self.report.attack))

    async def befall(self, faults: Sequence[Fault]) -> None:
        """All faults at their time, while producers send. Afterwards every request has an answer."""
        stop = asyncio.Event()
        self._started = self._loop.time()
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(each.run(stop)) for each in (self.workload, self.clockwork, self.chores)
            ]
            watching = [group.create_task(self._lags.watch()), group.create_task(self._tell(faults))]
            try:
                async with asyncio.TaskGroup() as befalling:
                    for fault in faults:
                        await asyncio.sleep(max(0.0, self._started + fault.at - self._loop.time()))
                        befalling.create_task(self._befall(fault))
            finally:
                stop.set()
            await asyncio.wait(asking)
            for task in watching:
                task.cancel()
        self.report.seconds = self._loop.time() - self._started

    async def _tell(self, faults: Sequence[Fault]) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            at = self._loop.time() - self._started
            present = ", ".join(f"{each.kind} {each.target}" for each in self._present) or "none"
            asked, over = len(self._site.installation.asked), len(self.report.felt)
            self._progress(
                f"{at:7.1f} s  {asked:,} mails asked for, {over} of {len(faults)} faults over, present: {present}"
            )

    async def _befall(self, fault: Fault) -> None:
        began = self._loop.time()
        self._present.add(fault)
        if len(self._present) > 1:
            self._crowded |= self._present
        try:
            await self._break(fault)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the run goes on to its verdict
            self.report.complaints.append(f"{fault}: {type(error).__name__}: {error}")
            self._say(f"{fault} could not be done: {type(error).__name__}: {error}")
            return
        finally:
            lasted = self._loop.time() - began
        recovered = await self.workload.recovered(RECOVERY_SECONDS)
        self._present.discard(fault)
        alone = fault not in self._crowded
        felt = Felt(fault, began - self._started, lasted, recovered, alone)
        self.report.felt.append(felt)
        self._say(str(felt))

    async def conclude(self) -> None:
        """Waits for the end of every job, and a lease longer, for late duplicates; then judges."""
        installation = self._site.installation
        peace = self._loop.time()
        tasks, notifications = self.chores.requested
        self._say(
            f"{len(installation.asked)} mails, {tasks} tasks, {notifications} notifications asked for; waiting for the"
            " end of all"
        )
        try:
            await self._site.mend()
            await installation.sound(END_SECONDS)
            self.report.drained = self._loop.time() - peace
            await asyncio.sleep(LEASE_SECONDS + 1)
            await installation.sound(END_SECONDS)
            self.report.complaints += await self.clockwork.conclude(END_SECONDS)
            self.report.complaints += await self.chores.conclude(END_SECONDS)
            await self.hooks.all_ended(END_SECONDS)
        except (AssertionError, NotReady) as error:
            self._say(str(error))
            if not isinstance(error, AssertionError):
                self.report.complaints.append(str(error))
        self.report.late = {"the harness": self._lags.late()}
        if self._site.switchboard is not None:
            self.report.late["the wires"] = await self._site.switchboard.late()
        self.report.facts = await installation.facts()
        self.report.unknown = await _unknown(self._site.postgres.url())
        self.report.complaints += [*self._break.complaints, *await self.hooks.complaints()]
        for service in installation.fleet.services.values():
            if not service.running:
                self.report.complaints.append(f"{service.name} ended by itself, status {service.returncode}")
        if left := invariants.unfinished(self.report.facts):
            self._say("\n".join(left[:20]))


async def _unknown(url: str) -> Counter[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT coalesce(code, '') || ' ' || coalesce(detail, '') AS what, count(*) AS n FROM hermodr.attempts"
            " WHERE outcome = 'unknown' GROUP BY 1 ORDER BY 2 DESC LIMIT 12"
        )
    finally:
        await connection.close()
    return Counter({row["what"].strip() or "no reason given": row["n"] for row in rows})
