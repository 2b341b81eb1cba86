"""Sequences of faults: the same from the same seed, and playable again."""

import pytest

from hermodr_contracts.ladder import parse_ladder
from tests.chaos import faults
from tests.chaos.faults import CATALOGUE, FIRST, LADDER_SECONDS
from tests.chaos.site import LADDER


def test_a_seed_says_everything() -> None:
    assert faults.sequence(7, 600) == faults.sequence(7, 600)
    assert faults.sequence(7, 600) != faults.sequence(8, 600)


@pytest.mark.parametrize("seed", range(20))
def test_a_long_run_has_every_kind_each_within_its_limits(seed: int) -> None:
    found = faults.sequence(seed, 600)
    assert {each.kind for each in found} == set(CATALOGUE)
    assert [each.at for each in found] == sorted(each.at for each in found)
    for each in found:
        choice = CATALOGUE[each.kind]
        assert each.target in choice.targets
        assert choice.shortest <= each.seconds <= (choice.worst or choice.longest)
        assert each.at + each.seconds <= 600


def test_no_kind_comes_again_before_all_have_come() -> None:
    kinds = [each.kind for each in faults.sequence(1, 3000)]
    assert len(set(kinds[: len(CATALOGUE)])) == len(CATALOGUE)


@pytest.mark.parametrize("seed", range(20, 40))
def test_no_mail_meets_a_third_long_absence_of_the_provider(seed: int) -> None:
    """Three of them use up its attempts (seed 31 had them), and then it is given up, as it should be."""
    found = faults.sequence(seed, 1800)
    away = [each for each in found if each.kind == "provider-down"]
    long = [each.at for each in away if each.seconds > CATALOGUE["provider-down"].longest]
    assert len(long) >= 3
    assert all(third - first >= LADDER_SECONDS for first, third in zip(long, long[2:], strict=False))
    ladder = sum(step.delay.total_seconds() for step in parse_ladder(LADDER))
    assert ladder < LADDER_SECONDS


def test_what_was_written_down_is_played_again() -> None:
    found = faults.sequence(3, 300)
    assert faults.loaded(faults.dumped(found)) == found
    with pytest.raises(ValueError, match="no such faults: earthquake"):
        faults.loaded('[{"at": 1, "kind": "earthquake", "target": "all", "seconds": 1}]')
    with pytest.raises(ValueError, match="not a sequence of faults"):
        faults.loaded('[{"kind": "kill"}]')


def test_halves_start_at_once_and_keep_their_pauses() -> None:
    found = faults.sequence(3, 300)
    first, second = faults.halves(found)
    assert [each.kind for each in first + second] == [each.kind for each in found]
    assert first[0].at == second[0].at == FIRST
    assert second[1].at - second[0].at == pytest.approx(
        found[len(first) + 1].at - found[len(first)].at, abs=0.11
    )
    assert faults.halves(found[:1]) == []
