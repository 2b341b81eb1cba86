"""Projects take turns at a lane, and nothing waits twice."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from hermodr_delivery.claimed import Message, Stopping
from hermodr_delivery.lane.lines import SORTED_TOGETHER, UNSORTED, Entry, Lines
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import new_ids
from tests.unit.delivery.lanes import Lane, done

A, B, C = (UUID(int=number) for number in (11, 12, 13))


def message(size: int, since: float = 0.0) -> Message:
    return Message(size, since)


async def lines_of(**crowds: int) -> Lines:
    lines = Lines()
    for name, number in crowds.items():
        ids = new_ids(number)
        lines.add(ids, message(number))
        lines.sort(ids, dict.fromkeys(ids, UUID(int=ord(name))))
    return lines


async def test_projects_take_turns_however_many_wait() -> None:
    lines = await lines_of(a=1000, b=1, c=3)
    names = [chr(each.project.int) for each in lines.take(9) if each.project is not None]
    assert names == ["a", "b", "c", "a", "c", "a", "c", "a", "a"]
    assert len(lines) == 995


async def test_turns_go_on_where_they_were() -> None:
    lines = await lines_of(a=10, b=10)
    assert [chr(entry.project.int) for _ in range(4) for entry in lines.take(1) if entry.project] == [*"abab"]


async def test_of_one_project_the_first_goes_first() -> None:
    lines, ids = Lines(), new_ids(50)
    lines.add(ids, message(50))
    lines.sort(ids, dict.fromkeys(ids, A))
    assert [each.id for each in [*lines.take(20), *lines.take(40)]] == ids
    assert (len(lines), lines.take(1)) == (0, [])


async def test_one_that_was_given_back_is_the_very_next() -> None:
    lines = await lines_of(a=10, b=10)
    taken = lines.take(2)
    lines.put(taken[1], first=True)
    lines.put(taken[0], first=True)
    assert lines.take(2) == taken
    again = lines.take(1)[0]
    lines.put(again)
    last = [each.id for each in lines.take(19) if each.project == again.project][-1]
    assert last == again.id


async def test_few_are_not_sorted_and_many_are_some_at_a_time() -> None:
    lines, ids = Lines(), new_ids(UNSORTED + SORTED_TOGETHER)
    lines.add(ids[:UNSORTED], message(UNSORTED))
    assert not lines.unsorted
    lines.add(ids[UNSORTED:], message(SORTED_TOGETHER))
    assert lines.unsorted == ids[:SORTED_TOGETHER]
    lines.sort(lines.unsorted, dict.fromkeys(ids, A))
    assert lines.unsorted == ids[SORTED_TOGETHER:], "beside others also few are sorted"
    assert len(lines) == len(ids)


async def test_one_that_is_gone_or_was_taken_meanwhile_is_not_sorted() -> None:
    lines, ids = Lines(), new_ids(3)
    of = message(3)
    lines.add(ids, of)
    taken = lines.take(1)
    lines.sort(ids, {ids[0]: A, ids[2]: A})
    assert [each.id for each in taken] == [ids[0]]
    assert [each.id for each in lines.take(3)] == [ids[2]]
    of.settle(2)
    assert of.done.done(), "the one that is gone was settled"


async def test_an_id_that_comes_again_waits_once_and_keeps_its_place() -> None:
    lines, ids = Lines(), new_ids(3)
    first, second = message(3), message(2)
    lines.add(ids, first)
    lines.sort(ids, dict.fromkeys(ids, A))
    lines.add(ids[:2], second)
    lines.sort(ids, dict.fromkeys(ids, A))
    assert len(lines) == 3
    assert lines.take(3) == [Entry(ids[0], second, A), Entry(ids[1], second, A), Entry(ids[2], first, A)]
    first.settle()
    assert first.done.done()


async def test_of_what_is_shared_the_newest_whole_messages_go() -> None:
    lines = Lines()
    old, middle, new = ((message(3, since), new_ids(3)) for since in (1.0, 2.0, 3.0))
    for of, ids in (old, middle, new):
        lines.add(ids, of)
    lines.take(1)
    assert {each.message for each in lines.newest(5)} == {new[0]}
    assert {each.message for each in lines.newest(6)} == {new[0], middle[0]}
    assert {each.message for each in lines.newest(100)} == {new[0], middle[0]}
    lines.remove(lines.newest(3))
    assert len(lines) == 5


async def test_one_beside_a_crowd_is_among_the_next(lane: Lane) -> None:
    crowd, one = new_ids(1_500), new_ids(1)
    lane.attempts.projects = dict.fromkeys(one, B) | dict.fromkeys(crowd, A)
    lane.provider.gate.clear()
    tasks = [lane.submit(crowd[start : start + 100]) for start in range(0, 1_500, 100)]
    await wait_until(lambda: sum(map(len, lane.attempts.sorted)) >= 1_400)
    tasks.append(lane.submit(one))
    await wait_until(lambda: one[0] in lane.attempts.sorted[-1])
    lane.provider.gate.set()
    await wait_until(lambda: one[0] in lane.provider.began)
    assert lane.provider.began.index(one[0]) < 30
    await done(*tasks)
    assert Counter(lane.provider.began) == Counter(crowd + one)


async def test_equal_shares_for_unequal_crowds(lane: Lane) -> None:
    projects = {UUID(int=100 + number): new_ids(20 + 5 * number) for number in range(20)}
    lane.attempts.projects = {each: project for project, ids in projects.items() for each in ids}
    lane.provider.gate.clear()
    tasks = [lane.submit(ids) for ids in projects.values()]
    await wait_until(lambda: sum(map(len, lane.attempts.sorted)) > 1_000)
    lane.provider.gate.set()
    await done(*tasks)
    shares = Counter(lane.attempts.projects[each] for each in lane.provider.began[:300])
    assert len(shares) == 20
    assert max(shares.values()) - min(shares.values()) <= 10


async def test_the_surplus_goes_back_to_the_broker_and_the_rest_is_sent(lane: Lane) -> None:
    lane.provider.gate.clear()
    early, late = new_ids(100), new_ids(100)
    tasks = [lane.submit(early)]
    await wait_until(lambda: lane.provider.under_way == 4)
    lane.clock.advance(1.0)
    tasks.append(lane.submit(late))
    await wait_until(lambda: lane.pump.queue.waiting > 150)
    assert lane.pump.queue.share(150) == 100
    with pytest.raises(Stopping):
        await tasks[1]
    lane.provider.gate.set()
    await done(tasks[0])
    assert sorted(lane.provider.began) == sorted(early)


async def test_what_cannot_be_sorted_is_sent_in_order(lane: Lane) -> None:
    async def broken(ids: object) -> dict[UUID, UUID]:
        raise ArithmeticError

    lane.attempts.owners = broken  # type: ignore[method-assign]
    ids = new_ids(1_000)
    async with asyncio.timeout(20):
        await done(lane.submit(ids))
    assert sorted(lane.provider.began) == sorted(ids)
