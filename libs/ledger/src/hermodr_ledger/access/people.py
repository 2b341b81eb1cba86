"""Sessions of people at the operators' console, who logged in at the identity provider. Only hashes are stored."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import person_sessions, projects

_session = person_sessions.c
_GOOD = _session.expires_at > sa.func.now()
_OVER = sa.delete(person_sessions).where(~_GOOD)
_BEGIN = sa.insert(person_sessions).values(
    hash=sa.bindparam("secret"),
    issuer=sa.bindparam("by"),
    subject=sa.bindparam("sub"),
    name=sa.bindparam("called"),
    role=sa.bindparam("as_role"),
    expires_at=sa.func.now() + sa.bindparam("lives", type_=sa.Interval),
)
_FIND = sa.select(_session.issuer, _session.subject, _session.name, _session.role).where(
    _session.hash == sa.bindparam("secret"), _GOOD
)
_PROJECT = sa.select(projects.c.id).where(projects.c.name == sa.bindparam("called"))
_END = sa.delete(person_sessions).where(_session.hash == sa.bindparam("secret"))
_END_OTHERS = sa.delete(person_sessions).where(
    _session.issuer == sa.bindparam("by"),
    _session.subject == sa.bindparam("sub"),
    sa.func.coalesce(_session.role != sa.cast(sa.bindparam("as_role"), sa.Text), True),
)


@dataclass(frozen=True, slots=True)
class Person:
    """`subject` is the provider's name for them, `name` how they are shown; `role` is one that the provider gave."""

    issuer: str
    subject: str
    name: str
    role: str

    @property
    def actor(self) -> Actor:
        return Actor("person", self.name)

    @property
    def identity(self) -> str:
        """Who they are, whatever they are called: an issuer is an address, which has no space."""
        return f"{self.issuer} {self.subject}"


async def project_of(statements: Statements, name: str) -> UUID | None:
    rows = await fetch(statements, _PROJECT, called=name)
    return rows[0]["id"] if rows else None


async def begin(
    transaction: Transaction, person: Person, project_id: UUID, secret_hash: bytes, lives: timedelta
) -> None:
    """A session; those of the same person in another role end."""
    await end_others(transaction, person.issuer, person.subject, person.role)
    await fetch(
        transaction,
        _BEGIN,
        secret=secret_hash,
        by=person.issuer,
        sub=person.subject,
        called=person.name,
        as_role=person.role,
        lives=lives,
    )
    await audit.record(transaction, project_id, person.actor, "console.login", None, {"role": person.role})


async def end_others(statements: Statements, issuer: str, subject: str, role: str | None) -> None:
    """Those of a person in any role but this; `None`: all."""
    await fetch(statements, _END_OTHERS, by=issuer, sub=subject, as_role=role)


async def end_all(statements: Statements, identity: str) -> None:
    """All sessions of the person."""
    issuer, _, subject = identity.partition(" ")
    await end_others(statements, issuer, subject, None)


async def find(statements: Statements, secret_hash: bytes) -> Person | None:
    """Of a session that is not over."""
    rows = await fetch(statements, _FIND, secret=secret_hash)
    return Person(**rows[0]) if rows else None


async def end(statements: Statements, secret_hash: bytes) -> None:
    await fetch(statements, _END, secret=secret_hash)


async def forget_over(statements: Statements) -> None:
    """Deletes those that are over."""
    await fetch(statements, _OVER)
