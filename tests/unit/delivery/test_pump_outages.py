"""A pump without a database, without its broker, or without a turn for a long time."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from hermodr_delivery.claimed import Stopping
from hermodr_delivery.lane.queue import HELD_SECONDS, SLOW_SECONDS
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.periodic import running
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import new_ids
from tests.unit.delivery.lanes import Lane, done


async def test_with_the_database_away_while_claiming_the_rows_wait_for_it_in_line(lane: Lane) -> None:
    lane.attempts.away = 3
    ids = new_ids(5)
    await done(lane.submit(ids))
    assert lane.provider.began == ids
    assert lane.attempts.claims == [ids, [], [], [], ids], "asked for nothing until it answered"


async def test_a_row_that_somebody_keeps_locked_keeps_nobody_else_waiting_for_long() -> None:
    lane = Lane(concurrency=1, window=2)
    locked, neighbour, *others = new_ids(6)

    def wait_for_the_lock(ids: Sequence[UUID]) -> None:
        if locked in ids:
            lane.clock.advance(SLOW_SECONDS + 1)
            raise LedgerUnavailable

    lane.attempts.before_a_claim = wait_for_the_lock
    async with running(lane.pump.run()):
        await done(lane.submit([locked, neighbour]), lane.submit(others))
    assert lane.attempts.claims.count([locked, neighbour]) == 2, "left to the scheduler then"
    assert lane.provider.began == others


async def test_a_ledger_that_answers_and_cannot_write_is_waited_for(lane: Lane) -> None:
    """A full disk: claiming nothing works, claiming something fails at once."""
    failures = [*range(4)]

    def cannot_write(ids: Sequence[UUID]) -> None:
        if ids and failures:
            failures.pop()
            raise LedgerUnavailable

    lane.attempts.before_a_claim = cannot_write
    ids = new_ids(5)
    await done(lane.submit(ids))
    assert lane.provider.began == ids


async def test_an_outage_leaves_no_second_copy_of_a_message_that_went_back_to_the_broker(lane: Lane) -> None:
    lane.attempts.away = 1_000_000
    ids = new_ids(3)
    handler = lane.submit(ids)
    await wait_until(lambda: len(lane.attempts.claims) > 1)
    handler.cancel()  # the connection is lost, and with it the handlers
    again = lane.submit(ids)
    lane.attempts.away = 0
    await done(again)
    assert [each for each in lane.attempts.claims if each] == [ids, ids]


@pytest.mark.parametrize("reason", ["paused", "without a database", "a slow provider"])
async def test_messages_are_let_go_before_the_broker_takes_the_sender_for_dead(reason: str) -> None:
    lane = Lane(concurrency=1, window=1)
    if reason == "paused":
        lane.pump.pause()
    lane.attempts.away = 1_000_000 if reason == "without a database" else 0
    lane.provider.gate.clear()
    first, early, late = new_ids(1), new_ids(3), new_ids(2)
    async with running(lane.pump.run()):
        tasks = [lane.submit(first), lane.submit(early)]
        for _ in range(50):
            await asyncio.sleep(0)
        lane.clock.advance(HELD_SECONDS)
        tasks.append(lane.submit(late))
        await asyncio.sleep(0)
        await lane.pump.queue.let_go()
        assert not tasks[1].done()
        lane.clock.advance(1)
        await lane.pump.queue.let_go()
        await done(tasks[1])
        assert not tasks[2].done()
        lane.pump.resume()
        lane.attempts.away = 0
        lane.provider.gate.set()
        await done(*tasks)
    assert lane.provider.began == [*(first if reason == "a slow provider" else []), *late]


async def test_it_looks_for_such_messages_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermodr_delivery.lane.queue.LOOK_SECONDS", 0.001)
    lane = Lane()
    lane.pump.pause()
    async with running(lane.pump.run()):
        early = lane.submit(new_ids(3))
        await asyncio.sleep(0)
        lane.clock.advance(HELD_SECONDS + 1)
        await done(early)


async def test_draining_while_the_database_is_away_gives_the_messages_back(lane: Lane) -> None:
    lane.attempts.away = 1_000_000
    task = lane.submit(new_ids(20))
    await wait_until(lambda: lane.attempts.claims)
    await done(asyncio.create_task(lane.pump.drain()))
    with pytest.raises(Stopping):
        await done(task)
    assert not lane.attempts.claimed


async def test_with_the_database_away_while_recording_nothing_is_forgotten_or_sent_again(lane: Lane) -> None:
    lane.attempts.recording.clear()
    ids = new_ids(3)
    task = lane.submit(ids)
    await wait_until(lambda: lane.attempts.batches)
    lane.attempts.away = 2
    lane.attempts.recording.set()
    await done(task)
    assert sorted(lane.attempts.recorded) == sorted(lane.provider.began) == sorted(ids)
