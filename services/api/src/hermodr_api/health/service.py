"""Health of the whole installation, as far as one API process can see it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from uuid import UUID

from hermodr_api.health.counts import Counts
from hermodr_api.health.wrong import Wrong
from hermodr_ledger.dead_letters import burying
from hermodr_ledger.deliveries import mailboxes, pauses, provider_limits
from hermodr_ledger.deliveries.provider_limits import ProviderLimits
from hermodr_ledger.engine import Ledger, LedgerUnavailable, OutageCause, ReadOnly, heartbeats, setting_aside
from hermodr_ledger.jobs import reading
from hermodr_ledger.tasks import types
from hermodr_ledger.upkeep.lifeline import WriteCheck
from hermodr_ledger.webhooks import endpoints
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.outages import BrokerUnavailable

_LOOKING_SECONDS = 2.0
_COUNTING_SECONDS = 1.0
_BROKER_REMEMBERED_SECONDS = 2.0
REMEMBERED_SECONDS = 0.5
"""The whole report is cached this long, because it can be requested without a key."""

_READ_ONLY = Wrong(
    "read_only", "the database is read-only (a standby after a fail-over?); nothing can be accepted"
)
_WARNINGS: Mapping[OutageCause, Wrong] = {
    "database": Wrong("database", "the database cannot be reached"),
    "lock": Wrong(
        "lock", "the database cannot be written to: a transaction that is not committed is in the way"
    ),
    "overload": Wrong("overload", "no connection to the database is free"),
}

Status = Literal["healthy", "degraded", "unhealthy"]


@dataclass(frozen=True, slots=True)
class Health:
    """`unhealthy`: nothing can be accepted. `degraded`: accepted, but something that delivers is missing. `wrong`: the
    report's warnings, each with its code."""

    status: Status
    report: Mapping[str, Any]
    wrong: Sequence[Wrong] = ()


class HealthCheck:
    def __init__(
        self, ledger: Ledger, writing: WriteCheck, broker: Broker, clock: Clock, counts: Counts
    ) -> None:
        self._ledger = ledger
        self._writing = writing
        self._broker = broker
        self._clock = clock
        self._counts = counts
        self._turn = asyncio.Lock()
        self._whole: tuple[float, Health] | None = None
        self._sizes: tuple[float, dict[str, tuple[int, int]] | None] | None = None

    async def whole(self) -> Health:
        """`GET /health`. Concurrent requests share one check."""
        async with self._turn:
            known = self._whole
            if known is None or self._clock.monotonic() - known[0] >= REMEMBERED_SECONDS:
                found = await self._look()
                known = self._whole = (self._clock.monotonic(), found)
            return known[1]

    async def _look(self) -> Health:
        database, (connected, sizes) = await asyncio.gather(self._database(), self._queues())
        warnings = [*database.pop("warnings"), *_queue_warnings(connected, sizes)]
        services, providers = database.pop("services"), database.pop("providers")
        breakers = database.pop("breakers")
        if services is None:
            services = {}
        elif database["reachable"]:
            alive = {name for name, each in services.items() if each["instances"]}
            warnings += [
                Wrong("missing", f"no live instance of {name}")
                for name in self._broker.topology.services
                if name not in alive
            ]
        counts = {
            "waiting": _waiting(sizes),
            "active": database.pop("active"),
            "failed": database.pop("failed"),
        }
        healthy: Status = "degraded" if warnings else "healthy"
        status: Status = healthy if database["writable"] else "unhealthy"
        report = {
            "status": status,
            "database": database,
            "broker": {"connected": connected, "queues": counts},
            "circuit_breakers": breakers,
            "providers": providers,
            "services": services,
            "warnings": [each.says for each in warnings],
        }
        return Health(status, report, warnings)

    async def broker(self) -> Health:
        connected, sizes = await self._queues()
        warnings = _queue_warnings(connected, sizes)
        status: Status = "unhealthy" if not connected else "degraded" if warnings else "healthy"
        queues = {
            label: {"ready": ready, "consumers": consumers} for label, (ready, consumers) in sizes.items()
        }
        told = [each.says for each in warnings]
        report = {"status": status, "connected": connected, "queues": queues, "warnings": told}
        return Health(status, report, warnings)

    async def database_writes(self) -> bool:
        return await self._writing.failure() is None

    async def _database(self) -> dict[str, Any]:
        seen: dict[str, Any] = {
            "active": None,
            "failed": None,
            "services": {},
            "providers": {},
            "breakers": {},
        }
        failure = await self._writing.failure()
        if failure is not None and failure.cause == "database" and not isinstance(failure, ReadOnly):
            return seen | _away(failure)
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(_LOOKING_SECONDS):
                await self._ledger.fetch("SELECT 1")
        except (LedgerUnavailable, TimeoutError) as error:
            return seen | _away(failure or error)
        latency = self._clock.monotonic() - started
        warnings = [] if failure is None else [_refusing(failure)]
        try:
            async with asyncio.timeout(_LOOKING_SECONDS):
                warnings += await self._deliverers(seen)
        except (LedgerUnavailable, TimeoutError) as error:
            seen["services"] = None
            cause = error.cause if isinstance(error, LedgerUnavailable) else "no answer in time"
            warnings.append(Wrong("unseen", f"what delivers could not be looked at ({cause})"))
        sending, dead, deaf = await asyncio.gather(
            self._counted("under way", partial(reading.under_way, self._ledger.cold)),
            self._counted("dead letters", partial(burying.count, self._ledger.cold)),
            self._counted("endpoints", partial(endpoints.disabled_of_itself, self._ledger.cold)),
        )
        warnings += [*_buried(dead), *_deaf(deaf)]
        found = {
            "reachable": True,
            "writable": failure is None,
            "latency_ms": round(latency * 1000, 2),
            "warnings": warnings,
        }
        if failure is not None:
            found["error"] = str(failure)
        return seen | found | {"active": sending, "failed": dead}

    async def _deliverers(self, seen: dict[str, Any]) -> list[Wrong]:
        """Adds services and providers to `seen` and returns warnings."""
        for each in await heartbeats.alive(self._ledger):
            seen["services"][each.service] = {
                "instances": each.instances,
                "last_heartbeat": each.last_heartbeat,
            }
        stopped = await pauses.paused(self._ledger)
        tasks = sum((await types.unserved(self._ledger)).values())
        limits = await provider_limits.known(self._ledger)
        aside = await setting_aside.all_aside(self._ledger)
        seen["providers"] = {f"{each.channel}:{each.provider}": _provider(each) for each in limits}
        seen["breakers"] = {f"{each.channel}:{each.provider}": each.breaker for each in limits}
        warnings = [
            Wrong(
                "paused",
                f"channel {each.channel} is paused since {each.paused_at:%Y-%m-%dT%H:%M:%SZ}: nothing is sent",
            )
            for each in stopped
        ]
        warnings += [_resting(each) for each in limits if each.rests_until is not None]
        warnings += [_broken(each) for each in limits if each.breaker == "open"]
        warnings += [Wrong("aside", f"scheduler, {each}") for each in aside]
        warnings += [_unread(each) for each in await mailboxes.failing(self._ledger)]
        return [*warnings, *_unserved(tasks)]

    async def of_project(self, project_id: UUID) -> Sequence[Wrong]:
        """What is wrong in the project itself, as far as it could be counted in time."""
        ledger = self._ledger.cold

        async def waiting() -> int:
            return sum((await types.unserved(ledger, project_id)).values())

        dead, deaf, tasks = await asyncio.gather(
            self._counted(("dead letters", project_id), partial(burying.count, ledger, project_id)),
            self._counted(
                ("endpoints", project_id), partial(endpoints.disabled_of_itself, ledger, project_id)
            ),
            self._counted(("tasks", project_id), waiting),
        )
        return [*_buried(dead), *_deaf(deaf), *_unserved(tasks)]

    async def _counted(self, name: Hashable, count: Callable[[], Awaitable[int]]) -> int | None:
        """`None` if counting takes too long: that is unknown, not unhealthy."""
        try:
            async with asyncio.timeout(_COUNTING_SECONDS):
                return await self._counts.of(name, count)
        except (LedgerUnavailable, TimeoutError):
            return None

    async def queue_sizes(self) -> Mapping[str, tuple[int, int]] | None:
        """Ready messages and consumers by queue, at most two seconds old; `None` if the broker is away."""
        connected, sizes = await self._queues()
        return sizes if connected else None

    async def _queues(self) -> tuple[bool, dict[str, tuple[int, int]]]:
        if not self._broker.connected:
            return False, {}
        known, now = self._sizes, self._clock.monotonic()
        if known is None or now - known[0] > _BROKER_REMEMBERED_SECONDS:
            try:
                async with asyncio.timeout(_LOOKING_SECONDS):
                    known = (now, await self._broker.queue_sizes())
            except (BrokerUnavailable, TimeoutError):
                known = (now, None)
            self._sizes = known
        return (True, known[1]) if known[1] is not None else (False, {})


def _away(error: Exception) -> dict[str, Any]:
    """The report without an answer of the database; it may still be reachable, but locked or overloaded."""
    if isinstance(error, LedgerUnavailable):
        reason, warning = str(error), _refusing(error)
        reachable = error.cause != "database" or isinstance(error, ReadOnly)
    else:
        reason, warning, reachable = "no answer in time", _WARNINGS["database"], False
    return {
        "reachable": reachable,
        "writable": False,
        "error": reason,
        "services": None,
        "warnings": [warning],
    }


def _refusing(error: LedgerUnavailable) -> Wrong:
    return _READ_ONLY if isinstance(error, ReadOnly) else _WARNINGS[error.cause]


def _provider(limits: ProviderLimits) -> dict[str, Any]:
    return {
        "calls_at_once": limits.calls,
        "calls_at_once_configured": limits.calls_configured,
        "calls_per_second": None if limits.rate is None else round(limits.rate, 2),
        "rests_until": limits.rests_until,
        "cause": limits.cause,
        "code": limits.code,
    }


def _resting(limits: ProviderLimits) -> Wrong:
    return Wrong(
        "resting",
        f"provider {limits.channel}:{limits.provider} takes nothing from us ({limits.cause}: {limits.code});"
        f" it is asked again at {limits.rests_until:%Y-%m-%dT%H:%M:%SZ}, and mails wait",
    )


def _broken(limits: ProviderLimits) -> Wrong:
    return Wrong(
        "broken",
        f"provider {limits.channel}:{limits.provider} does not work (its circuit breaker is open, last error:"
        f" {limits.failed_code}); nothing is sent by it",
    )


def _buried(dead: int | None) -> list[Wrong]:
    return [Wrong("dead_letters", f"{dead} dead letters")] if dead else []


def _deaf(gone: int | None) -> list[Wrong]:
    says = f"webhook endpoints disabled because they failed or are gone: {gone}"
    return [Wrong("endpoints", says)] if gone else []


def _unserved(tasks: int | None) -> list[Wrong]:
    says = f"tasks wait, {tasks} of them, whose types no worker has"
    return [Wrong("tasks", says)] if tasks else []


def _unread(mailbox: mailboxes.Failing) -> Wrong:
    return Wrong(
        "mailbox",
        f"the mailbox of {mailbox.name} cannot be read since {mailbox.since:%Y-%m-%dT%H:%M:%SZ} ({mailbox.failure});"
        " reports by mail wait there",
    )


def _waiting(sizes: Mapping[str, tuple[int, int]]) -> int | None:
    live = [ready for label, (ready, _) in sizes.items() if not label.endswith(".dead")]
    return sum(live) if sizes else None


def _queue_warnings(connected: bool, sizes: Mapping[str, tuple[int, int]]) -> list[Wrong]:
    if not connected:
        away = "the broker cannot be reached; what is accepted is kept, and delivered once it is back"
        return [Wrong("broker", away)]
    return [
        Wrong("unread", f"queue {label} has no consumer")
        for label, (_, consumers) in sizes.items()
        if not consumers and ".retry." not in label
    ]
