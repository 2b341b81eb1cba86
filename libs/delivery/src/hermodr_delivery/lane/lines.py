"""The unclaimed ids of one lane, a line for each project; projects take turns, one id at a time.

    add ─▶ line of the unsorted ─▶ `sort`, once many wait ─▶ a line for each project ─▶ `take`

Whose an id is stands in the ledger alone. While little waits, nobody asks.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from hermodr_delivery.claimed import Message

LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.0002, 0.2
"""The least pause for each project that is held back: asking for all of them takes time."""
NEVER_SECONDS = 1.0
"""The longest pause; what was unsorted is known by then."""

PauseOf = Callable[[UUID, UUID, int], float]
"""Of an id, its project, and how many of these wait: seconds until it may be taken; 0: now, and it is."""

UNSORTED = 200
"""Ids that may wait unsorted, as nothing else waits."""
SORTED_TOGETHER = 1_000

_NOBODY: UUID | None = None
"""The owner of the unsorted."""


class Entry(NamedTuple):
    id: UUID
    message: Message
    project: UUID | None = None


class Lines:
    """An id waits once: one that comes again keeps its place, and belongs to the newer message. `pause_of` holds
    projects back, which hold up no other; then all ids are sorted before they are taken."""

    def __init__(self, pause_of: PauseOf | None = None) -> None:
        self._pause_of = pause_of
        self._held: frozenset[UUID | None] = frozenset()
        self.pause = 0.0
        """Seconds until `take` may find more."""
        self._lines: OrderedDict[UUID | None, OrderedDict[UUID, Message]] = OrderedDict()
        self._number = 0

    def __len__(self) -> int:
        return self._number

    @property
    def unsorted(self) -> Sequence[UUID]:
        """Those to sort now, at most `SORTED_TOGETHER`."""
        line = self._lines.get(_NOBODY)
        if line is None or (self._pause_of is None and len(self._lines) == 1 and len(line) <= UNSORTED):
            return ()
        return list(islice(line, SORTED_TOGETHER))

    @property
    def since(self) -> float | None:
        """When the message of the first of all came (monotonic), without projects that are held back."""
        of = (line for project, line in self._lines.items() if project not in self._held)
        return min((next(iter(line.values())).since for line in of), default=None)

    def add(self, ids: Iterable[UUID], message: Message) -> None:
        for each in ids:
            self.put(Entry(each, message))

    def put(self, entry: Entry, *, first: bool = False) -> None:
        """Behind the others of its project, or (`first`) as the very next."""
        delivery_id, message, project = entry
        line = self._lines.get(project)
        if line is None:
            line = self._lines[project] = OrderedDict()
        earlier = line.get(delivery_id)
        line[delivery_id] = message
        if earlier is None:
            self._number += 1
        else:
            earlier.settle()
        if first:
            line.move_to_end(delivery_id, last=False)
            self._lines.move_to_end(project, last=False)

    def sort(self, ids: Iterable[UUID], owners: Mapping[UUID, UUID]) -> None:
        """Moves ids to their projects' lines. Those that nobody owns are gone."""
        line = self._lines.get(_NOBODY)
        if line is None:
            return
        for each in ids:
            message = line.pop(each, None)
            if message is None:
                continue  # claimed meanwhile
            self._number -= 1
            if owner := owners.get(each):
                self.put(Entry(each, message, owner))
            else:
                message.settle()
        if not line:
            del self._lines[_NOBODY]

    def take(self, room: int) -> list[Entry]:
        """Up to `room` ids, one of each project in turn."""
        if self._pause_of is not None:
            return self._take_held(room, self._pause_of)
        taken: list[Entry] = []
        lines = self._lines
        while lines and len(taken) < room:
            project, line = next(iter(lines.items()))
            for _ in range(1 if len(lines) > 1 else room - len(taken)):
                delivery_id, message = line.popitem(last=False)
                taken.append(Entry(delivery_id, message, project))
                if not line:
                    del lines[project]
                    break
            else:
                lines.move_to_end(project)
        self._number -= len(taken)
        return taken

    def _take_held(self, room: int, pause_of: PauseOf) -> list[Entry]:
        taken: list[Entry] = []
        lines, held = self._lines, OrderedDict[UUID | None, OrderedDict[UUID, Message]]()
        self.pause = NEVER_SECONDS
        while lines and len(taken) < room:
            project, line = next(iter(lines.items()))
            pause = pause_of(next(iter(line)), project, len(line)) if project is not None else NEVER_SECONDS
            if pause > 0:
                self.pause = min(self.pause, pause)
                held[project] = lines.pop(project)
                continue
            delivery_id, message = line.popitem(last=False)
            taken.append(Entry(delivery_id, message, project))
            lines.move_to_end(project)
            if not line:
                del lines[project]
        self.pause = max(self.pause, min(len(held) * LOOK_SECONDS, LONGEST_LOOK_SECONDS))
        self._held = frozenset(held)
        lines.update(held)
        self._number -= len(taken)
        return taken

    def entries(self) -> list[Entry]:
        return [Entry(*each, project) for project, line in self._lines.items() for each in line.items()]

    def remove(self, entries: Iterable[Entry]) -> None:
        for each in entries:
            line = self._lines[each.project]
            del line[each.id]
            self._number -= 1
            if not line:
                del self._lines[each.project]

    def newest(self, number: int) -> list[Entry]:
        """The ids of the newest messages of which none was taken: at most `number` ids."""
        by_message: dict[Message, list[Entry]] = {}
        for each in self.entries():
            by_message.setdefault(each.message, []).append(each)
        found: list[Entry] = []
        for message, entries in sorted(by_message.items(), key=lambda item: -item[0].since):
            if message.size == len(entries) <= number - len(found):
                found += entries
        return found
