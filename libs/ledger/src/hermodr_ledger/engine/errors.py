"""Database errors, and what each means for the work it interrupted."""

import asyncio
from typing import ClassVar, Literal

import asyncpg
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException
from sqlalchemy.exc import TimeoutError as PoolTimeout

GONE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    PoolTimeout,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # from a connection that ended while it was used
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)
LEAVE_BEHIND: tuple[type[BaseException], ...] = (*GONE, asyncio.CancelledError)
COLLISIONS: tuple[type[Exception], ...] = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

_ABOUT_ROWS: tuple[type[Exception], ...] = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
DATABASE_SAYS_NO: tuple[type[Exception], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.TargetServerAttributeNotMatched,
    DBAPIError,
    EmulatedDBAPIException,
)
"""Raised by the driver, or by SQLAlchemy, when the server refuses a connection or statement."""
_PASSING: tuple[type[Exception], ...] = (OSError, MemoryError, *DATABASE_SAYS_NO)

_NONE_LEFT: tuple[type[BaseException], ...] = (
    PoolTimeout,
    asyncpg.TooManyConnectionsError,
    asyncpg.OutOfMemoryError,  # also when there is no room for locks
)

OutageCause = Literal["database", "lock", "overload"]


class LedgerUnavailable(Exception):
    """The database cannot be reached or cannot write. Whether a running statement was committed is unknown."""

    cause: ClassVar[OutageCause] = "database"


class ReadOnly(LedgerUnavailable):
    """The database takes no writes, probably a standby after a fail-over. Nothing was committed."""


class Overloaded(LedgerUnavailable):
    """All connections (or another resource) are in use, or there was no answer in time."""

    cause: ClassVar[OutageCause] = "overload"


class Collided(LedgerUnavailable):
    """A deadlock: the transaction was rolled back; repeating all of it is safe."""

    cause: ClassVar[OutageCause] = "lock"


class Contested(LedgerUnavailable):
    """Another transaction held a row or key for longer than `lock_timeout`. Nothing was committed; only a `part` can go
    on. `long`: the default time was waited."""

    cause: ClassVar[OutageCause] = "lock"

    def __init__(self, reason: str, *, long: bool = False) -> None:
        super().__init__(reason)
        self.long = long


def repeats_itself(error: Exception) -> bool:
    """Whether the same row would fail again: not for lack of resources, nor for a wrong schema or missing rights."""
    return isinstance(error, _ABOUT_ROWS) or not isinstance(error, (LedgerUnavailable, *_PASSING))


def unavailable(error: BaseException) -> LedgerUnavailable:
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ReadOnly(type(error).__name__)
    return (Overloaded if isinstance(error, _NONE_LEFT) else LedgerUnavailable)(type(error).__name__)


def of_the_driver(error: BaseException | None) -> BaseException | None:
    while isinstance(error, DBAPIError | EmulatedDBAPIException):
        error = error.orig
    return error
