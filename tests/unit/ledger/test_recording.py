import asyncio
from collections.abc import Sequence

import pytest

from hermodr_ledger.engine import LedgerUnavailable, recording
from hermodr_ledger.engine.recording import NotRecordedError, Recording
from tests.support.clocks import FakeClock


class FakeLedger:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.recorded: list[Sequence[int]] = []
        self.outages = 0
        self.asked = 0

    async def record(self, results: Sequence[int]) -> None:
        self.asked += 1
        self.clock.advance(1)
        if self.outages:
            self.outages -= 1
            raise LedgerUnavailable
        if any(each < 0 for each in results):
            raise ValueError("negative")
        self.recorded.append(list(results))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> FakeLedger:
    monkeypatch.setattr(recording, "_AFTER_ERROR_SECONDS", 0)
    return FakeLedger(clock)


async def test_results_are_recorded_together(ledger: FakeLedger, clock: FakeClock) -> None:
    results = Recording(ledger.record, clock, patience=10)
    await asyncio.gather(*map(results.submit, range(5)))
    assert ledger.recorded == [[0, 1, 2, 3, 4]]


async def test_what_is_wrong_with_one_concerns_no_other(ledger: FakeLedger, clock: FakeClock) -> None:
    results = Recording(ledger.record, clock, patience=10)
    found = await asyncio.gather(*map(results.submit, (1, -1, 2)), return_exceptions=True)
    assert found[0] is None
    assert found[2] is None
    assert isinstance(found[1], NotRecordedError)
    assert isinstance(found[1].__cause__, ValueError)
    assert ledger.recorded == [[1], [2]]


async def test_an_outage_is_waited_for_but_not_for_ever(ledger: FakeLedger, clock: FakeClock) -> None:
    results = Recording(ledger.record, clock, patience=5)
    ledger.outages = 3
    await results.submit(1)
    assert ledger.recorded == [[1]]
    assert ledger.asked == 4
    ledger.outages = 100
    with pytest.raises(LedgerUnavailable):
        await results.submit(2)
    assert ledger.asked < 12
    ledger.outages = 0
    await results.submit(3)
    await results.drain()
    assert ledger.recorded == [[1], [3]]
