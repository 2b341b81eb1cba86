"""How a project fares, for the first page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hermodr_api.access.authentication import Caller
from hermodr_api.access.operators import Operators
from hermodr_api.console.latency import latency
from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_api.health.wrong import ADVICE, Code
from hermodr_api.jobs.metrics import JobMetrics
from hermodr_api.providers.service import Providers
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import over_time
from hermodr_ledger.schedules.schedules import due_next
from hermodr_servicekit.clock import Clock

_HOURS = 24
_BAR = timedelta(minutes=1)
_BARS = 60
_NEXT = 5
"""Schedules."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The jobs that were accepted in a minute, by how they stand now; heights are percent of the picture's."""

    at: datetime
    good: int
    bad: int
    busy: int
    good_height: float
    bad_height: float
    busy_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`rules`: lines, each with its place from the top in percent, and how many jobs it stands for."""

    bars: Sequence[Bar]
    rules: Sequence[tuple[float, int]]


class Overview:
    def __init__(
        self,
        ledger: Ledger,
        metrics: JobMetrics,
        check: HealthCheck,
        counts: Counts,
        operators: Operators,
        providers: Providers,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._operators = operators
        self._metrics = metrics
        self._providers = providers
        self._check = check
        self._counts = counts
        self._clock = clock

    async def look(self, caller: Caller) -> Mapping[str, Any]:
        """What the template shows. Raises `LedgerUnavailable`."""
        project = caller.project_id

        async def count() -> Sequence[over_time.Accepted]:
            return await over_time.accepted(self._ledger, project, self._clock.now() - _BARS * _BAR, _BAR)

        metrics = await self._metrics.look(project, _HOURS, None)
        accepted = await self._counts.of(("over time", project), count)
        health = await self._check.whole()
        operates = await self._operators.include(caller)
        # what is not the project's own may be of others, and only operators can mend it
        wrong = health.wrong if operates else await self._check.of_project(project)
        told = {each.code for each in wrong}
        return {
            "metrics": metrics,
            "chart": chart(accepted, self._clock.now()),
            "latency": latency(accepted, _minute(self._clock.now()), _BAR, _BARS),
            "health": health.report,
            "wrong": [(each, ADVICE[each.code]) for each in wrong],
            "elsewhere": any(each.code not in told for each in health.wrong),
            "operates": operates,
            "seen_at": _SEEN_AT,
            "hours": _HOURS,
            "providers": (await self._providers.look(caller)).data,
            "next_schedules": await due_next(self._ledger, project, _NEXT),
        }


def chart(accepted: Sequence[over_time.Accepted], now: datetime) -> Chart:
    """`_BARS` of them, the last one of the minute that is not over."""
    last = _minute(now)
    groups: dict[datetime, dict[str, int]] = {last - nth * _BAR: {} for nth in reversed(range(_BARS))}
    for each in accepted:
        if (group := groups.get(each.at)) is not None:
            look = _LOOKS.get(each.state, "busy")
            group[look] = group.get(look, 0) + each.jobs
    top = _above(max((sum(group.values()) for group in groups.values()), default=0))
    made = []
    for at, group in groups.items():
        numbers = [group.get(look, 0) for look in ("good", "bad", "busy")]
        made.append(Bar(at, *numbers, *(round(100 * each / top, 2) for each in numbers)))
    half = [(50.0, top // 2)] if top % 2 == 0 else []
    return Chart(made, [(0.0, top), *half, (100.0, 0)])


def _above(highest: int) -> int:
    """The next number that is 1, 2, 4, 5 or 10 times a power of ten."""
    decade: int = 10 ** (len(str(max(highest, 1))) - 1)
    return next(each * decade for each in (1, 2, 4, 5, 10) if each * decade >= highest)


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


_SEEN_AT: Mapping[Code, tuple[str, str]] = {
    "dead_letters": ("/console/dead-letters", "Dead letters"),
    "endpoints": ("/console/webhooks", "Webhooks"),
    "unread": ("/console/queues", "Queues"),
    "paused": ("/console/queues", "Queues"),
    "resting": ("/console/providers", "Providers"),
    "broken": ("/console/providers", "Providers"),
    "tasks": ("/console/tasks", "Tasks"),
}
"""Where the console shows what is wrong."""
_LOOKS: Mapping[str, str] = {
    JobState.COMPLETED: "good",
    JobState.SKIPPED: "good",
    JobState.CANCELLED: "good",
    JobState.FAILED: "bad",
}
