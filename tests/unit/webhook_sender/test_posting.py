"""Claims become calls, and calls become records."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from hermodr_contracts.ladder import parse_ladder
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.webhooks.attempting import Claim, Result
from hermodr_ledger.webhooks.sharing import Limits
from hermodr_servicekit import tracing
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.ids import new_job_id
from hermodr_servicekit.tracing_export import Recording
from hermodr_servicekit.webhook_signing import WebhookSecrets
from hermodr_webhook_sender.domain import Answer
from hermodr_webhook_sender.metrics import WebhookMetrics
from hermodr_webhook_sender.service import Bounds, Posting
from tests.support.waiting import wait_until


def a_claim(failing: bool = False) -> Claim:
    return Claim(uuid4(), uuid4(), uuid4(), "job.completed", 1, 0, "{}", "https://x/", 1, False, failing)


class House:
    """The ledger, and endpoints that answer when told to."""

    def __init__(self, *waiting: Claim) -> None:
        self.waiting = list(waiting)
        self.asked: list[Limits] = []
        self.recorded: list[Result] = []
        self.given_back: list[UUID] = []
        self.called = 0
        self.go = asyncio.Event()
        self.outages = 0
        self.holding = asyncio.Event()
        self.holding.set()

    async def claim(self, limits: Limits) -> list[Claim]:
        self.asked.append(limits)
        await self.holding.wait()
        taken, self.waiting = self.waiting[: limits.room], self.waiting[limits.room :]
        return taken

    async def record(self, results: Sequence[Result]) -> None:
        if self.outages:
            self.outages -= 1
            raise LedgerUnavailable("away")
        self.recorded += results

    async def give_back(self, ids: Sequence[UUID]) -> None:
        self.given_back += ids

    async def next_turn(self) -> float | None:
        return None

    async def post(self, _url: str, _headers: Mapping[str, str], _body: bytes) -> Answer:
        self.called += 1
        await self.go.wait()
        return Answer(200)

    @asynccontextmanager
    async def at_work(self, calls: int = 10) -> AsyncIterator[Posting]:
        posting = Posting(
            self,
            self.post,
            WebhookSecrets("k" * 32),
            parse_ladder("5s"),
            SystemClock(),
            WebhookMetrics(CollectorRegistry()),
            Bounds(calls, 5, patience=30.0),
        )
        task = asyncio.create_task(posting.run())
        try:
            yield posting
        finally:
            self.go.set()
            self.holding.set()
            await posting.stop()
            await asyncio.wait_for(task, 5)


async def test_no_more_is_claimed_than_calls_are_free() -> None:
    house = House(*(a_claim() for _ in range(7)))
    async with house.at_work(calls=4):
        await wait_until(lambda: house.called == 4)
        assert house.asked == [Limits(4, 2, 5, {})]
        house.go.set()
        await wait_until(lambda: len(house.recorded) == 7)
    assert {each.state for each in house.recorded} == {"delivered"}


async def test_endpoints_that_fail_have_half_of_the_calls() -> None:
    claims = [a_claim(failing=True) for _ in range(3)]
    house = House(*claims)
    async with house.at_work(calls=8):
        await wait_until(lambda: house.called == 3)
        busy = {each.project_id: 1 for each in claims}
        await wait_until(lambda: house.asked[-1] == Limits(5, 1, 5, busy))


async def test_what_a_leaving_sender_claimed_too_late_is_given_back() -> None:
    late = a_claim()
    house = House(late)
    house.holding.clear()
    async with house.at_work() as posting:
        await wait_until(lambda: len(house.asked) == 1)
        leaving = asyncio.create_task(posting.stop())
        await asyncio.sleep(0)
        house.holding.set()
        await leaving
        await wait_until(lambda: house.given_back == [late.id])
    assert house.called == 0


async def test_a_result_is_kept_while_the_database_is_away() -> None:
    house = House(a_claim())
    house.outages = 1
    house.go.set()
    async with house.at_work():
        await wait_until(lambda: len(house.recorded) == 1)


async def test_a_wake_up_claims_at_once() -> None:
    house = House()
    house.go.set()
    async with house.at_work() as posting:
        await wait_until(lambda: len(house.asked) == 1)
        house.waiting.append(a_claim())
        posting.wake.set()
        await wait_until(lambda: len(house.recorded) == 1)


async def test_a_call_that_fails_in_an_unforeseen_way_is_a_failure_of_its_endpoint() -> None:
    """Else its message would be sent again for ever, each time as if the sender had died."""
    house = House(a_claim())

    async def post(_url: str, _headers: Mapping[str, str], _body: bytes) -> Answer:
        raise OverflowError

    house.post = post  # type: ignore[method-assign]
    async with house.at_work():
        await wait_until(lambda: len(house.recorded) == 1)
    (result,) = house.recorded
    assert (result.outcome, result.error, result.state) == ("failed", "internal_error", "waiting")


async def test_a_result_that_cannot_be_recorded_concerns_no_other() -> None:
    claims = [a_claim() for _ in range(5)]
    house = House(*claims)
    record = house.record

    async def refusing(results: Sequence[Result]) -> None:
        if claims[2].id in {each.message_id for each in results}:
            raise ValueError("its message is gone")
        await record(results)

    house.record = refusing  # type: ignore[method-assign]
    async with house.at_work():
        await wait_until(lambda: house.called == 5)
        house.go.set()
        await wait_until(lambda: len(house.recorded) == 4)
    assert {each.message_id for each in house.recorded} == {each.id for each in claims} - {claims[2].id}


async def test_a_call_is_in_the_trace_of_its_job_and_one_of_no_job_in_none() -> None:
    job_id, exporter = new_job_id(), InMemorySpanExporter()
    about = a_claim()._replace(body=json.dumps({"data": {"job_id": str(job_id)}}))
    house = House(about, a_claim())
    house.go.set()
    tracing.record_with(Recording(SimpleSpanProcessor(exporter), "webhook-sender", "here"))
    try:
        async with house.at_work():
            await wait_until(lambda: len(house.recorded) == 2)
    finally:
        tracing.record_with(None)
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.context.trace_id) == ("call endpoint", job_id.int)
    values = dict(span.attributes or {})
    assert (values["hermodr.outcome"], values["http.response.status_code"]) == ("delivered", 200)
    assert about.url not in str(values)
