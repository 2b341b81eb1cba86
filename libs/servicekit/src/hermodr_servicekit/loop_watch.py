"""Whether the event loop turns. While one step computes, everybody else waits, and nobody can be asked who it is.

A clock that rings every few milliseconds tells afterwards how late it rang; whoever works for one job or delivery after
the other says so by `Step`, and the longest one is named. A thread tells it while the step still computes.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Histogram

log = structlog.get_logger()

TICK_SECONDS = 0.02
"""Between two looks. Fifty a second take about a thousandth of a processor."""

BLOCKED_SECONDS = 0.1
"""No callback may compute for so long."""

SETTLING_SECONDS = 10.0
"""After a start, which computes for itself: nobody is kept waiting yet, and nothing is told."""

LOOKS_SECONDS = 0.25
"""Between two looks of the thread: they take a few millionths of a processor."""

STANDSTILL_LOOKS = 4
"""In a row, each in time, that found the loop where it was: then it is told, once for each standstill."""

_FRAMES = 6
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class _Longest:
    """The longest step since the last look."""

    __slots__ = ("kind", "of", "seconds")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.seconds = 0.0
        self.kind = ""
        self.of: UUID | None = None


_longest = _Longest()


class _UnderWay:
    """The step that computes."""

    __slots__ = ("step",)

    def __init__(self) -> None:
        self.step: Step | None = None


_under_way = _UnderWay()


class Step:
    """A block without `await`, computed for one thing: `with Step("delivery_id", claim.id): …`. `kind` is what logs
    call the id. Two looks at a clock; nothing is written down unless it was the longest."""

    __slots__ = ("_began", "_kind", "_of")

    def __init__(self, kind: str, of: UUID) -> None:
        self._kind = kind
        self._of = of

    @property
    def named(self) -> dict[str, str]:
        """The id, as logs have it."""
        return {self._kind: str(self._of)}

    def __enter__(self) -> Self:
        _under_way.step = self
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        _under_way.step = None
        took = time.perf_counter() - self._began
        if took > _longest.seconds:
            _longest.seconds, _longest.kind, _longest.of = took, self._kind, self._of


class LoopWatch:
    """Measures how late the loop is: the metric `hermodr_loop_lag_seconds`, and a line in the log for each time that
    it was later than `BLOCKED_SECONDS` because something computed so long. What only waited for a processor is
    measured, but not told: the machine is busy, and nobody here is to blame."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        wall_time: Callable[[], float] = time.perf_counter,
        cpu_time: Callable[[], float] = time.thread_time,
        settling_seconds: float = SETTLING_SECONDS,
    ) -> None:
        self._wall_time = wall_time
        self._settled_at = wall_time() + settling_seconds
        self._cpu_time = cpu_time
        self._turns = 0
        self._lag = Histogram(
            "hermodr_loop_lag_seconds",
            "How late the event loop came to what was due.",
            registry=registry,
            buckets=_BUCKETS,
        )

    async def run(self) -> None:
        """Watches until cancelled."""
        with self._watched_by_a_thread():
            while True:
                _longest.forget()
                self._turns += 1
                began, computed = self._wall_time(), self._cpu_time()
                await asyncio.sleep(TICK_SECONDS)
                self.seen(self._wall_time() - began - TICK_SECONDS, self._cpu_time() - computed)

    @contextlib.contextmanager
    def _watched_by_a_thread(self) -> Iterator[None]:
        ended = threading.Event()
        arguments = (ended, threading.get_ident())
        threading.Thread(target=self._watch, args=arguments, name="loop-watch", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def _watch(self, ended: threading.Event, thread: int) -> None:
        """Looks whether the loop goes on. A look that was late itself proves nothing: the process stood still, or one
        call of a library keeps the interpreter (told by `seen` when it returns)."""
        turns, looks = self._turns, 0
        while True:
            began = self._wall_time()
            if ended.wait(LOOKS_SECONDS):
                return
            if turns != self._turns:
                turns, looks = self._turns, 0
            elif self._wall_time() - began < 2 * LOOKS_SECONDS:
                looks += 1
                if looks == STANDSTILL_LOOKS and self._wall_time() > self._settled_at:
                    _tell(thread, looks * LOOKS_SECONDS)

    def seen(self, lag: float, computed: float) -> None:
        """The loop was `lag` seconds late, and its thread computed for `computed` seconds since the last look."""
        self._lag.observe(max(lag, 0.0))
        blocked = lag > BLOCKED_SECONDS and computed > BLOCKED_SECONDS
        if blocked and self._wall_time() > self._settled_at:
            culprit = {} if _longest.of is None else {_longest.kind: str(_longest.of)}
            log.warning(
                "the loop was blocked",
                seconds=round(lag, 3),
                computed=round(computed, 3),
                longest_step=round(_longest.seconds, 3),
                **culprit,
            )


def _tell(thread: int, seconds: float) -> None:
    """Names what is under way, and where in our code and the libraries': places, nothing of what they work on."""
    step = _under_way.step
    frame = sys._current_frames().get(thread)
    places = traceback.extract_stack(frame)[-_FRAMES:] if frame is not None else []
    log.warning(
        "the loop is blocked",
        seconds=seconds,
        where=[f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in places],
        **(step.named if step is not None else {}),
    )
