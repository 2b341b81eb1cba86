"""The connection to PostgreSQL: SQLAlchemy's engine and pool, and straight through to the driver, where a step of a
notification is one set-based statement with arrays for arguments."""

import asyncio
import contextlib
import math
import select
import time
from collections.abc import AsyncIterator, Mapping
from functools import cached_property, partial
from typing import Any, Literal, Protocol

import asyncpg
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from hermodr_ledger.engine.errors import (
    COLLISIONS,
    GONE,
    LEAVE_BEHIND,
    Collided,
    Contested,
    Overloaded,
    of_the_driver,
    unavailable,
)
from hermodr_ledger.engine.news import News, Tell, nobody

Row = Mapping[str, Any]
"""A row by column name."""


IDLE_SECONDS = 5.0
"""A connection that nobody used for longer is tried before it is lent."""
_TRYING_SECONDS = 1.0
_USED_AT = "hermodr_used_at"

COUNTING_SECONDS = 60.0
"""The limit for statements that read whatever waits or whatever was: microseconds a row, and there may be millions."""


def columns(*given: list[Any]) -> list[list[Any]]:
    """Arguments for an `unnest` of several arrays, one of which has no NULL in it (an id). A column of nothing but
    NULLs goes as an empty array, which `unnest` fills up to the length of the others: each NULL that is sent costs half
    a microsecond."""
    return [[] if _nothing_in(column) else column for column in given]


def _nothing_in(column: list[Any]) -> bool:
    return not column or (column[0] is None and column.count(None) == len(column))


_MOST_AT_A_TIME = 8
"""Rows of a cursor, which may have a mebibyte each."""


def bytes_of(row: Row) -> int:
    """Of what may be long."""
    return sum(
        len(value) if not isinstance(value, str) or value.isascii() else len(value.encode())
        for value in row.values()
        if isinstance(value, (str, bytes))
    )


class Statements(Protocol):
    """Where a statement can be run: the `Ledger` itself (a transaction of its own) or a `Transaction`."""

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        """Runs one statement with `$1`-style arguments and returns its rows. Raises `LedgerUnavailable`."""
        ...


class Steps(Statements, Protocol):
    """Where a statement can be run that changes the state of a job or delivery."""

    def tell(self, news: News) -> None:
        """Tells of it, once it is committed."""
        ...


class Transaction:
    """Several statements that are committed together; see `Ledger.transaction`."""

    def __init__(self, driver: Any, statement_seconds: float) -> None:
        self._driver = driver
        self._statement_seconds = statement_seconds
        self.news: list[News] = []

    def tell(self, news: News) -> None:
        """Tells whoever listens, once the transaction is committed."""
        self.news.append(news)

    async def fetch(self, sql: str, *arguments: Any, seconds: float | None = None) -> list[Row]:
        """Runs one statement. `seconds` replaces the ledger's time limit for it. Raises `Contested`."""
        try:
            rows: list[Row] = await self._driver.fetch(
                sql, *arguments, timeout=seconds or self._statement_seconds
            )
        except asyncpg.LockNotAvailableError as error:
            raise Contested(type(error).__name__) from error
        return rows

    async def fetch_within(self, most_bytes: int, sql: str, *arguments: Any) -> tuple[list[Row], bool]:
        """The statement's first rows, as many as have `most_bytes` of text together, one in any case; and whether there
        are more. The others are not read, nor taken out of their compression: a few at a time are asked for."""
        rows: list[Row] = []
        size = largest = 0
        some = 1
        async with asyncio.timeout(self._statement_seconds):
            cursor = await self._driver.cursor(sql, *arguments)
            while part := await cursor.fetch(some):
                for row in part:
                    bytes_of_row = bytes_of(row)
                    size += bytes_of_row
                    if rows and size > most_bytes:
                        return rows, True
                    largest = max(largest, bytes_of_row)
                    rows.append(row)
                some = max(1, min(_MOST_AT_A_TIME, 2 * some, (most_bytes - size) // max(largest, 1)))
        return rows, False

    @contextlib.asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """What the block does is undone alone when it raises (a savepoint)."""
        told = len(self.news)
        try:
            async with self._driver.transaction():
                yield
        except BaseException:
            del self.news[told:]
            raise


ZONE = {"TimeZone": "UTC"}
"""What our sessions believe to be in, wherever the server is: days and weeks are added to times in the session's zone,
and times that go into JSON are spelled in it."""


def driver_url(database_url: str) -> str:
    """`postgres[ql]://…` as SQLAlchemy's URL for asyncpg."""
    return "postgresql+asyncpg://" + database_url.split("://", 1)[1]


HOT: Mapping[str, str] = {
    # Look-ups by a handful of ids must stay index look-ups whatever the statistics say of tables that were empty a
    # minute ago; joining through arrays leaves the planner guessing, and it does not know that of the many weeks one is
    # looked into: reading all rows seems cheaper to it (measured: 200 claims among 18,000 rows 60 ms instead of 6, and
    # growing). For the same reason statements that take rows by id compare their state with a column of what is wanted,
    # behind OFFSET 0, not with a constant: that no finished row has it makes reading them all look cheap from 200 ids
    # on (measured: 100,000 rows read for each batch of a ledger that held so many).
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    # Planned once for a connection: planning a step anew for each batch costs four to ten times what carrying it out
    # for one row does, and grows with the weeks. What is planned is also what the tests look at.
    "plan_cache_mode": "force_generic_plan",
}
"""The planner's settings for the steps of a notification; nothing else should need to know them."""


class Ledger:
    """A pool of connections. Opening it does not connect: a service may start before its database.

    It is for the hot path, the steps of notifications, and its planner is told what these are like. Everything else is
    asked of `cold`, a smaller pool whose planner decides as PostgreSQL's usually does.
    """

    def __init__(
        self,
        database_url: str,
        *,
        service: str,
        pool_size: int = 8,
        cold_pool_size: int = 2,
        statement_seconds: float = 30.0,
        connection_seconds: float = 10.0,
        lock_seconds: float = 0.0,
        planning: Mapping[str, str] = HOT,
        tell: Tell = nobody,
    ) -> None:
        """At most `pool_size` connections, and `cold_pool_size` more once `cold` is asked. `lock_seconds`: how long a
        statement waits for what others hold (`Contested`) unless it says so itself; 0: as long as it may run.
        `tell` gets the news of each step, once it is committed."""
        self.database_url = database_url
        self.tell = tell
        self._planning = planning
        self._statement_seconds = statement_seconds
        self._distrusted_before = -math.inf
        self._lock_seconds = lock_seconds
        self._connection_seconds = connection_seconds
        self._locked_at = -math.inf
        self._engine = create_async_engine(
            driver_url(database_url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=connection_seconds,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            json_deserializer=str,  # jsonb comes as its text: what is only passed on is not taken apart
            connect_args={
                "timeout": min(5.0, connection_seconds),
                "server_settings": {
                    "application_name": f"hermodr-{service}",
                    **ZONE,
                    "lock_timeout": f"{round(lock_seconds * 1000)}ms",
                    "jit": "off",
                    **planning,
                },
            },
        )
        self._make_cold = partial(
            Ledger,
            database_url,
            service=service,
            pool_size=cold_pool_size,
            statement_seconds=statement_seconds,
            connection_seconds=connection_seconds,
            lock_seconds=lock_seconds,
            planning={},
            tell=tell,
        )

    @cached_property
    def cold(self) -> "Ledger":
        """The pool for what is no step of a notification: the address book, lists, reports, what operators do."""
        return self._make_cold() if self._planning else self

    async def fetch(self, sql: str, *arguments: Any, seconds: float | None = None) -> list[Row]:
        """Runs one statement in a transaction of its own, with `$1`-style arguments, and returns its rows. `seconds`
        replaces the ledger's time limit for it.

        Raises `LedgerUnavailable` when the database is away; a deadlock is tried again.
        """
        for last in (False, False, True):
            try:
                async with self._borrowed() as driver:
                    rows: list[Row] = await driver.fetch(
                        sql, *arguments, timeout=seconds or self._statement_seconds
                    )
                    return rows
            except Collided:
                if last:
                    raise
        raise AssertionError("unreachable")

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, isolation: Literal["read_committed", "repeatable_read"] = "read_committed"
    ) -> AsyncIterator[Transaction]:
        """A transaction straight through the driver: commits when the block ends, rolls back when it raises.
        `repeatable_read`: all its statements see what was committed when the first began.

        Raises `LedgerUnavailable` as `fetch` does, and `Collided` for a deadlock: the block is not repeated here.
        """
        async with self._borrowed() as driver, driver.transaction(isolation=isolation):
            transaction = Transaction(driver, self._statement_seconds)
            yield transaction
        for news in transaction.news:
            self.tell(news)

    async def close(self) -> None:
        """Closes all connections."""
        cold = self.__dict__.get("cold", self)
        if cold is not self:
            await cold.close()
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Any]:
        """A connection of the pool, as the driver knows it; a broken one does not go back. SQLAlchemy's `Connection`
        and its reset are left out: they cost a third of what a small statement does, and transactions here begin in
        the driver. Raises `LedgerUnavailable`, `Collided`."""
        began = math.inf
        pool = self._engine.pool
        try:
            lent = await self._lend()
            began = time.monotonic()
            try:
                yield lent.driver_connection
            except LEAVE_BEHIND:
                await greenlet_spawn(lent.invalidate)
                raise
            finally:
                if lent.is_valid and pool is self._engine.pool:
                    lent.info[_USED_AT] = time.monotonic()
                    lent.close()
                elif lent.is_valid:  # its pool was forgotten meanwhile: nobody would ever close it
                    await greenlet_spawn(lent.invalidate)
        except COLLISIONS as error:
            raise Collided(type(error).__name__) from error
        except Contested as error:
            error.long = self._was_long(began)
            raise
        except asyncpg.LockNotAvailableError as error:
            raise Contested(type(error).__name__, long=self._was_long(began)) from error
        except PoolTimeout as error:
            raise (Contested if self._behind_a_lock() else Overloaded)(type(error).__name__) from error
        except GONE as error:
            await self._forget_connections()
            raise unavailable(error) from error
        except (DBAPIError, EmulatedDBAPIException) as error:  # while SQLAlchemy prepared a new connection
            cause = of_the_driver(error)
            if not isinstance(cause, GONE):
                raise
            await self._forget_connections()
            raise unavailable(cause) from error

    async def _lend(self) -> PoolProxiedConnection:
        """A connection of the pool that is alive. One whose end was seen is replaced, and one that was idle is tried
        first: it may have died unseen (a fail-over, a firewall that forgets). Then all that were idle for as long are
        replaced: whoever asks does not notice."""
        while True:
            lent = await self._engine.raw_connection()
            used_at = lent.info.get(_USED_AT, math.inf)
            try:
                alive = await self._is_alive(lent.driver_connection, used_at)
            except BaseException:
                await greenlet_spawn(lent.invalidate)
                raise
            if alive:
                return lent
            self._distrusted_before = max(self._distrusted_before, min(used_at, time.monotonic()))
            await greenlet_spawn(lent.invalidate)

    async def _is_alive(self, driver: Any, used_at: float) -> bool:
        if driver.is_closed() or used_at < self._distrusted_before or _has_news(driver):
            return False
        return time.monotonic() - used_at < IDLE_SECONDS or await _answers(driver)

    def _was_long(self, began: float) -> bool:
        """Whether a lock was waited for as long as statements do that do not say how long: keys are for less."""
        now = time.monotonic()
        if not 0 < self._lock_seconds <= now - began:
            return False
        self._locked_at = now
        return True

    def _behind_a_lock(self) -> bool:
        """Whether a connection was used up by waiting for a lock while others waited for a connection: that, not their
        number, is why there was none."""
        return time.monotonic() - self._locked_at <= self._connection_seconds

    async def _forget_connections(self) -> None:
        """After one connection died the others of the pool are most likely dead too."""
        await self._engine.dispose()


def _has_news(driver: Any) -> bool:
    """Whether the server said something nobody asked for: it ended the session, most likely, and the loop did not
    read it yet. A look takes two microseconds."""
    there = select.poll()
    there.register(driver._transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(there.poll(0))


async def _answers(driver: Any) -> bool:
    try:
        await driver.fetch("SELECT 1", timeout=_TRYING_SECONDS)
    except GONE:
        return False
    return True
