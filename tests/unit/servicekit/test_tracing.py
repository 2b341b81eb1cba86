"""A job's id is its trace's; nothing is traced unless the environment says so."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from hermodr_servicekit import tracing
from hermodr_servicekit.ids import child_id, new_job_id
from hermodr_servicekit.tracing_export import Recording, recording, root_of

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.record_with(Recording(SimpleSpanProcessor(exporter), "postman", "here"))
    yield exporter
    tracing.record_with(None)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def test_steps_of_a_job_and_its_deliveries_hang_on_its_root(kept: InMemorySpanExporter) -> None:
    job_id = new_job_id()
    began = tracing.moment()
    tracing.accepted([job_id], "schedule")
    tracing.step("claim", child_id(job_id, 2), began, {"hermodr.attempt": 1, "hermodr.code": None})
    root, claim = kept.get_finished_spans()
    assert (root.context.trace_id, root.context.span_id) == (job_id.int, root_of(job_id))
    assert parent_of(root) is None
    assert (claim.context.trace_id, parent_of(claim)) == (job_id.int, root_of(job_id))
    assert dict(claim.attributes or {}) == {"hermodr.job.id": str(job_id), "hermodr.attempt": 1}
    assert claim.start_time == began
    assert claim.resource.attributes["service.name"] == "hermodr-postman"


def test_many_in_one_message_are_many_traces(kept: InMemorySpanExporter) -> None:
    job_ids = [new_job_id() for _ in range(100)]
    tracing.steps("announce", job_ids, tracing.moment(), {}, kind="producer")
    assert [span.context.trace_id for span in kept.get_finished_spans()] == [each.int for each in job_ids]


async def test_a_request_is_the_root_of_all_its_jobs(kept: InMemorySpanExporter) -> None:
    first, second = new_job_id(), new_job_id()

    async def answer() -> None:
        arrival = tracing.arrives([(b"traceparent", CALLER.encode())])
        assert arrival is not None
        tracing.accepted([first])
        tracing.accepted([second])
        arrival.answered("POST /v1/notifications/bulk", 202)

    await asyncio.create_task(answer())
    spans = kept.get_finished_spans()
    assert [(span.context.trace_id, span.context.span_id) for span in spans] == [
        (each.int, root_of(each)) for each in (first, second)
    ]
    assert {span.name for span in spans} == {"POST /v1/notifications/bulk"}
    assert [[f"{link.context.trace_id:032x}" for link in span.links] for span in spans] == [
        [CALLER.split("-")[1]]
    ] * 2


@pytest.mark.parametrize(
    "said", [b"", b"nonsense", b"00-0-0-00", b"\xff\xfe", b"00-" + b"0" * 32 + b"-" + b"0" * 16]
)
async def test_a_traceparent_that_is_none_links_to_nothing(kept: InMemorySpanExporter, said: bytes) -> None:
    arrival = tracing.arrives([(b"traceparent", said)])
    assert arrival is not None
    arrival.job_ids.append(new_job_id())
    arrival.answered("POST /v1/notifications", 202)
    (span,) = kept.get_finished_spans()
    assert list(span.links) == []


def test_a_request_without_jobs_has_no_span(kept: InMemorySpanExporter) -> None:
    arrival = tracing.arrives([])
    assert arrival is not None
    arrival.answered("GET /v1/jobs", 200)
    assert kept.get_finished_spans() == ()


def test_what_belongs_to_no_job_is_not_traced() -> None:
    exporter = InMemorySpanExporter()
    made = Recording(SimpleSpanProcessor(exporter), "postman", "here")
    theirs = made.provider.get_tracer("a web framework")
    with theirs.start_as_current_span("GET /v1/files/token"), theirs.start_as_current_span("endpoint"):
        pass
    caller = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    theirs.start_span("GET /health", set_span_in_context(NonRecordingSpan(caller))).end()
    assert exporter.get_finished_spans() == ()
    with made.running(new_job_id(), "task x"), theirs.start_as_current_span("within"):
        pass
    assert [span.name for span in exporter.get_finished_spans()] == ["within", "task x"]


def test_a_failed_step_says_its_code(kept: InMemorySpanExporter) -> None:
    tracing.step("send email", new_job_id(), tracing.moment(), {}, kind="client", failed="smtp_451")
    (span,) = kept.get_finished_spans()
    assert (span.status.is_ok, span.status.description) == (False, "smtp_451")


def test_logs_find_their_trace_by_the_ids_they_name(kept: InMemorySpanExporter) -> None:
    job_id = new_job_id()
    assert tracing.trace_of({"delivery_id": str(child_id(job_id, 3))}) == job_id.hex
    assert tracing.trace_of({"job_id": "none of ours"}) is None
    with tracing.running("task x", job_id) as span:
        assert tracing.trace_of({"event": "within"}) == job_id.hex
        span.end({"hermodr.outcome": "completed"}, None)
    assert tracing.trace_of({"event": "outside"}) is None


@pytest.mark.parametrize("name", ["traceidratio", "parentbased_traceidratio"])
def test_ratios_take_their_part_of_our_ids_and_all_services_the_same(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", name)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    job_ids = [
        UUID(int=(0x0190 << 112) | (7 << 76) | (2 << 62) | (n * 2654435761 % 2**46) << 16)
        for n in range(2000)
    ]
    sampled = []
    for service in ("api", "email-sender"):
        exporter = InMemorySpanExporter()
        made = Recording(SimpleSpanProcessor(exporter), service, "here")
        for each in job_ids:
            made.write(tracing.Span(each, "step", 1, 2, {}, root=service == "api"))
        sampled.append({span.context.trace_id for span in exporter.get_finished_spans()})
    assert sampled[0] == sampled[1]
    assert 400 < len(sampled[0]) < 600


@given(st.integers(min_value=1, max_value=2**63 - 1), st.integers(min_value=0, max_value=2**46 - 1))
def test_a_root_has_an_id_whatever_the_job(moment: int, random: int) -> None:
    job_id = UUID(int=(moment % 2**48 << 80) | (7 << 76) | (2 << 62) | (random << 16))
    assert 0 < root_of(job_id) < 2**64


@pytest.mark.parametrize(
    ("variables", "is_wanted"),
    [
        ({}, False),
        ({ENDPOINT: "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({ENDPOINT: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({ENDPOINT: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
    ],
)
def test_only_a_collector_has_anything_traced(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_wanted: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing.wanted() is is_wanted


def test_without_one_the_sdk_is_not_even_imported() -> None:
    code = (
        "import asyncio, sys, json\n"
        "import hermodr_servicekit.service, hermodr_servicekit.announcer\n"
        "from hermodr_servicekit import tracing\n"
        "async def main():\n"
        "    async with tracing.recorded('api', 'here'):\n"
        "        print(json.dumps([tracing.on(), tracing.moment(), 'opentelemetry.sdk' in sys.modules]))\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert json.loads(done.stdout) == [False, 0, False]


def test_another_protocol_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(SystemExit) as ended:
        recording("api", "here")
    assert ended.value.code == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" in capsys.readouterr().err


async def test_a_collector_that_hangs_keeps_no_service_from_ending() -> None:
    class Stuck(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

        def shutdown(self) -> None:
            time.sleep(30)

    made = Recording(SimpleSpanProcessor(Stuck()), "api", "here")
    async with asyncio.timeout(10):
        await made.finish()
