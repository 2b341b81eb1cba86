"""An attempt that was made is written down, however long that takes, and its retry announced."""

import asyncio
from collections.abc import Iterable

import pytest

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery import recorder
from hermodr_delivery.recorder import Result
from hermodr_ledger.deliveries.attempts import Outcome
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import LADDER, PATIENCE, Bench, claim_of, new_ids, result_of


async def all_of(bench: Bench, results: Iterable[Result]) -> list[BaseException | None]:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(
            *(bench.recorder.submit(each) for each in results), return_exceptions=True
        )


async def test_results_are_recorded_together_with_what_follows_from_them() -> None:
    bench = Bench()
    outcomes = [Outcome.SENT, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.TRANSIENT]
    ids = new_ids(4)
    results = [result_of(claim_of(each), outcome) for each, outcome in zip(ids, outcomes, strict=True)]
    assert await all_of(bench, results) == [None] * 4
    (batch,) = bench.attempts.batches
    assert [settlement.state for _, settlement in batch] == ["sent", "retrying", "failed", "retrying"]
    assert bench.announcer.rung == [(Channel.EMAIL, Priority.NORMAL, [ids[1], ids[3]], LADDER[0])]
    assert (
        bench.metric("hermodr_deliveries_total", channel="email", provider="fake", outcome="transient") == 2
    )
    assert bench.metric("hermodr_retries_total", channel="email", step="10s") == 2
    assert bench.metric("hermodr_jobs_finished_total", kind="notification", status="completed") == 1
    assert bench.metric("hermodr_accept_to_sent_seconds_count", channel="email", priority="normal") == 1


async def test_each_retry_goes_to_the_step_of_its_turn_and_a_longer_wish_is_left_to_the_scheduler() -> None:
    bench = Bench()
    first, second, patient, last = new_ids(4)
    await all_of(
        bench,
        [
            result_of(claim_of(first), Outcome.TRANSIENT),
            result_of(claim_of(second, attempt=2), Outcome.TRANSIENT),
            result_of(claim_of(patient), Outcome.THROTTLED, retry_after=30.0),
            result_of(claim_of(last, attempt=3), Outcome.TRANSIENT),
        ],
    )
    assert {step: ids for _, _, ids, step in bench.announcer.rung} == {
        LADDER[0]: [first],
        LADDER[1]: [second],
    }
    assert bench.metric("hermodr_retries_total", channel="email", step="10s") == 2


async def test_an_answer_that_came_too_late_is_neither_counted_nor_retried() -> None:
    bench = Bench()
    late, good = new_ids(2)
    bench.attempts.stale.add(late)
    results = [result_of(claim_of(late), Outcome.TRANSIENT), result_of(claim_of(good))]
    assert await all_of(bench, results) == [None, None]
    assert bench.announcer.rung == []
    assert (
        bench.metric("hermodr_deliveries_total", channel="email", provider="fake", outcome="transient") == 0
    )


async def test_the_database_is_waited_for() -> None:
    bench = Bench()
    bench.attempts.away = 2
    (delivery_id,) = new_ids(1)
    assert await all_of(bench, [result_of(claim_of(delivery_id))]) == [None]
    assert bench.attempts.recorded == [delivery_id]
    assert len(bench.attempts.batches) == 3


async def test_a_result_that_cannot_be_recorded_fails_alone() -> None:
    bench = Bench()
    bad, *good = new_ids(4)
    bench.attempts.broken.add(bad)
    outcomes = await all_of(bench, [result_of(claim_of(each)) for each in (good[0], bad, *good[1:])])
    assert [type(each) for each in outcomes] == [type(None), ArithmeticError, type(None), type(None)]
    assert sorted(bench.attempts.recorded) == sorted(good)


async def test_draining_waits_for_records_and_announcements() -> None:
    bench = Bench()
    bench.attempts.recording.clear()
    future = bench.recorder.submit(result_of(claim_of(new_ids(1)[0])))
    draining = asyncio.create_task(bench.recorder.drain())
    await wait_until(lambda: bench.attempts.batches)
    assert not draining.done()
    assert bench.announcer.drained == 0
    bench.attempts.recording.set()
    async with asyncio.timeout(PATIENCE):
        await draining
    assert future.done()
    assert bench.announcer.drained == 1


async def test_a_result_whose_row_is_locked_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_HELD_SECONDS", 0.01)
    bench = Bench()
    held, *free = new_ids(4)
    bench.attempts.held.add(held)
    waiting = bench.recorder.submit(result_of(claim_of(held), Outcome.TRANSIENT))
    assert await all_of(bench, [result_of(claim_of(each)) for each in free]) == [None] * 3
    await wait_until(lambda: len(bench.attempts.batches) > 3)
    assert sorted(bench.attempts.recorded) == sorted(free)
    assert not waiting.done()
    draining = asyncio.create_task(bench.recorder.drain())
    await asyncio.sleep(0)
    bench.attempts.held.clear()
    async with asyncio.timeout(PATIENCE):
        await draining
    assert waiting.done()
    assert bench.attempts.recorded[-1] == held
    assert bench.announcer.rung == [(Channel.EMAIL, Priority.NORMAL, [held], LADDER[0])]


async def test_a_result_whose_key_is_locked_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_HELD_SECONDS", 0.01)
    bench = Bench()
    held, *free = new_ids(9)
    bench.attempts.key_held.add(held)
    waiting = bench.recorder.submit(result_of(claim_of(held)))
    assert await all_of(bench, [result_of(claim_of(each)) for each in free]) == [None] * 8
    assert not waiting.done()
    bench.attempts.key_held.clear()
    async with asyncio.timeout(PATIENCE):
        await bench.recorder.drain()
    assert sorted(bench.attempts.recorded) == sorted([held, *free])
