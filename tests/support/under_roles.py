"""Statements that services run in tests, tried under the services' roles: whoever adds a statement that its service has
no right to is told, although the tests themselves own the tables."""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import asyncpg

from hermodr_ledger.engine import connection as engine
from hermodr_ledger.rights.declared import ROLE_OF
from hermodr_ledger.rights.granting import role_name

_PLANNED = re.compile(r"\s*(--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH|VALUES|MERGE)\b", re.IGNORECASE)
_ARGUMENT = re.compile(r"\$(\d+)")
_SENDERS = ("email_sender", "sms_sender", "webhook_channel")
_ROLES = {
    **{f"hermodr_{service.replace('-', '_')}": (role,) for service, role in ROLE_OF.items()},
    "hermodr_delivery": _SENDERS,
    "hermodr_webhook_sender": ("webhook_channel", "webhook_sender"),
}
"""By the package whose code runs the statement. What senders share is done by each of them."""
_METHODS = (
    (engine.Ledger, "fetch"),
    (engine.Transaction, "fetch"),
    (engine.Transaction, "fetch_within"),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """`by`: the function of the service that ran it first."""

    role: str
    sql: str
    by: str


@contextlib.contextmanager
def noted() -> Iterator[dict[tuple[str, str], Statement]]:
    """What services run within the block, by role and text. What tests do themselves is not noted."""
    found: dict[tuple[str, str], Statement] = {}

    def note(given: tuple[Any, ...]) -> None:
        sql = next(each for each in given if isinstance(each, str))
        caller = _service(sys._getframe(2))
        for role in _ROLES[_package(caller)] if caller is not None else ():
            if caller is not None and (role, sql) not in found:
                by = f"{caller.f_globals['__name__']}.{caller.f_code.co_name}"
                found[role, sql] = Statement(role, sql, by)

    with contextlib.ExitStack() as undoing:
        for owner, name in _METHODS:
            undoing.enter_context(_noting(owner, name, note))
        yield found


async def refused(database_url: str, statements: Iterable[Statement]) -> list[str]:
    """What the roles may not do, told by who did it. Nothing is run: planning looks at the rights."""
    connection = await asyncpg.connect(database_url)
    try:
        return [
            f"{each.role}, {each.by}: {why}"
            for each in sorted(statements, key=lambda each: (each.role, each.by))
            if _PLANNED.match(each.sql) and (why := await _refusal(connection, each))
        ]
    finally:
        await connection.close()


async def _refusal(connection: asyncpg.Connection, statement: Statement) -> str | None:
    arguments = max((int(number) for number in _ARGUMENT.findall(statement.sql)), default=0)
    given = f"({', '.join(['NULL'] * arguments)})" if arguments else ""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"PREPARE tried AS {statement.sql}")
        await connection.execute(f"SET LOCAL ROLE {role_name(statement.role)}")
        await connection.execute(f"EXPLAIN EXECUTE tried{given}")
    except asyncpg.InsufficientPrivilegeError as error:
        return str(error)
    except asyncpg.PostgresError:  # of an older shape of the tables, or about the arguments
        return None
    finally:
        await transaction.rollback()
        await connection.execute("DEALLOCATE ALL")
    return None


@contextlib.contextmanager
def _noting(owner: type[Any], name: str, note: Any) -> Iterator[None]:
    original = getattr(owner, name)

    def instead(self: Any, *given: Any, **named: Any) -> Any:
        note(given)
        return original(self, *given, **named)

    setattr(owner, name, instead)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _service(frame: FrameType | None) -> FrameType | None:
    """The nearest function of a service, unless a test stands before it."""
    while frame is not None:
        package = _package(frame)
        if package == "tests":
            return None
        if package in _ROLES:
            return frame
        frame = frame.f_back
    return None


def _package(frame: FrameType | None) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] if frame is not None else ""
