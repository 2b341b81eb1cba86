"""Claims what waits, runs it, renews the leases of what runs, keeps what it logs, and records what came of it."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog

from hermodr_contracts.messages import TaskProgressed
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.engine.recording import Recording
from hermodr_ledger.tasks.claiming import Claim, Offer, Standing, Turn
from hermodr_ledger.tasks.logs import Logged
from hermodr_ledger.tasks.recording import Result
from hermodr_servicekit import tracing
from hermodr_servicekit.cancellation import obey_cancellation
from hermodr_servicekit.clock import Clock
from hermodr_worker.context import TaskContext
from hermodr_worker.definition import AnyTask
from hermodr_worker.domain import settled
from hermodr_worker.executing import Execution, Places, Why
from hermodr_worker.lines import Lines
from hermodr_worker.metrics import WorkerMetrics

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""How long a lost call may delay a task, or its cancellation."""
PROGRESS_SECONDS = 0.25
LOG_SECONDS = 0.5
"""How often what is logged is kept."""
_LAST_LINES_SECONDS = 1.0
"""How long the last lines of an attempt may hold up its result."""
_LOGS_TOGETHER = 10
Held = Mapping[tuple[UUID, int], str | None]


class Claims(Protocol):
    """`hermodr_ledger.tasks` with its ledger and worker. All raise `LedgerUnavailable`."""

    async def claim(self, offers: Sequence[Offer], places: int, last: Turn) -> list[Claim]: ...
    async def renew(self, held: Held) -> dict[UUID, Standing]: ...
    async def keep(self, logged: Sequence[Logged]) -> set[UUID]: ...
    async def record(self, results: Sequence[Result]) -> dict[UUID, str]: ...


class Calls(Protocol):
    """`hermodr_servicekit.task_calls.TaskCalls`."""

    def progressed(self, progress: TaskProgressed) -> None: ...


class Bounds(NamedTuple):
    """Tasks at a time; the time of those that declare none; seconds for which a record is tried."""

    places: int
    timeout: float
    patience: float


class _Run(NamedTuple):
    """An attempt that is over."""

    execution: Execution
    result: Result


class Running:
    """As many tasks as there are places."""

    def __init__(
        self,
        tasks: Mapping[str, AnyTask],
        claims: Claims,
        calls: Calls,
        clock: Clock,
        metrics: WorkerMetrics,
        workplaces: Places,
        bounds: Bounds,
    ) -> None:
        self.wake = asyncio.Event()
        """Set when there may be something to do."""
        self.look = asyncio.Event()
        """Set when a task is to stop, or has got further."""
        self.logged = asyncio.Event()
        """Set when a task has logged something."""
        self._tasks = tasks
        self._claims = claims
        self._calls = calls
        self._clock = clock
        self._metrics = metrics
        self._workplaces = workplaces
        self._bounds = bounds
        self._leaving = False
        self._last = Turn()
        self._runs: dict[asyncio.Task[None], Execution] = {}
        self._results: Recording[_Run] = Recording(self._record, clock, bounds.patience)
        metrics.running.set_function(lambda: len(self._runs))

    @property
    def under_way(self) -> Sequence[Execution]:
        return tuple(self._runs.values())

    async def run(self) -> None:
        """Claims until it is cancelled."""
        while not self._leaving:
            self.wake.clear()
            try:
                again = await self._round()
            except LedgerUnavailable as error:
                obey_cancellation()
                log.warning("no tasks claimed", error=type(error).__name__)
                again = False
            if not again:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self.wake.wait()

    async def tick(self) -> float:
        """Renews leases, stores progress, and stops what is to stop; to be repeated, sooner when `look` is set."""
        held = {(each.claim.job_id, each.claim.attempt): each for each in self.under_way}
        if not held:
            return LOOK_SECONDS
        progress = {key: _text(each.context) for key, each in held.items()}
        standings = await self._claims.renew(progress)
        for (job_id, _), each in held.items():
            standing = standings.get(job_id)
            if standing is None:
                each.stop(Why.LOST)
            elif standing.cancel_requested:
                each.stop(Why.CANCELLED)
            self._tell(each)
        return LOOK_SECONDS

    async def keep(self) -> float:
        """Keeps what was logged; to be repeated when `logged` is set. What the ledger does not take now waits."""
        await self._keep(self.under_way, over=False)
        return LOOK_SECONDS

    async def stop(self, seconds: float) -> None:
        """No further task is claimed. Those that run have so many seconds, then they are handed back; returns when all
        is recorded."""
        self._leaving = True
        self.wake.set()
        if self._runs:
            await asyncio.wait(self._runs, timeout=max(seconds, 0.0))
        for each in self.under_way:
            each.stop(Why.LEAVING)
        while self._runs:
            await asyncio.wait(self._runs)
        await self._results.drain()

    async def _round(self) -> bool:
        """Claims once; whether that may bring something again at once."""
        free = self._bounds.places - len(self._runs)
        if free <= 0 or not self._tasks:
            return False
        offers = [Offer(each.name, each.retries, each.limited, each.per_key) for each in self._tasks.values()]
        claims = await self._claims.claim(offers, free, self._last)
        for claim in claims:
            self._last = Turn(claim.project_id, claim.fairness_key)
            self._begin(claim)
        return bool(claims) and len(self._runs) < self._bounds.places

    def _begin(self, claim: Claim) -> None:
        task = self._tasks[claim.type]
        lines = Lines(self._clock, self._heard)
        context = TaskContext(
            claim.job_id,
            claim.attempt,
            project_id=claim.project_id,
            owner_id=claim.owner_id,
            told=self._progressed(),
            logged=lines.add,
        )
        seconds = claim.timeout_seconds or task.timeout or self._bounds.timeout
        execution = Execution(task, claim, context, lines, seconds, self._workplaces)
        run = asyncio.create_task(self._run(execution))
        self._runs[run] = execution
        run.add_done_callback(self._done)
        if self._leaving:
            execution.stop(Why.LEAVING)

    def _progressed(self) -> "_Later":
        return _Later(asyncio.get_running_loop(), self.look, PROGRESS_SECONDS)

    @cached_property
    def _heard(self) -> "_Later":
        """One for all attempts."""
        return _Later(asyncio.get_running_loop(), self.logged, LOG_SECONDS)

    async def _run(self, execution: Execution) -> None:
        began = self._clock.monotonic()
        name, claim = execution.task.name, execution.claim
        with tracing.running(f"task {name}", claim.job_id) as span:
            ended = await execution.run()
            failed = ended.how if ended.how in ("failed", "timeout") else None
            span.end({"hermodr.attempt": claim.attempt, "hermodr.outcome": ended.how}, failed)
        self._metrics.seconds.labels(name).observe(self._clock.monotonic() - began)
        result = settled(execution.claim, ended, execution.task.retry_delay, _text(execution.context))
        self._metrics.attempts.labels(name, ended.how).inc()
        log.info("task ran", task=name, job_id=str(execution.claim.job_id), outcome=ended.how)
        if result is not None:
            await self._results.submit(_Run(execution, result))

    def _done(self, run: "asyncio.Task[None]") -> None:
        claim = self._runs.pop(run).claim
        self.wake.set()
        if not run.cancelled() and (error := run.exception()) is not None:
            log.error(
                "a task is given to another worker when its lease ends",
                job_id=str(claim.job_id),
                error=type(error.__cause__ or error).__name__,
            )

    def _tell(self, execution: Execution) -> None:
        latest = execution.context.latest
        if latest is None or latest is execution.told:
            return
        execution.told = latest
        claim = execution.claim
        self._calls.progressed(
            TaskProgressed(
                job_id=claim.job_id,
                project_id=claim.project_id,
                current=latest.current,
                total=latest.total,
                at=self._clock.now(),
                owner_id=claim.owner_id,
            )
        )

    async def _keep(self, executions: Iterable[Execution], *, over: bool) -> None:
        """`over`: these attempts are. Raises `LedgerUnavailable`."""
        due = {each: lines for each in executions if (lines := each.lines.due(over=over))}
        found = list(due)
        for start in range(0, len(found), _LOGS_TOGETHER):
            some = found[start : start + _LOGS_TOGETHER]
            kept = await self._claims.keep(
                [Logged(each.claim.job_id, each.claim.claimed_at, due[each]) for each in some]
            )
            for each in some:
                if each.claim.job_id in kept:
                    each.lines.kept(due[each])

    async def _record(self, over: Sequence[_Run]) -> None:
        """What an attempt logged is there before it is told that it has ended; but it ends without that, too."""
        try:
            async with asyncio.timeout(_LAST_LINES_SECONDS):
                await self._keep([each.execution for each in over], over=True)
        except Exception as error:  # noqa: BLE001 - the result counts
            log.warning("the end of a log is not kept yet", error=type(error).__name__)
        self._count(await self._claims.record([each.result for each in over]))

    def _count(self, states: Mapping[UUID, str]) -> None:
        for state in states.values():
            if state in ("completed", "failed", "cancelled"):
                self._metrics.finished.labels("task", state).inc()


class _Later:
    """Sets the event shortly, from any thread; of many in a row once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event, seconds: float) -> None:
        self._loop = loop
        self._event = event
        self._seconds = seconds
        self._planned = False

    def __call__(self) -> None:
        if not self._planned:
            self._planned = True
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._loop.call_later, self._seconds, self._ring)

    def _ring(self) -> None:
        self._planned = False
        self._event.set()


def _text(context: TaskContext) -> str | None:
    latest = context.latest
    return json.dumps(latest.shown()) if latest is not None else None
