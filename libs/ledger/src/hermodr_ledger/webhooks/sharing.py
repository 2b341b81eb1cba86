"""How a sender's free calls are shared among projects and their endpoints. Pure."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

FREE_FOR_OTHERS = 3
"""A project has at most so many calls for each that stays free (the dynamic threshold of Choudhury and Hahne, by which
switches share a buffer): one busy project leaves a quarter of all calls to others, two leave a seventh, and so on."""


class Turn(NamedTuple):
    """An endpoint that may have messages. `failing`: its last answer was a failure."""

    endpoint_id: UUID
    project_id: UUID
    failing: bool


class Limits(NamedTuple):
    """How much may be claimed: messages in all, of these to endpoints that fail, and being sent to one endpoint.
    `busy`: calls that a project has already."""

    room: int
    failing: int
    each: int
    busy: Mapping[UUID, int]


def shares(limits: Limits, turns: Sequence[Turn]) -> dict[UUID, int]:
    """Messages that each endpoint may have, of those that may have any. Projects get one in turn, and so do the
    endpoints of each, in the order given; a failing endpoint gets one."""
    room, failing = limits.room, limits.failing
    calls = Counter(limits.busy)
    given: Counter[UUID] = Counter()
    lines: dict[UUID, deque[Turn]] = {}
    for turn in turns:
        lines.setdefault(turn.project_id, deque()).append(turn)
    while room and lines:
        for project, line in list(lines.items()):
            if not room:
                break
            if not line or (calls[project] and calls[project] + 1 > FREE_FOR_OTHERS * (room - 1)):
                del lines[project]
                continue
            turn = line.popleft()
            if turn.failing and not failing:
                continue
            given[turn.endpoint_id] += 1
            calls[project] += 1
            room -= 1
            if turn.failing:
                failing -= 1
            elif given[turn.endpoint_id] < limits.each:
                line.append(turn)
    return dict(given)
