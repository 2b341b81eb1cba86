"""Who reads a mailbox, one process at a time, and whether that works."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import mailboxes

BOUNCES = "bounces"
_SHOWN_SECONDS = 300.0
"""How long a failure is shown after the last reader's turn: then nobody reads the mailbox any more."""

_BOX = mailboxes.c


@dataclass(frozen=True, slots=True)
class Failing:
    """`failure`: a code."""

    name: str
    since: datetime
    failure: str


class Turns:
    """The turns of one `reader` (its instance) at a mailbox. Everything raises `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, name: str, reader: str) -> None:
        self._ledger = ledger
        self._name = name
        self._reader = reader

    async def take(self, seconds: float) -> bool:
        """Whether this reader has the turn, from now on for `seconds`."""
        until = sa.func.now() + timedelta(seconds=seconds)
        made = insert(mailboxes).values(name=self._name, reader=self._reader, turn_until=until)
        taken = made.on_conflict_do_update(
            index_elements=[_BOX.name],
            set_={"reader": made.excluded.reader, "turn_until": made.excluded.turn_until},
            where=sa.or_(_BOX.turn_until < sa.func.now(), _BOX.reader == made.excluded.reader),
        ).returning(_BOX.name)
        return bool(await fetch(self._ledger, taken))

    async def release(self) -> None:
        """Lets another reader go on at once."""
        await fetch(
            self._ledger, sa.delete(mailboxes).where(_BOX.name == self._name, _BOX.reader == self._reader)
        )

    async def note(self, failure: str | None) -> None:
        """A code, or `None`: it was read."""
        since = None if failure is None else sa.func.coalesce(_BOX.failing_since, sa.func.now())
        noted = sa.update(mailboxes).where(
            _BOX.name == self._name, _BOX.reader == self._reader, _BOX.failure.is_distinct_from(failure)
        )
        await fetch(self._ledger, noted.values(failure=failure, failing_since=since))


async def failing(ledger: Ledger) -> list[Failing]:
    asked = sa.select(_BOX.name, _BOX.failing_since, _BOX.failure).where(
        _BOX.failure.is_not(None), _BOX.turn_until > sa.func.now() - timedelta(seconds=_SHOWN_SECONDS)
    )
    rows = await fetch(ledger, asked.order_by(_BOX.name))
    return [Failing(row["name"], row["failing_since"], row["failure"]) for row in rows]
