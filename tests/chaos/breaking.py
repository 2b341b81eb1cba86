import asyncio
import contextlib
import os
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable

import asyncpg

from hermodr_devkit import processes
from hermodr_devkit.backing import EmbeddedPostgres
from tests.chaos import disks, locks, queues
from tests.chaos.faults import ROLES, SERVICES, Fault
from tests.chaos.providers import RULES
from tests.chaos.site import Site
from tests.chaos.skew import NOTICED_SECONDS, STEP_SECONDS
from tests.support import servers
from tests.support.waiting import wait_until

START_SECONDS = 90.0
NO_MEMORY = ("set_vm_memory_high_watermark", "0.00001")
MEMORY = ("set_vm_memory_high_watermark", "absolute", "1GB")
NO_DISK = ("set_disk_free_limit", "100000GB")
DISK = ("set_disk_free_limit", "200MB")
BYTES_PER_SECOND = 4000.0
PIECE_SECONDS = 0.05
SPARE_JOURNALS = 200
"""More files than PostgreSQL keeps in stock."""


class Breaker:
    """Applies faults to a site; faults of the same part one after the other."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._fleet = site.installation.fleet
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.complaints: list[str] = []
        """What no service should have done, in words."""

    async def __call__(self, fault: Fault) -> None:
        """Returns when the cause of the fault is gone. Raises if a service does not start again."""
        if fault.kind == "rolling-restart":
            return await self._rolling_restart(fault)
        acts: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "kill": self._kill,
            "freeze": self._freeze,
            "broker-kill": self._broker_kill,
            "broker-alarm": self._broker_alarm,
            "ledger-restart": self._ledger_restart,
            "ledger-terminate": self._ledger_terminate,
            "ledger-disk-full": self._ledger_disk_full,
            "ledger-transaction-open": self._leave_open,
            "ledger-dumped": self._dump,
            "ledger-rows-locked": self._hold_rows,
            "clock-ahead": self._clock,
            "clock-behind": self._clock,
            "messages-repeated": self._repeat,
            "messages-poisoned": self._poison,
            "queues-purged": self._purge,
            "queues-deleted": self._delete,
            "vhost-wiped": self._wipe,
        }
        family = fault.kind.partition("-")[0]
        act = acts.get(fault.kind) or {"wire": self._wire}.get(family, self._provider)
        async with self._busy[self._part(fault)]:
            await act(fault)
        return None

    @staticmethod
    def _part(fault: Fault) -> str:
        family = fault.kind.partition("-")[0]
        return {
            "queues": "broker",
            "vhost": "broker",
            "broker": "broker",
            "messages": "broker",
            "ledger": "ledger",
        }.get(
            family,
            fault.target
            if family not in ("provider", "cut", "resend", "twilio", "whatsapp", "endpoint")
            else fault.kind,
        )

    async def _kill(self, fault: Fault) -> None:
        await self._fleet[fault.target].kill()
        await asyncio.sleep(fault.seconds)
        await self._fleet.restart(fault.target, seconds=START_SECONDS)

    async def _freeze(self, fault: Fault) -> None:
        service = self._fleet[fault.target]
        service.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            service.signal(signal.SIGCONT)
        await self._fleet.wait_ready(fault.target, seconds=START_SECONDS)

    async def _rolling_restart(self, fault: Fault) -> None:
        assert fault.target in ROLES
        for name in SERVICES:
            if name.startswith(fault.target):
                async with self._busy[name]:
                    status = await self._fleet[name].stop(self._fleet.grace + 5)
                    if status != 0:
                        self.complaints.append(f"{name} ended with status {status} when asked to end")
                    await self._fleet.restart(name, seconds=START_SECONDS)

    async def _broker_kill(self, fault: Fault) -> None:
        rabbit = self._site.rabbit
        await wait_until(rabbit.settled, 60, "the broker's queues on disk", interval=0.2)
        await asyncio.to_thread(rabbit.kill)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(rabbit.start)

    async def _broker_alarm(self, fault: Fault) -> None:
        begin, end = (NO_MEMORY, MEMORY) if fault.target == "memory" else (NO_DISK, DISK)
        await asyncio.to_thread(servers.control, self._site.rabbit, *begin)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            await asyncio.to_thread(servers.control, self._site.rabbit, *end)

    async def _ledger_restart(self, fault: Fault) -> None:
        server = self._site.postgres
        end = {"fast": EmbeddedPostgres.stop, "immediate": _end_immediately, "kill": EmbeddedPostgres.kill}
        await asyncio.to_thread(end[fault.target], server)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(server.start)

    async def _ledger_terminate(self, fault: Fault) -> None:
        connection = await asyncpg.connect(self._site.postgres.url())
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()

    async def _ledger_disk_full(self, fault: Fault) -> None:
        """With `journal`, a new file for the journal is needed at once, which PostgreSQL does not survive; it is
        started again."""
        server = self._site.postgres
        await asyncio.to_thread(disks.fill, server.home)
        try:
            if fault.target == "journal":
                await self._want_a_new_journal()
            await asyncio.sleep(fault.seconds)
        finally:
            await asyncio.to_thread(disks.free, server.home)
        await asyncio.to_thread(server.start)

    async def _want_a_new_journal(self) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(self._site.postgres.url(), timeout=5, command_timeout=5)
            try:
                for _ in range(SPARE_JOURNALS):
                    await connection.execute("SELECT pg_switch_wal()")
                    await connection.execute(
                        "SELECT pg_logical_emit_message(true, 'chaos', 'a line for the journal')"
                    )
            finally:
                connection.terminate()

    async def _leave_open(self, fault: Fault) -> None:
        await locks.stay_open(self._site.postgres.url(), fault.seconds)

    async def _dump(self, fault: Fault) -> None:
        await locks.dump(self._site.postgres.url(), fault.seconds)

    async def _hold_rows(self, fault: Fault) -> None:
        await locks.hold_rows(self._site.postgres.url(), fault.target, fault.seconds)

    async def _clock(self, fault: Fault) -> None:
        """Forwards and back: one of the two is a step backwards."""
        skew = self._site.skew
        if skew is None:
            raise RuntimeError("the services of this run have clocks that cannot be set")
        skew.step(fault.target, STEP_SECONDS if fault.kind == "clock-ahead" else -STEP_SECONDS)
        await asyncio.sleep(NOTICED_SECONDS + fault.seconds)
        skew.step(fault.target, 0)
        await asyncio.sleep(NOTICED_SECONDS)

    async def _wire(self, fault: Fault) -> None:
        wire = self._site.wires[fault.target]
        if fault.kind == "wire-cut":
            await wire.block()
        elif fault.kind == "wire-delayed":
            await wire.slow(delay=PIECE_SECONDS)
        elif fault.kind == "wire-throttled":
            await wire.slow(rate=BYTES_PER_SECOND)
        elif fault.kind == "wire-muted":
            await wire.mute()
        else:
            await wire.hold()
        await asyncio.sleep(fault.seconds)
        if fault.kind in ("wire-half-open", "wire-muted"):
            await wire.cut()  # nothing of what was held up ever arrives
        await wire.mend()

    async def _provider(self, fault: Fault) -> None:
        await self._site.installation.fault(**RULES[fault.kind], expires_in=fault.seconds, note=fault.kind)
        await asyncio.sleep(fault.seconds)

    async def _repeat(self, fault: Fault) -> None:
        await queues.repeat(self._site.installation, fault.seconds)

    async def _poison(self, fault: Fault) -> None:
        await queues.poison(self._site.installation)

    async def _purge(self, fault: Fault) -> None:
        await queues.empty(self._site.rabbit, self._site.installation, delete=False)

    async def _delete(self, fault: Fault) -> None:
        await queues.empty(self._site.rabbit, self._site.installation, delete=True)

    async def _wipe(self, fault: Fault) -> None:
        await queues.wipe(self._site.rabbit, fault.seconds)


def _end_immediately(server: EmbeddedPostgres) -> None:
    postmaster = server.process()
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGQUIT)
    processes.wait_gone([postmaster], 30)
