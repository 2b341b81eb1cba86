"""The connection to PostgreSQL: SQLAlchemy's engine and pool, but statements go straight to asyncpg."""

import asyncio
import contextlib
import math
import select
import time
from collections.abc import AsyncIterator, Mapping
from functools import cached_property, partial
from typing import Any, Literal, Protocol
from urllib.parse import quote

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
IDLE_SECONDS = 5.0
"""A connection unused for longer is tested before it is lent."""
_TRYING_SECONDS = 1.0
_USED_AT = "hermodr_used_at"

COUNTING_SECONDS = 60.0
"""The time limit of statements that read all waiting or past rows."""


def columns(*given: list[Any]) -> list[list[Any]]:
    """Arguments for an `unnest` of arrays. A column of NULLs is sent as an empty array, because NULLs are slow."""
    return [[] if _nothing_in(column) else column for column in given]


def _nothing_in(column: list[Any]) -> bool:
    return not column or (column[0] is None and column.count(None) == len(column))


_MOST_AT_A_TIME = 8
"""Rows fetched from a cursor at a time; each may have a mebibyte."""


def bytes_of(row: Row) -> int:
    """Of the values that may be long."""
    return sum(
        len(value) if not isinstance(value, str) or value.isascii() else len(value.encode())
        for value in row.values()
        if isinstance(value, (str, bytes))
    )


class Statements(Protocol):
    """The `Ledger` itself (each statement its own transaction) or a `Transaction`."""

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        """Runs one statement with `$1`-style arguments. Raises `LedgerUnavailable`."""
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
        """Passed on after the commit."""
        self.news.append(news)

    async def fetch(self, sql: str, *arguments: Any, seconds: float | None = None) -> list[Row]:
        """`seconds` replaces the ledger's time limit. Raises `Contested`."""
        try:
            rows: list[Row] = await self._driver.fetch(
                sql, *arguments, timeout=seconds or self._statement_seconds
            )
        except asyncpg.LockNotAvailableError as error:
            raise Contested(type(error).__name__) from error
        return rows

    async def fetch_within(self, most_bytes: int, sql: str, *arguments: Any) -> tuple[list[Row], bool]:
        """The first rows with at most `most_bytes` of text, at least one; and whether there are more."""
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
        """A savepoint: if the block raises, only its own statements are undone."""
        told = len(self.news)
        try:
            async with self._driver.transaction():
                yield
        except BaseException:
            del self.news[told:]
            raise


ZONE = {"TimeZone": "UTC"}
"""Our sessions are in UTC, whatever the server's zone: it matters for adding days and for times in JSON."""


def driver_url(database_url: str) -> str:
    """For SQLAlchemy, which would hand options such as `sslmode` to the driver as arguments it does not have, and knows
    one host only: the driver reads them from a URL."""
    place, _, options = database_url.split("://", 1)[1].partition("?")
    if "," in place.rpartition("@")[2]:
        return f"postgresql+asyncpg://?dsn={quote(database_url, safe='')}"
    dsn = f"?dsn={quote(f'postgresql:///?{options}', safe='')}" if options else ""
    return f"postgresql+asyncpg://{place}{dsn}"


HOT: Mapping[str, str] = {
    # Look-ups by a few ids must use indexes whatever the statistics say: the planner misjudges joins with arrays over
    # weekly partitions, and would read all rows (200 claims among 18,000 rows: 60 ms instead of 6). For the same reason
    # statements that take rows by id compare their state with a column of the wanted rows, behind OFFSET 0, not with a
    # constant.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    # Planned once per connection: planning costs four to ten times as much as execution, and grows with the weeks.
    "plan_cache_mode": "force_generic_plan",
}
"""Planner settings for the hot statements; nothing else needs to know them."""


class Ledger:
    """A pool of connections for the hot path, the steps of notifications, with planner settings for these. Opening it
    does not connect. Everything else uses `cold`, a smaller pool with PostgreSQL's usual planner."""

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
        """At most `pool_size` connections, plus `cold_pool_size` once `cold` is used. `lock_seconds`: how long a
        statement waits for locks by default (then `Contested`); 0: as long as it may run. `tell` gets the news of each
        step after its commit."""
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
            json_deserializer=str,  # jsonb comes as text: what is only passed on is not parsed
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
        """The pool for all but the steps of notifications: address book, lists, reports, operations."""
        return self._make_cold() if self._planning else self

    async def fetch(self, sql: str, *arguments: Any, seconds: float | None = None) -> list[Row]:
        """Runs one statement in its own transaction; retries after a deadlock. Raises `LedgerUnavailable`."""
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
        """Commits when the block ends, rolls back when it raises. `repeatable_read`: one snapshot for all statements.
        Raises `LedgerUnavailable`, and `Collided` for a deadlock: the block is not repeated."""
        async with self._borrowed() as driver, driver.transaction(isolation=isolation):
            transaction = Transaction(driver, self._statement_seconds)
            yield transaction
        for news in transaction.news:
            self.tell(news)

    async def close(self) -> None:
        cold = self.__dict__.get("cold", self)
        if cold is not self:
            await cold.close()
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Any]:
        """A connection of asyncpg; broken ones do not go back. SQLAlchemy's `Connection` would cost a third of a small
        statement."""
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
                elif lent.is_valid:  # its pool was replaced meanwhile, and nobody else would close it
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
        """A live connection. Idle ones are tested, because they may have died unseen (fail-over, firewall)."""
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
        """Whether a lock was waited for as long as the default allows; waits for keys are shorter."""
        now = time.monotonic()
        if not 0 < self._lock_seconds <= now - began:
            return False
        self._locked_at = now
        return True

    def _behind_a_lock(self) -> bool:
        """Whether a connection was blocked by a lock while others waited for a connection: that is then the cause."""
        return time.monotonic() - self._locked_at <= self._connection_seconds

    async def _forget_connections(self) -> None:
        """After one connection died, the others are probably dead too."""
        await self._engine.dispose()


def _has_news(driver: Any) -> bool:
    """Whether the server sent something unrequested: it probably ended the session. Takes two microseconds."""
    there = select.poll()
    there.register(driver._transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(there.poll(0))


async def _answers(driver: Any) -> bool:
    try:
        await driver.fetch("SELECT 1", timeout=_TRYING_SECONDS)
    except GONE:
        return False
    return True
