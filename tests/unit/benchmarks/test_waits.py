from tests.benchmarks.results import Result
from tests.benchmarks.waits import beside


def test_a_peers_numbers_stand_beside_ours_of_the_same_scenario_and_metric() -> None:
    ours = [
        Result("sent", "p50", "ms", 20.0),
        Result("sent", "p99", "ms", 50.0),
        Result("other", "p50", "ms", 1.0),
    ]
    with_one = beside(ours, "celery_pg", {("sent", "p50"): 10.0, ("sent", "p99"): 45.0, ("late", "p50"): 3.0})
    with_two = beside(with_one, "bullmq", {("sent", "p50"): 4.0})
    assert [each.peers for each in with_two] == [{"celery_pg": 10.0, "bullmq": 4.0}, {"celery_pg": 45.0}, {}]
    assert [each.peers for each in ours] == [{}, {}, {}]
