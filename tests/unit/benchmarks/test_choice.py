import pytest

from tests.benchmarks.__main__ import LABELS, Choice, bulk_results
from tests.benchmarks.peer import PEERS
from tests.benchmarks.results import Bulk
from tests.benchmarks.scenarios import SCENARIOS


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PEERS", "ONLY", "ROUNDS", "QUICK"):
        monkeypatch.delenv(name, raising=False)


def test_everything_is_measured_by_default() -> None:
    choice = Choice.of_environment()
    assert choice.peers == PEERS
    assert choice.scenarios == ("bulk", *SCENARIOS)
    assert (choice.mails, choice.rounds) == (20_000, 3)


def test_quick_is_less_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Choice.of_environment()
    monkeypatch.setenv("QUICK", "1")
    quick = Choice.of_environment()
    assert quick.quick
    assert quick.mails < usual.mails
    assert quick.peer_mails < usual.peer_mails
    assert quick.rounds == 1


def test_peers_are_all_none_or_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERS", "none")
    assert Choice.of_environment().peers == ()
    monkeypatch.setenv("PEERS", "bullmq,celery_pg")
    assert {peer.name for peer in Choice.of_environment().peers} == {"bullmq", "celery_pg"}
    monkeypatch.setenv("PEERS", "")
    assert Choice.of_environment().peers == PEERS


@pytest.mark.parametrize(("variable", "value"), [("PEERS", "celery,bullmq"), ("ONLY", "bulk,everything")])
def test_what_does_not_exist_is_named_or_the_choice_told(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit, match=variable):
        Choice.of_environment()


def test_rounds_and_scenarios_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUNDS", "5")
    monkeypatch.setenv("ONLY", "posts,bulk")
    choice = Choice.of_environment()
    assert choice.rounds == 5
    assert choice.scenarios == ("posts", "bulk")


def test_every_peer_has_the_name_machines_know_it_by_and_one_for_people() -> None:
    assert {peer.name for peer in PEERS} == {
        "celery_pg",
        "celery_quorum",
        "dramatiq",
        "procrastinate",
        "bullmq",
    }
    assert all(peer.name in LABELS for peer in PEERS)


def test_a_bulk_run_becomes_single_numbers_beside_the_peers() -> None:
    ours = Bulk(2000, 0.5, {"api": 0.2, "sink": 0.1}, 1.0, {"api": 90.0, "sink": 10.0}, 1.0)
    theirs = Bulk(1000, 2.0, {"worker": 2.0, "sink": 0.1}, 3.0, {"worker": 60.0}, 1.0)
    found = {result.metric: result for result in bulk_results({"hermodr": [ours], "celery_pg": [theirs]})}
    assert (found["mails_per_second"].hermodr, found["mails_per_second"].peers) == (4000, {"celery_pg": 500})
    assert found["mails_per_second"].ratio("celery_pg") == 8
    assert found["cpu_all_but_sink"].hermodr == pytest.approx(0.1)
    assert found["cpu_all_but_sink"].peers == {"celery_pg": 2.0}
    assert found["cpu_sink"].hermodr == pytest.approx(0.05)
    assert found["memory_api"].hermodr == 90
