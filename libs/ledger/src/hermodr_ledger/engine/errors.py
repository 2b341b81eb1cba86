"""What goes wrong with a database, and what each failure means for the work it happened to."""

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
    asyncpg.InternalClientError,  # what a connection says that ended in the midst of being used
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
    DBAPIError,
    EmulatedDBAPIException,
)
"""What the driver, or SQLAlchemy around it, raises for a server that lets us not in or refuses a statement."""
_PASSING: tuple[type[Exception], ...] = (OSError, MemoryError, *DATABASE_SAYS_NO)

_NONE_LEFT: tuple[type[BaseException], ...] = (
    PoolTimeout,
    asyncpg.TooManyConnectionsError,
    asyncpg.OutOfMemoryError,  # also of room for locks
)

OutageCause = Literal["database", "lock", "overload"]


class LedgerUnavailable(Exception):
    """The database cannot be reached or cannot write. Whether a statement under way was committed is unknown."""

    cause: ClassVar[OutageCause] = "database"


class ReadOnly(LedgerUnavailable):
    """The database takes no writes: a standby after a fail-over, most likely. Nothing was committed."""


class Overloaded(LedgerUnavailable):
    """All connections, or what else there is a number of, are in use; or there was no answer in time. Nothing was begun
    with a connection that could not be had."""

    cause: ClassVar[OutageCause] = "overload"


class Collided(LedgerUnavailable):
    """The transaction was undone because it and another waited for each other; doing it all again is safe."""

    cause: ClassVar[OutageCause] = "lock"


class Contested(LedgerUnavailable):
    """Somebody else's transaction holds a row or a key and has not ended within the time (`lock_timeout`); nothing was
    committed. The transaction it was raised in is of no use any more, but for a `part` of it. `long`: it was waited for
    as long as the ledger waits unless told otherwise."""

    cause: ClassVar[OutageCause] = "lock"

    def __init__(self, reason: str, *, long: bool = False) -> None:
        super().__init__(reason)
        self.long = long


def repeats_itself(error: Exception) -> bool:
    """Whether work on the same row would fail so again: the row is odd, or our code has a defect. Not so with what the
    machine lacks, nor with what a database says whose shape or rights are wrong: that concerns every row."""
    return isinstance(error, _ABOUT_ROWS) or not isinstance(error, (LedgerUnavailable, *_PASSING))


def unavailable(error: BaseException) -> LedgerUnavailable:
    """What a failure of the driver, one of `GONE`, is to those who asked."""
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ReadOnly(type(error).__name__)
    return (Overloaded if isinstance(error, _NONE_LEFT) else LedgerUnavailable)(type(error).__name__)


def of_the_driver(error: BaseException | None) -> BaseException | None:
    """What the driver raised, below SQLAlchemy's one or two wrappings of it."""
    while isinstance(error, DBAPIError | EmulatedDBAPIException):
        error = error.orig
    return error
