"""What is kept of what an attempt logs."""

from uuid import UUID

import pytest

from hermodr_worker.context import MOST_OF_A_LINE, TaskContext
from hermodr_worker.lines import MOST_KEPT, MOST_WAITING, Lines
from tests.support.clocks import FakeClock


class Bell:
    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> None:
        self.rung += 1


def numbers(lines: Lines, *, over: bool = False) -> list[int]:
    return [each.number for each in lines.due(over=over)]


def test_lines_are_numbered_and_told_of() -> None:
    bell, clock = Bell(), FakeClock()
    lines = Lines(clock, bell)
    lines.add("one")
    clock.advance(1)
    lines.add("two")
    assert [(each.number, each.text) for each in lines.due(over=False)] == [(1, "one"), (2, "two")]
    first, second = lines.due(over=False)
    assert (second.at - first.at).total_seconds() == 1
    assert bell.rung == 2


def test_what_is_kept_is_due_no_more_and_what_came_meanwhile_is() -> None:
    lines = Lines(FakeClock(), Bell())
    lines.add("one")
    due = lines.due(over=False)
    lines.add("two")
    lines.kept(due)
    assert numbers(lines) == [2]


def test_of_what_cannot_be_kept_fast_enough_the_last_lines_wait() -> None:
    lines = Lines(FakeClock(), Bell())
    for number in range(MOST_WAITING + 10):
        lines.add(f"{number}")
    assert numbers(lines) == list(range(11, MOST_WAITING + 11))


def test_after_the_first_lines_the_last_wait_for_the_end() -> None:
    lines = Lines(FakeClock(), Bell())
    for number in range(MOST_KEPT):
        lines.add(f"{number}")
        lines.kept(lines.due(over=False))
    for number in range(2 * MOST_WAITING):
        lines.add(f"{number}")
    assert numbers(lines) == []
    last = MOST_KEPT + 2 * MOST_WAITING
    assert numbers(lines, over=True) == list(range(last - MOST_WAITING + 1, last + 1))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("as it is\n\tindented", "as it is\n\tindented"),
        ("nul \0, half \ud800", "nul \ufffd, half \ufffd"),
        ("x" * MOST_OF_A_LINE, "x" * MOST_OF_A_LINE),
        ("x" * (MOST_OF_A_LINE + 1), "x" * (MOST_OF_A_LINE - 1) + "…"),
    ],
)
def test_a_line_is_such_that_it_can_be_kept(text: str, line: str) -> None:
    found: list[str] = []
    TaskContext(UUID(int=1), 1, project_id=UUID(int=2), logged=found.append).log(text)
    assert found == [line]


class Shy(str):
    """A text that cannot be written out."""

    def __str__(self) -> str:
        raise ValueError("not yet loaded")


class Sly(str):
    """A text that is none when it is looked at."""

    def __str__(self) -> str:
        return self

    def translate(self, table: object, /) -> str:
        raise RuntimeError

    def __getitem__(self, at: object, /) -> str:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError


def test_what_cannot_be_shown_is_named_by_its_type_and_ends_no_task() -> None:
    found: list[str] = []
    context = TaskContext(UUID(int=1), 1, project_id=UUID(int=2), logged=found.append)
    context.log(Shy("x"))
    context.log(Sly("as it is"))
    assert found == ["(Shy, which cannot be shown)", "as it is"]
    assert {type(each) for each in found} == {str}


async def test_a_task_that_is_to_stop_may_still_log_and_awaits_or_not() -> None:
    found: list[str] = []
    context = TaskContext(UUID(int=1), 1, project_id=UUID(int=2), logged=found.append)
    context.stop()
    context.log("stopping")
    await context.log("stopped")
    assert found == ["stopping", "stopped"]
    assert not context.obeyed
