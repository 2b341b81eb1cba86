"""Spans by OpenTelemetry's SDK, sent to a collector by OTLP over HTTP. Imported only when something is traced."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hermodr_servicekit.seldom import Seldom
from hermodr_servicekit.settings import refuse
from hermodr_servicekit.tracing import Span, Values

log = structlog.get_logger()

_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
}
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_LOWER = (1 << 64) - 1
_FLUSH_SECONDS = 2.0


def root_of(job_id: UUID) -> int:
    """The id of a trace's root span, which everybody knows: it is unique within its trace, and never 0."""
    return job_id.int & _LOWER


class _Ids(RandomIdGenerator):
    """Random ones, unless the next span of this thread is to be a root."""

    def __init__(self) -> None:
        self.next = threading.local()

    def of(self, job_id: UUID) -> None:
        self.next.job_id = self.next.root = job_id

    @property
    def pending(self) -> bool:
        """Whether the next span is such a root."""
        return "root" in self.next.__dict__

    def generate_trace_id(self) -> int:
        """See `IdGenerator`."""
        job_id = self.next.__dict__.pop("job_id", None)
        return super().generate_trace_id() if job_id is None else int(job_id.int)

    def generate_span_id(self) -> int:
        """See `IdGenerator`."""
        job_id = self.next.__dict__.pop("root", None)
        return super().generate_span_id() if job_id is None else root_of(job_id)


class _ByTrace(Sampler):
    """Decides by the trace alone, so that all services decide alike. Ratios look at the lower half of an id, which is
    not random in ours (a uuid's variant, sixteen zeros): they are shown its hash.

    What belongs to no job is not traced: web frameworks trace requests by themselves, with whole paths, and paths may
    hold the token of a link."""

    def __init__(self, sampler: Sampler, ids: _Ids) -> None:
        self._sampler = sampler
        self._ids = ids

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        *rest: Any,
        **more: Any,
    ) -> SamplingResult:
        """See `Sampler`."""
        parent = trace.get_current_span(parent_context).get_span_context()
        ours = parent.is_valid and not parent.is_remote and parent.trace_flags.sampled
        if not ours and not self._ids.pending:
            return SamplingResult(Decision.DROP)
        digest = hashlib.blake2b(trace_id.to_bytes(16, "big"), digest_size=16).digest()
        return self._sampler.should_sample(Context(), int.from_bytes(digest, "big"), name, *rest, **more)

    def get_description(self) -> str:
        """See `Sampler`."""
        return f"ByTrace{{{self._sampler.get_description()}}}"


class Recording:
    """A `tracing.Recorder`."""

    def __init__(self, processor: SpanProcessor, service: str, instance: str) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME") or f"hermodr-{service}"
        resource = Resource.create({"service.name": name, "service.instance.id": instance})
        self._ids = _Ids()
        self.provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self.provider.sampler = _ByTrace(
            self.provider.sampler, self._ids
        )  # the one that the environment names
        self.provider.add_span_processor(processor)
        self._tracer = self.provider.get_tracer("hermodr")
        self._callers = TraceContextTextMapPropagator()

    def write(self, span: Span) -> None:
        """See `Recorder`."""
        links = []
        if span.root:
            self._ids.of(span.job_id)
            if span.caller is not None:
                links = self._links(span.caller)
        started = self._tracer.start_span(
            span.name,
            Context() if span.root else _under(span.job_id),
            _KINDS[span.kind],
            _named(span.job_id, span.values),
            links,
            start_time=span.began,
        )
        if span.failed is not None:
            started.set_status(Status(StatusCode.ERROR, span.failed))
        started.end(span.ended)

    @contextmanager
    def running(self, job_id: UUID, name: str) -> "Iterator[_Running]":
        """See `Recorder`."""
        span = self._tracer.start_span(name, _under(job_id), attributes=_named(job_id, {}))
        with trace.use_span(span, end_on_exit=True, record_exception=False):
            yield _Running(span)

    def current(self) -> UUID | None:
        """See `Recorder`."""
        context = trace.get_current_span().get_span_context()
        return UUID(int=context.trace_id) if context.is_valid else None

    async def finish(self) -> None:
        """Sends what is left, for two seconds at most."""
        thread = threading.Thread(target=self.provider.shutdown, daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, _FLUSH_SECONDS)

    def _links(self, caller: str) -> list[trace.Link]:
        context = trace.get_current_span(
            self._callers.extract({"traceparent": caller}, Context())
        ).get_span_context()
        return [trace.Link(context)] if context.is_valid else []


class _Running:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def end(self, values: Values, failed: str | None) -> None:
        """See `tracing.Running`."""
        self._span.set_attributes({name: value for name, value in values.items() if value is not None})
        if failed is not None:
            self._span.set_status(Status(StatusCode.ERROR, failed))


class _Telling(SpanExporter):
    """Says now and then that the collector takes nothing; the library's own words quote its address."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._seldom = Seldom(60.0)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter`."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS and self._seldom.times("failed"):
            log.warning("the collector of traces does not take spans", lost=len(spans))
        return result

    def shutdown(self) -> None:
        """See `SpanExporter`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter`."""
        return self._exporter.force_flush(timeout_millis)


def recording(service: str, instance: str, *, for_all: bool = False) -> Recording:
    """By OpenTelemetry's own variables. `for_all`: whoever traces by its API in this process does so by the same.
    Another protocol than HTTP with protobuf ends the process with status 2."""
    protocol = next((said for name in _PROTOCOLS if (said := os.environ.get(name))), "http/protobuf")
    if protocol != "http/protobuf":
        refuse(f"{_PROTOCOLS[-1]}: there is only http/protobuf")
    processor = BatchSpanProcessor(_Telling(OTLPSpanExporter()))
    made = Recording(processor, service, instance)
    if for_all:
        trace.set_tracer_provider(made.provider)
    return made


def _under(job_id: UUID) -> Context:
    root = SpanContext(job_id.int, root_of(job_id), is_remote=False, trace_flags=_SAMPLED)
    return trace.set_span_in_context(NonRecordingSpan(root), Context())


def _named(job_id: UUID, values: Values) -> dict[str, str | int]:
    given = {name: value for name, value in values.items() if value is not None}
    return {"hermodr.job.id": str(job_id), **given}
