from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.inbox import changing, reading
from hermodr_ledger.inbox.reading import InboxSearch, Notification, Whose
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_id

LONGEST_SNOOZE = timedelta(days=366)

Change = Callable[[Transaction, Whose, UUID], Awaitable[bool]]


class Inbox:
    """The use cases of a user's inbox. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def page(
        self, whose: Whose, search: InboxSearch, page: Page
    ) -> tuple[PageResult[Notification], int]:
        """And how many are unread in the whole inbox."""
        async with patience():
            found = await walk(self._ledger, page, lambda at, rows: reading.page(at, whose, search, rows))
            return found, await reading.unread(self._ledger, whose)

    async def unread(self, whose: Whose) -> int:
        async with patience():
            return await reading.unread(self._ledger, whose)

    async def show(self, whose: Whose, notification_id: UUID) -> Notification:
        async with patience():
            return _known(await reading.read(self._ledger, whose, notification_id))

    async def read(self, whose: Whose, notification_id: UUID) -> Notification:
        return await self._change(whose, notification_id, changing.mark_read)

    async def unread_again(self, whose: Whose, notification_id: UUID) -> Notification:
        return await self._change(whose, notification_id, changing.mark_unread)

    async def archive(self, whose: Whose, notification_id: UUID) -> Notification:
        return await self._change(whose, notification_id, changing.archive)

    async def unarchive(self, whose: Whose, notification_id: UUID) -> Notification:
        return await self._change(whose, notification_id, changing.unarchive)

    async def snooze(self, whose: Whose, notification_id: UUID, until: datetime | None) -> Notification:
        """`None` ends it."""
        if until is None:
            return await self._change(whose, notification_id, changing.unsnooze)
        now = self._clock.now()
        if not now < until <= now + LONGEST_SNOOZE:
            raise invalid(Flaw(("body", "until"), f"must be within {LONGEST_SNOOZE.days} days from now"))

        async def act(transaction: Transaction, of: Whose, id: UUID) -> bool:
            return await changing.snooze(transaction, of, id, until)

        return await self._change(whose, notification_id, act)

    async def delete(self, whose: Whose, notification_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await changing.delete(transaction, whose, notification_id):
                raise not_found("notification")

    async def read_all(self, whose: Whose, type: str | None) -> int:
        """Some at a time; if it takes too long, those are read that were. What comes meanwhile stays unread."""
        read, last = 0, new_id()
        async with patience():
            while True:
                async with self._ledger.transaction() as transaction:
                    some = await changing.read_all(transaction, whose, last, type)
                read += some
                if some < changing.READ_TOGETHER:
                    return read

    async def _change(self, whose: Whose, notification_id: UUID, change: Change) -> Notification:
        async with patience(), self._ledger.transaction() as transaction:
            await change(transaction, whose, notification_id)
            return _known(await reading.read(transaction, whose, notification_id))


def _known(found: Notification | None) -> Notification:
    if found is None:
        raise not_found("notification")
    return found
