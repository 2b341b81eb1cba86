"""Traces: all that happens to a job is one trace, and the job's id is the trace's (ADR 0080). So nothing carries it: no
column, no message. A retry of tomorrow, and each of a hundred ids in one message, belong where they belong.

Off, unless OpenTelemetry's variables name a collector: then each step looks at one variable of this module, and the SDK
is not imported (`tracing_export`). No span holds an address, a text, a link or a key."""

import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from hermodr_servicekit.ids import job_of

Kind = Literal["internal", "server", "client", "producer"]
Values = Mapping[str, str | int | None]
"""Attributes; those that are `None` are left out."""

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TRACEPARENT = b"traceparent"


class Span(NamedTuple):
    """A step that is over. `job_id` is its trace; times are nanoseconds since 1970. `root`: the one that all others of
    the trace hang on. `failed`: a code. `caller`: the `traceparent` of whoever asked for it, as it came."""

    job_id: UUID
    name: str
    began: int
    ended: int
    values: Values
    kind: Kind = "internal"
    failed: str | None = None
    root: bool = False
    caller: str | None = None


class Running(Protocol):
    """A step that goes on: what the code within traces by OpenTelemetry itself becomes a part of it."""

    def end(self, values: Values, failed: str | None) -> None: ...


class Recorder(Protocol):
    """`tracing_export.Recording`."""

    def write(self, span: Span) -> None: ...
    def running(self, job_id: UUID, name: str) -> AbstractContextManager[Running]: ...
    def current(self) -> UUID | None: ...


class Exporting(Recorder, Protocol):
    """Of this process; `finish` sends what is left."""

    async def finish(self) -> None: ...


_recorder: Recorder | None = None


def wanted() -> bool:
    """Whether the environment names a collector, and does not say that nothing is to be traced."""
    said = os.environ.get
    return (
        any(said(name) for name in _ENDPOINTS)
        and (said("OTEL_SDK_DISABLED") or "").strip().lower() != "true"
        and (said("OTEL_TRACES_EXPORTER") or "otlp").strip().lower() != "none"
    )


@asynccontextmanager
async def recorded(service: str, instance: str, *, for_all: bool = False) -> AsyncIterator[None]:
    """Traces meanwhile, if it is wanted; `for_all`: see `tracing_export.recording`. Wrong variables end
    the process with status 2."""
    if not wanted():
        yield
        return
    # who does not trace does not pay for it
    export = import_module("hermodr_servicekit.tracing_export")
    made: Exporting = export.recording(service, instance, for_all=for_all)
    record_with(made)
    try:
        yield
    finally:
        record_with(None)
        await made.finish()


def record_with(recorder: Recorder | None) -> None:
    """From now on, for this process."""
    global _recorder  # noqa: PLW0603 - one for a process, as the logs are
    _recorder = recorder


def on() -> bool:
    return _recorder is not None


def moment() -> int:
    """Now, for `began`; 0 when nothing is traced."""
    return time.time_ns() if _recorder is not None else 0


def step(
    name: str,
    of: UUID,
    began: int,
    values: Values,
    *,
    ended: int | None = None,
    kind: Kind = "internal",
    failed: str | None = None,
) -> None:
    """What was done for a job, or for one of its deliveries, until now or `ended`."""
    if _recorder is not None and began:
        until = time.time_ns() if ended is None else ended
        _recorder.write(Span(job_of(of), name, began, until, values, kind, failed))


def steps(name: str, of: Iterable[UUID], began: int, values: Values, *, kind: Kind = "internal") -> None:
    """The same for several at once."""
    if _recorder is not None:
        for each in of:
            step(name, each, began, values, kind=kind)


class _Untraced:
    def end(self, values: Values, failed: str | None) -> None:
        """Nobody looks."""


_UNTRACED = _Untraced()


def running(name: str, of: UUID) -> AbstractContextManager[Running]:
    """For a step whose code may trace by itself."""
    return nullcontext(_UNTRACED) if _recorder is None else _recorder.running(job_of(of), name)


class Arrival:
    """A request, and the jobs that it brought."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._began = time.time_ns()
        self._caller = next((value for name, value in headers if name == _TRACEPARENT), None)
        self.job_ids: list[UUID] = []

    def answered(self, name: str, status: int) -> None:
        """Each of the jobs has the request as its root: a trace has one job."""
        if not self.job_ids or _recorder is None:
            return
        caller = self._caller.decode("latin-1") if self._caller is not None else None
        values = {"http.response.status_code": status, "hermodr.jobs": len(self.job_ids)}
        ended = time.time_ns()
        for job_id in self.job_ids:
            _recorder.write(
                Span(job_id, name, self._began, ended, values, "server", root=True, caller=caller)
            )


_arrival: ContextVar[Arrival | None] = ContextVar("hermodr_arrival", default=None)


def arrives(headers: Iterable[tuple[bytes, bytes]]) -> Arrival | None:
    """A request, in the task that answers it; `None` when nothing is traced."""
    if _recorder is None:
        return None
    arrival = Arrival(headers)
    _arrival.set(arrival)
    return arrival


def accepted(job_ids: Iterable[UUID], door: str = "accept") -> None:
    """New jobs are committed: by the request that is being answered, or else by themselves (`door` names it)."""
    if _recorder is None:
        return
    if (arrival := _arrival.get()) is not None:
        arrival.job_ids.extend(job_ids)
        return
    now = time.time_ns()
    for each in job_ids:
        _recorder.write(Span(each, door, now, now, {}, root=True))


def trace_of(values: Mapping[str, object]) -> str | None:
    """The trace that a line of the log belongs to: of the job or delivery that it names, else of what is running."""
    if _recorder is None:
        return None
    for name in ("job_id", "delivery_id"):
        if isinstance(said := values.get(name), str):
            try:
                return job_of(UUID(said)).hex
            except ValueError:
                continue
    current = _recorder.current()
    return current.hex if current is not None else None
