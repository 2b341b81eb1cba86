"""Which tests run under shifted clocks, and which clocks those are."""

from datetime import UTC, date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.dates.moments import MOMENTS
from tests.support import faketime
from tests.support.dated import dated_tests

MODULE = """
import pytest
NOW = datetime.now(UTC)
LATER = [NOW + timedelta(hours=1)]

@pytest.fixture
def person():
    return quiet(LATER)

def quiet(hours): ...
def test_by_a_fixture(person): ...
async def test_by_a_constant():
    assert LATER
def test_itself():
    assert clock.now() > time.time()
def test_without():
    quiet([])
    "SELECT now()"
@pytest.mark.dates
def test_marked(): ...
"""


def test_a_test_is_dated_by_what_it_asks_or_by_what_it_uses() -> None:
    found = dated_tests(MODULE)
    assert found == {"test_by_a_fixture", "test_by_a_constant", "test_itself", "test_marked"}
    assert dated_tests("def test_it(): assert 1") == set()


def test_a_file_on_disk_that_was_red_one_day_is_found() -> None:
    doctor = Path(__file__).parents[2] / "integration/cli/test_doctor.py"
    assert "test_weeks_that_run_out" in dated_tests(doctor.read_text(encoding="utf-8"))


def test_the_moments_are_those_at_which_calendars_go_wrong() -> None:
    around = {each.passes + by for each in MOMENTS for by in (timedelta(seconds=-5), timedelta(seconds=5))}
    assert {moment.isoweekday() for moment in around} == set(range(1, 8))
    days = {moment.date() for moment in around}
    assert {
        date(2026, 12, 31),
        date(2027, 1, 1),
        date(2027, 1, 31),
        date(2027, 4, 30),
        date(2028, 2, 29),
    } <= days
    assert {moment.isocalendar()[:2] for moment in around} >= {(2026, 53), (2027, 1)}
    jumps = [
        each.name
        for each in MOMENTS
        if each.passes.astimezone(ZoneInfo(each.zone)).utcoffset()
        != (each.passes - timedelta(seconds=1)).astimezone(ZoneInfo(each.zone)).utcoffset()
    ]
    assert sorted(jumps) == ["clocks-back", "clocks-forward", "us-clocks-back", "us-clocks-forward"]
    assert all(each.passes.tzinfo is UTC for each in MOMENTS)
    assert len({each.name for each in MOMENTS}) == len(MOMENTS)


def test_servers_of_ours_show_the_time_that_we_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAKETIME", raising=False)
    assert faketime.ours() == {}
    started_with = faketime.shifted(Path("/lib/it.so"), -7.5)
    for name, value in started_with.items():
        monkeypatch.setenv(name, value)
    assert faketime.ours() == started_with
    assert started_with["FAKETIME"] == "-7.500"
