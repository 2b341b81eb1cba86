"""What a blocked loop looks like from outside."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from hermodr_servicekit.loop_watch import (
    LOOKS_SECONDS,
    SETTLING_SECONDS,
    STANDSTILL_LOOKS,
    LoopWatch,
    Step,
)
from hermodr_servicekit.periodic import running
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until

ONE, TWO = UUID(int=1), UUID(int=2)


def compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(1000))


def late(registry: CollectorRegistry) -> float:
    looks = registry.get_sample_value("hermodr_loop_lag_seconds_count") or 0.0
    in_time = registry.get_sample_value("hermodr_loop_lag_seconds_bucket", {"le": "0.1"}) or 0.0
    return looks - in_time


async def test_a_blocked_loop_is_measured_and_told_with_the_one_to_blame() -> None:
    registry = CollectorRegistry()
    with capture_logs() as logs:
        async with running(LoopWatch(registry, settling_seconds=0).run()):
            await asyncio.sleep(0)
            with Step("delivery_id", TWO):
                compute(0.01)
            with Step("delivery_id", ONE):
                compute(0.3)
            with Step("delivery_id", TWO):
                compute(0.01)
            await wait_until(lambda: late(registry) > 0)
    (told,) = [each for each in logs if each["event"] == "the loop was blocked" and each.get("delivery_id")]
    assert told["delivery_id"] == str(ONE)
    assert told["seconds"] > 0.1
    assert told["computed"] > 0.3
    assert told["longest_step"] >= 0.3


async def test_a_loop_that_is_blocked_is_told_of_while_it_is() -> None:
    with capture_logs() as logs:
        async with running(LoopWatch(CollectorRegistry(), settling_seconds=0).run()):
            await asyncio.sleep(0)
            with Step("delivery_id", TWO):
                pass
            with Step("delivery_id", ONE):
                until = time.monotonic() + 60
                while not (told := [each for each in logs if each["event"] == "the loop is blocked"]):
                    compute(0.01)
                    assert time.monotonic() < until
                compute(3 * LOOKS_SECONDS)
    assert told[0]["delivery_id"] == str(ONE)
    assert any("compute" in place or "test_loop_watch" in place for place in told[0]["where"])
    assert len([each for each in logs if each["event"] == "the loop is blocked"]) == 1


async def test_who_waits_is_not_told_of() -> None:
    with capture_logs() as logs:
        async with running(LoopWatch(CollectorRegistry(), settling_seconds=0).run()):
            with Step("delivery_id", ONE):
                pass
            await asyncio.sleep((STANDSTILL_LOOKS + 2) * LOOKS_SECONDS)
    assert [each for each in logs if each["event"] == "the loop is blocked"] == []


def test_a_busy_machine_is_measured_and_blamed_on_nobody() -> None:
    registry = CollectorRegistry()
    watch = LoopWatch(registry, settling_seconds=0)
    with capture_logs() as logs:
        watch.seen(2.0, 0.05)
        watch.seen(-0.001, 0.0)
    assert not logs
    assert late(registry) == 1
    assert registry.get_sample_value("hermodr_loop_lag_seconds_sum") == 2.0


def test_what_blocked_it_may_be_unknown() -> None:
    with capture_logs() as logs:
        LoopWatch(CollectorRegistry(), settling_seconds=0).seen(0.4, 0.5)
    assert [(each["seconds"], each["computed"]) for each in logs] == [(0.4, 0.5)]


def test_a_start_that_computes_for_itself_is_not_told() -> None:
    registry, clock = CollectorRegistry(), FakeClock()
    watch = LoopWatch(registry, wall_time=clock.monotonic)
    with capture_logs() as logs:
        watch.seen(0.4, 0.5)
        assert not logs
        clock.advance(SETTLING_SECONDS + 1)
        watch.seen(0.4, 0.5)
    assert len(logs) == 1
    assert late(registry) == 2
