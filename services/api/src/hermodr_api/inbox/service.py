from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.inbox import changing, reading
from hermodr_ledger.inbox.reading import InboxSearch, Notification, Whose
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_id

LONGEST_SNOOZE = timedelta(days=366)

Change = Callable[[Transaction, Whose, UUID], Awaitable[bool]]


class Asker(NamedTuple):
    """Whose inbox it is about, and the API key that asks. What users do with their own is not audited."""

    whose: Whose
    key: Actor | None


class Inbox:
    """The use cases of a user's inbox. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def page(
        self, asker: Asker, search: InboxSearch, page: Page
    ) -> tuple[PageResult[Notification], int]:
        """And how many are unread in the whole inbox."""
        whose = asker.whose
        async with patience():
            found = await walk(self._ledger, page, lambda at, rows: reading.page(at, whose, search, rows))
            if asker.key is not None and found.rows:
                await self._audit(
                    self._ledger, asker, "look", await reading.recipient_of(self._ledger, whose)
                )
            return found, await reading.unread(self._ledger, whose)

    async def unread(self, whose: Whose) -> int:
        async with patience():
            return await reading.unread(self._ledger, whose)

    async def show(self, asker: Asker, notification_id: UUID) -> Notification:
        async with patience():
            found = _known(await reading.read(self._ledger, asker.whose, notification_id))
            await self._audit(self._ledger, asker, "open", notification_id)
            return found

    async def read(self, asker: Asker, notification_id: UUID) -> Notification:
        return await self._change(asker, notification_id, "read", changing.mark_read)

    async def unread_again(self, asker: Asker, notification_id: UUID) -> Notification:
        return await self._change(asker, notification_id, "unread", changing.mark_unread)

    async def archive(self, asker: Asker, notification_id: UUID) -> Notification:
        return await self._change(asker, notification_id, "archive", changing.archive)

    async def unarchive(self, asker: Asker, notification_id: UUID) -> Notification:
        return await self._change(asker, notification_id, "unarchive", changing.unarchive)

    async def snooze(self, asker: Asker, notification_id: UUID, until: datetime | None) -> Notification:
        """`None` ends it."""
        if until is None:
            return await self._change(asker, notification_id, "unsnooze", changing.unsnooze)
        now = self._clock.now()
        if until <= now:
            raise invalid(Flaw(("body", "until"), "must be in the future"))
        if until > now + LONGEST_SNOOZE:
            raise invalid(Flaw(("body", "until"), f"must be within {LONGEST_SNOOZE.days} days from now"))

        async def act(transaction: Transaction, of: Whose, id: UUID) -> bool:
            return await changing.snooze(transaction, of, id, until)

        return await self._change(asker, notification_id, "snooze", act)

    async def delete(self, asker: Asker, notification_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await changing.delete(transaction, asker.whose, notification_id):
                raise not_found("notification")
            await self._audit(transaction, asker, "delete", notification_id)

    async def read_all(self, asker: Asker, type: str | None) -> int:
        """Some at a time; if it takes too long, those are read that were. What comes meanwhile stays unread."""
        read, last, whose = 0, new_id(), asker.whose
        async with patience():
            while True:
                async with self._ledger.transaction() as transaction:
                    some = await changing.read_all(transaction, whose, last, type)
                    if asker.key is not None and some:
                        who = await reading.recipient_of(transaction, whose)
                        await self._audit(transaction, asker, "read_all", who)
                read += some
                if some < changing.READ_TOGETHER:
                    return read

    async def _change(self, asker: Asker, notification_id: UUID, verb: str, change: Change) -> Notification:
        async with patience(), self._ledger.transaction() as transaction:
            if await change(transaction, asker.whose, notification_id):
                await self._audit(transaction, asker, verb, notification_id)
            return _known(await reading.read(transaction, asker.whose, notification_id))

    async def _audit(self, statements: Statements, asker: Asker, verb: str, subject: UUID | None) -> None:
        if asker.key is not None:
            project_id = asker.whose.project_id
            await audit.record(statements, project_id, asker.key, f"inbox.{verb}", subject)


def _known(found: Notification | None) -> Notification:
    if found is None:
        raise not_found("notification")
    return found
