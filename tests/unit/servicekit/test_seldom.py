"""Lines that strangers cause are counted, and told now and then."""

import logging

import pytest

from hermodr_servicekit.seldom import Seldom, SeldomFilter
from tests.support.clocks import FakeClock


def test_it_is_told_at_once_then_with_how_often() -> None:
    clock = FakeClock()
    seldom = Seldom(10.0, clock.monotonic)
    assert [seldom.times("a") for _ in range(3)] == [1, 0, 0]
    assert seldom.times("b") == 1
    clock.advance(10.0)
    assert [seldom.times("a"), seldom.times("a")] == [3, 0]


def test_many_kinds_take_no_more_memory() -> None:
    clock = FakeClock()
    seldom = Seldom(10.0, clock.monotonic)
    assert all(seldom.times(kind) == 1 for kind in range(5_000))
    assert len(seldom._next) + len(seldom._untold) < 2_100


def test_warnings_of_a_library_are_few_and_errors_all_there(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    log = logging.getLogger("a library of strangers")
    log.addFilter(SeldomFilter(Seldom(10.0, clock.monotonic)))
    for _ in range(100):
        log.warning("Invalid HTTP request received.")
        log.error("a defect")
    clock.advance(11.0)
    log.warning("Invalid HTTP request received.")
    told = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert told == ["Invalid HTTP request received.", "Invalid HTTP request received. (100 times)"]
    assert len(caplog.records) == 102
