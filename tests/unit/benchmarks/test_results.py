import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.results import Beside, Bulk, Result, disturbed, middle, percentile


def run(rate: float = 1000.0, *, sink: float = 1.0, machine: float = 10.0, mails: int = 1000) -> Bulk:
    roles = {"api": 2.0, "database": 1.0, "sink": sink}
    return Bulk(mails, mails / rate, roles, machine, {"api": 50.0}, 0.5)


def test_more_per_second_and_less_of_anything_else_is_better() -> None:
    assert Result("bulk", "mails_per_second", "1/s", 3000, {"celery_pg": 600}).ratio("celery_pg") == 5
    assert Result("bulk", "cpu", "s/1000", 0.5, {"celery_pg": 3.0}).ratio("celery_pg") == 6
    assert Result("sent", "p50", "ms", 30, {"bullmq": 15}).ratio("bullmq") == 0.5


def test_a_ratio_to_nothing_is_none() -> None:
    assert Result("bulk", "mails_per_second", "1/s", 3000, {"celery_pg": 0}).ratio("celery_pg") == 0


def test_machines_read_scenario_metric_unit_ours_and_theirs() -> None:
    result = Result("bulk", "mails_per_second", "1/s", 2943.21, {"celery_pg": 538.0}, 1.234, "≥ 4,000")
    assert result.document() == {
        "scenario": "bulk",
        "metric": "mails_per_second",
        "unit": "1/s",
        "hermodr": 2943.21,
        "peers": {"celery_pg": 538.0},
        "ratios": {"celery_pg": 5.4707},
        "load_average": 1.23,
        "target": "≥ 4,000",
        "met": False,
    }


@pytest.mark.parametrize(
    ("target", "met"),
    [
        ("", None),
        ("< 3,000", False),
        ("≤ 3,000", True),
        ("≥ 3,000", True),
        ("≥ 5 × celery_pg", True),
        ("≥ 5.1 × celery_pg", False),
        ("≥ 5 × bullmq", None),
        ("≥ 4,000 or ≥ 5 × celery_pg", True),
        ("≥ 4,000 or ≥ 6 × celery_pg", False),
        ("≥ 3,000 or ≥ 5 × bullmq", True),
        ("≥ 4,000 or ≥ 5 × bullmq", None),
        ("≥ 3,000 and ≥ 5 × celery_pg", True),
        ("≥ 4,000 and ≥ 5 × celery_pg", False),
        ("≥ 3,000 and ≥ 5 × bullmq", None),
        ("≥ 4,000 and ≥ 5 × bullmq", False),
    ],
)
def test_a_target_is_met_or_not_or_cannot_be_told(target: str, met: bool | None) -> None:
    assert Result("bulk", "rate", "1/s", 3000, {"celery_pg": 600}, target=target).met is met


def test_words_that_are_no_bound_are_no_target() -> None:
    with pytest.raises(ValueError, match="no bound"):
        Result("bulk", "rate", "1/s", 3000, target="fast").met  # noqa: B018


def test_the_sink_is_somebody_elses_machine() -> None:
    assert run(sink=5.0).cost == pytest.approx(0.003)
    assert run(500).rate == 500


@pytest.mark.parametrize(("machine", "share"), [(8.0, 0.5), (4.0, 0.0), (3.9, 0.0), (0.0, 0.0)])
def test_what_others_did_is_the_rest_of_the_machines_work(machine: float, share: float) -> None:
    assert run(machine=machine).foreign == share


def test_a_disturbed_run_says_so_and_an_undisturbed_one_does_not() -> None:
    quiet, noisy = run(machine=4.1), run(machine=8.0)
    assert disturbed({"ours": [quiet]}) is None
    assert disturbed({}) is None
    assert "50%" in (disturbed({"ours": [quiet], "theirs": [noisy]}) or "")


def test_the_median_run_counts_and_of_two_the_slower() -> None:
    assert middle([run(300), run(100), run(200)]).rate == 200
    assert middle([run(300), run(100)]).rate == 100


def test_what_was_compared_round_by_round_is_told_by_its_median() -> None:
    ours, theirs = [run(1000), run(2000), run(1500)], [run(100), run(400), run(250)]
    beside = Beside.of(ours, theirs)
    assert (beside.rate, beside.least, beside.most, beside.cost) == pytest.approx((6, 5, 10, 1))
    assert Beside.of(ours, theirs[:1]).rate == pytest.approx(10), "a peer that failed later"
    rates = Result("bulk", "mails_per_second", "1/s", 1500, {"celery_pg": 250}, ratios={"celery_pg": 7})
    assert rates.ratio("celery_pg") == 7


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_so_many_do_not_exceed_a_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert percentile(values, 1.0) == max(values)
