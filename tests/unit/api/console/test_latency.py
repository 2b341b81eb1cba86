"""The picture of how long messages took."""

from datetime import UTC, datetime, timedelta

from hermodr_api.console.latency import latency
from hermodr_ledger.jobs.over_time import Accepted

LAST = datetime(2026, 11, 30, 9, 59, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_percentiles_by_minute_and_over_all() -> None:
    rows = [
        Accepted(LAST, "completed", 90, 100.0),
        Accepted(LAST, "completed", 9, 1000.0),
        Accepted(LAST, "completed", 1, 10_000.0),
        Accepted(LAST, "failed", 50),
        Accepted(LAST - MINUTE, "completed", 100, 20.0),
        Accepted(LAST - 5 * MINUTE, "completed", 7, 1.0),
    ]
    found = latency(rows, LAST, MINUTE, 3)
    assert [each.at for each in found.spreads] == [LAST - 2 * MINUTE, LAST - MINUTE, LAST]
    assert [each.messages for each in found.spreads] == [0, 100, 100]
    assert found.spreads[0].ms == {}
    assert found.spreads[2].ms == {"p50": 100.0, "p95": 1000.0, "p99": 1000.0}
    assert found.whole.messages == 200
    assert found.whole.ms == {"p50": 20.0, "p95": 100.0, "p99": 1000.0}
    assert [ms for _, ms in found.rules] == [10.0, 100.0, 1000.0]


def test_lines_join_neighbours_only_and_what_is_alone_is_a_dot() -> None:
    rows = [Accepted(LAST - nth * MINUTE, "completed", 1, 10.0) for nth in (0, 1, 3)]
    paths = latency(rows, LAST, MINUTE, 4).paths
    assert paths["p50"] == "M5 92h.01M25 92h.01L35 92"
    assert paths["p50"] == paths["p99"]


def test_faster_is_lower() -> None:
    rows = [Accepted(LAST, "completed", 1, 5000.0), Accepted(LAST - MINUTE, "completed", 1, 0.0)]
    found = latency(rows, LAST, MINUTE, 2)
    heights = [height for height, _ in found.rules]
    assert heights == sorted(heights, reverse=True), "heights of a picture count from its top"
    assert found.rules[0][1] == 1.0
    assert found.rules[-1][1] == 10_000.0


def test_nothing_is_drawn_of_nothing() -> None:
    found = latency([Accepted(LAST, "queued", 3)], LAST, MINUTE, 2)
    assert set(found.paths.values()) == {""}
    assert found.whole.messages == 0
