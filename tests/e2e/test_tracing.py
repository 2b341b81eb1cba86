"""A job is one trace, over all services: from the request to the provider, over retries, and when its time has come."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from hermodr_devkit.supervisor.services import API, DISPATCHER, EMAIL_SENDER, SANDBOX, SCHEDULER, WORKER
from tests.support import tasks
from tests.support.brokers import Broker
from tests.support.collectors import Collector, Seen, collecting
from tests.support.installation import Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
ACCEPTED = "POST /v1/notifications"
MAIL = {"subject": "Quiet words", "body_text": "Some."}
TASK = '''
from hermodr_worker import TaskContext, task
from opentelemetry import trace

@task("adding")
def adding(ctx: TaskContext, payload: dict[str, int]) -> dict[str, int]:
    """Adds, and traces that by itself."""
    with trace.get_tracer("theirs").start_as_current_span("their own"):
        return {"sum": sum(payload.values())}
'''


@dataclass(frozen=True)
class House:
    installation: Installation
    collector: Collector

    async def traced(self, job_id: str, wanted: set[tuple[str, str]]) -> list[Seen]:
        """The job's spans, once there are all of these, by service and name."""

        def missing() -> set[tuple[str, str]]:
            return wanted - {
                (each.service.removeprefix("hermodr-"), each.name) for each in self.collector.of(job_id)
            }

        _: bool = await wait_until(lambda: not missing(), 30, lambda: f"missing: {missing()}")
        return self.collector.of(job_id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    database_url: str, broker: Broker, logs: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    place = tmp_path_factory.mktemp("tracing")
    (place / "sums.py").write_text(TASK, encoding="utf-8")
    tasks.installed(place, "sums", adding="sums:adding")

    async def wiring(_environment: object) -> dict[str, dict[str, str]]:
        return {"worker": {"PYTHONPATH": str(place)}}

    with collecting() as collector:
        async with installed(
            logs,
            database_url=database_url,
            amqp_url=broker.amqp_url,
            prefix=broker.prefix,
            management_url=broker.management_url,
            specs=(API, DISPATCHER, SCHEDULER, EMAIL_SENDER, WORKER, SANDBOX),
            wiring=wiring,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="200",
        ) as installation:
            yield House(installation, collector)
    theirs = {each.name for each in collector.spans if "hermodr.job.id" not in each.values}
    assert theirs == {"their own"}  # and no request that a web framework traces, with its path
    told = b"".join(collector.bodies)
    assert [
        word for word in (b"traced.example", b"Quiet words", installation.key.encode()) if word in told
    ] == []


async def test_a_mail_that_is_tried_again_is_one_trace(house: House) -> None:
    installation = house.installation
    await installation.fault(
        stage="rcpt", recipient="again@*", times=1, action={"kind": "reply", "code": 451}
    )
    answer = await installation.api.post(
        "/v1/notifications",
        json={"to": {"email": "again@traced.example"}} | MAIL,
        headers={"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01"},
    )
    job_id = answer.json()["job_id"]
    assert (await installation.ended(job_id))["job"]["status"] == "completed"

    async def twice() -> bool:
        return [each.name for each in house.collector.of(job_id)].count("record") == 2

    _: bool = await wait_until(twice, 30)
    spans = await house.traced(job_id, {("api", ACCEPTED), ("dispatcher", "decide")})
    (root,) = [each for each in spans if not each.parent_id]
    assert root.name == ACCEPTED
    assert root.service == "hermodr-api"
    assert root.linked == (CALLER,)
    assert {each.parent_id for each in spans if each is not root} == {root.span_id}
    assert [each.service for each in spans if each.name == "decide"] == ["hermodr-dispatcher"]
    calls = [each for each in spans if each.name == "send email"]
    assert [_call(each) for each in calls] == [
        (1, "transient", "smtp_451", "smtp_451"),
        (2, "sent", None, None),
    ]
    assert {each.service for each in calls} == {"hermodr-email-sender"}
    assert calls[0].ended < calls[1].began
    assert {"announce", "claim", "compose"} <= {each.name for each in spans}
    assert {each.values["hermodr.job.id"] for each in spans} == {job_id}


def _call(span: Seen) -> tuple[Any, ...]:
    said = span.values
    return said["hermodr.attempt"], said["hermodr.outcome"], said.get("hermodr.code"), span.failed


async def test_a_mail_of_later_is_announced_by_the_scheduler_in_its_trace(house: House) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
    wanted: dict[str, Any] = {"to": {"email": "later@traced.example"}, "scheduled_for": soon} | MAIL
    job_id = (await house.installation.create("/v1/notifications", wanted))["job_id"]
    steps = {("dispatcher", "decide"), ("email-sender", "send email"), ("email-sender", "record")}
    spans = await house.traced(job_id, {("api", ACCEPTED), ("scheduler", "announce"), *steps})
    assert spans[0].name == ACCEPTED


async def test_what_a_task_traces_by_itself_is_a_part_of_its_attempt(house: House) -> None:
    wanted = {"type": "adding", "payload": {"one": 1, "two": 2}}
    job_id = (await house.installation.create("/v1/jobs", wanted))["job_id"]
    wanted_spans = {("api", "POST /v1/jobs"), ("worker", "task adding"), ("worker", "their own")}
    spans = {each.name: each for each in await house.traced(job_id, wanted_spans)}
    assert spans["their own"].parent_id == spans["task adding"].span_id
    assert spans["task adding"].parent_id == spans["POST /v1/jobs"].span_id
    assert spans["task adding"].values["hermodr.outcome"] == "completed"


async def test_logs_name_the_trace(house: House) -> None:
    await house.installation.fault(stage="rcpt", recipient="never@*", action={"kind": "reply", "code": 550})
    wanted = {"to": {"email": "never@traced.example"}} | MAIL
    job_id = (await house.installation.create("/v1/notifications", wanted))["job_id"]
    await house.installation.ended(job_id)

    def lines() -> list[dict[str, Any]]:
        text = "\n".join(path.read_text("utf-8") for path in house.installation.logs.glob("email-sender*"))
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [each for each in found if each.get("job_id") == job_id]

    async def told() -> bool:
        return bool(lines())

    _: bool = await wait_until(told)
    assert {each["trace_id"] for each in lines()} == {UUID(job_id).hex}
