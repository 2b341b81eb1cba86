"""Lists that miss nothing. Ids are made before the commit, so a cursor that is only an id would miss late commits. Each
row knows its transaction (`xact`), and a list is read in rounds: each has what its snapshot shows and the last did not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hermodr_ledger.engine.connection import Statements

MOST_RUNNING = 150
"""Running transactions that a snapshot names; later ones are left to the next round."""
_CLOSE = 1000
"""Transactions at most this far apart are read in one stretch of the index."""
_MOST_STRETCHES = 100
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Finished transactions, as `pg_snapshot`: all before `first`, none from `beyond` on, between them all but
    `running`."""

    first: int
    beyond: int
    running: tuple[int, ...] = ()

    def shows(self, transaction: int) -> bool:
        return transaction < self.beyond and transaction not in self.running

    def cut(self) -> "Snapshot":
        """With at most as many running transactions as a cursor may name; ends before the next one."""
        if len(self.running) <= MOST_RUNNING:
            return self
        return Snapshot(self.first, self.running[MOST_RUNNING], self.running[:MOST_RUNNING])

    @property
    def value(self) -> tuple[int, int, tuple[int, ...]]:
        """As the driver takes it."""
        return (self.first, self.beyond, self.running)

    def __str__(self) -> str:
        """A short text; `of_text` reads it."""
        steps = [
            each - before for before, each in zip((self.first, *self.running), self.running, strict=False)
        ]
        return f"{self.first:x}:{self.beyond - self.first:x}:{','.join(f'{step:x}' for step in steps)}"

    @classmethod
    def of_text(cls, text: str) -> "Snapshot":
        """Raises `ValueError`."""
        first, length, steps = text.split(":")
        running: list[int] = []
        last = int(first, 16)
        for number, step in enumerate(steps.split(",") if steps else ()):
            last += int(step, 16)
            if (running and last <= running[-1]) or number >= MOST_RUNNING:
                raise ValueError("not a snapshot")
            running.append(last)
        found = cls(int(first, 16), int(first, 16) + int(length, 16), tuple(running))
        if not 0 < found.first <= found.beyond <= _LARGEST or (running and running[-1] >= found.beyond):
            raise ValueError("not a snapshot")
        if running and running[0] < found.first:
            raise ValueError("not a snapshot")
        return found


@dataclass(frozen=True, slots=True)
class Round:
    """What `shown` shows and `seen`, the snapshot of the round before, did not."""

    shown: Snapshot
    seen: Snapshot | None = None

    @classmethod
    def begun(cls, now: Snapshot) -> "Round":
        return cls(now.cut())

    def following(self, now: Snapshot) -> "Round":
        return Round(now.cut(), self.shown)

    def __str__(self) -> str:
        return f"{self.shown}/{self.seen or ''}"

    @classmethod
    def of_text(cls, text: str) -> "Round":
        """Raises `ValueError`."""
        shown, seen = text.split("/")
        return cls(Snapshot.of_text(shown), Snapshot.of_text(seen) if seen else None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring transactions of a later round: from `first` to before `beyond`, only `these` if given."""

    first: int
    beyond: int
    these: tuple[int, ...] | None = None


def stretches(round: Round) -> list[Stretch]:
    """All transactions of a later round, in order: those that ran before, and those begun since."""
    if round.seen is None:
        return []
    over = [each for each in round.seen.running if round.shown.shows(each)]
    groups: list[list[int]] = []
    for each in over:
        if groups and (each - groups[-1][-1] <= _CLOSE or len(groups) == _MOST_STRETCHES):
            groups[-1].append(each)
        else:
            groups.append([each])
    return [
        *(Stretch(group[0], group[-1] + 1, tuple(group)) for group in groups),
        Stretch(round.seen.beyond, max(round.seen.beyond, round.shown.beyond)),
    ]


async def current(statements: Statements) -> Snapshot:
    """What is committed now, or as of the transaction's snapshot."""
    rows = await statements.fetch("SELECT pg_current_snapshot() AS now")
    return of_value(rows[0]["now"])


def of_value(value: tuple[int, int, Sequence[int]]) -> Snapshot:
    first, beyond, running = value
    return Snapshot(first, beyond, tuple(running))
