"""Who gets the free calls."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from hermodr_ledger.webhooks.sharing import FREE_FOR_OTHERS, Limits, Turn, shares

ONE, TWO, THREE = (UUID(int=nth) for nth in (1, 2, 3))


def turns(project: UUID, number: int, failing: bool = False) -> list[Turn]:
    return [Turn(uuid4(), project, failing) for _ in range(number)]


def test_a_busy_project_leaves_calls_to_others() -> None:
    found = shares(Limits(200, 100, 50, {}), turns(ONE, 400))
    assert (len(found), set(found.values())) == (150, {1})
    assert shares(Limits(50, 50, 50, {ONE: 150}), turns(ONE, 250)) == {}


def test_a_project_without_calls_gets_the_last_one() -> None:
    assert len(shares(Limits(1, 1, 50, {ONE: 199}), [*turns(ONE, 5), *turns(TWO, 5)])) == 1
    assert len(shares(Limits(1, 1, 50, {ONE: 198, TWO: 1}), [*turns(ONE, 5), *turns(TWO, 5)])) == 0


def test_few_endpoints_get_several_messages() -> None:
    first, second = turns(ONE, 2)
    assert shares(Limits(200, 100, 50, {}), [first, second]) == {
        first.endpoint_id: 50,
        second.endpoint_id: 50,
    }


def test_projects_get_as_much_as_each_other_however_many_endpoints_they_have() -> None:
    many, few = turns(ONE, 100), turns(TWO, 1)
    found = shares(Limits(20, 10, 50, {}), [*many, *few])
    others = sum(found.get(each.endpoint_id, 0) for each in many)
    assert abs(others - found[few[0].endpoint_id]) <= 1
    assert others > 5


def test_failing_endpoints_get_one_each_within_their_bound() -> None:
    failing, well = turns(ONE, 10, failing=True), turns(TWO, 1)
    found = shares(Limits(40, 4, 5, {}), [*well, *failing])
    assert found == {well[0].endpoint_id: 5, **{each.endpoint_id: 1 for each in failing[:4]}}


@given(
    room=st.integers(0, 60),
    failing=st.integers(0, 60),
    each=st.integers(1, 20),
    busy=st.dictionaries(st.sampled_from([ONE, TWO, THREE]), st.integers(1, 60)),
    lines=st.lists(st.tuples(st.sampled_from([ONE, TWO, THREE]), st.booleans()), max_size=80),
)
def test_no_bound_is_passed_and_nobody_is_left_out(
    room: int, failing: int, each: int, busy: dict[UUID, int], lines: list[tuple[UUID, bool]]
) -> None:
    given_turns = [Turn(UUID(int=nth), project, fails) for nth, (project, fails) in enumerate(lines)]
    found = shares(Limits(room, failing, each, busy), given_turns)
    by_project = dict.fromkeys((ONE, TWO, THREE), 0)
    for turn in given_turns:
        got = found.get(turn.endpoint_id, 0)
        assert got <= (1 if turn.failing else each)
        by_project[turn.project_id] += got
    left = room - sum(found.values())
    assert left >= 0
    assert sum(found.get(turn.endpoint_id, 0) for turn in given_turns if turn.failing) <= failing
    for project, got in by_project.items():
        total = busy.get(project, 0) + got
        assert got == 0 or total == 1 or total <= FREE_FOR_OTHERS * room
        well = any(turn.project_id == project and not turn.failing for turn in given_turns)
        if well and project not in busy and left:
            assert got
