"""Which tokens of its users a project believes: keys, rules, and whose were revoked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import objects_of
from hermodr_ledger.tables import projects, recipients

USUAL_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Rules:
    """`lifetime`: the longest `exp - iat`. `issuer` and `audience`: what `iss` and `aud` must be; `None`: as the
    installation says."""

    lifetime: timedelta = USUAL_LIFETIME
    issuer: str | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """As in `SigningKey`."""

    id: UUID
    algorithm: str
    public_key: str | None


@dataclass(frozen=True, slots=True)
class Trust:
    """`keys`: those that hold. `revoked_at`: the last time that tokens of somebody were revoked. `operates`: the
    project operates the installation."""

    project_id: UUID
    operates: bool
    rules: Rules
    keys: Mapping[str, TrustedKey]
    revoked_at: datetime | None


# Remembered for seconds: one plan for any number of names.
_FIND = """
SELECT DISTINCT ON (w.name) w.name, p.id, p.operates, p.token_seconds, p.token_issuer, p.token_audience,
    (SELECT max(revoked_at) FROM hermodr.revoked_users u WHERE u.project_id = p.id) AS revoked_at,
    (SELECT jsonb_agg(jsonb_build_object('id', k.id, 'algorithm', k.algorithm, 'public_key', k.public_key))
     FROM hermodr.signing_keys k
     WHERE k.project_id = p.id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())) AS keys
FROM unnest($1::text[]) AS w(name)
CROSS JOIN LATERAL (
    SELECT q.*, 1 AS rank FROM hermodr.projects q WHERE q.id = CASE
        WHEN w.name ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN w.name::uuid END
    UNION ALL
    SELECT q.*, 2 FROM hermodr.projects q WHERE q.name = w.name
) p
ORDER BY w.name, p.rank
"""
_REVOKED = """
SELECT u.revoked_at FROM unnest($1::uuid[], $2::bytea[]) WITH ORDINALITY AS w(project_id, user_hash, nth)
LEFT JOIN hermodr.revoked_users u USING (project_id, user_hash) ORDER BY w.nth
"""
# To whole seconds, as a token's `iat` is written; those of the present second are revoked too.
_REVOKE = """
INSERT INTO hermodr.revoked_users AS u (project_id, user_hash, revoked_at)
VALUES ($1, $2, date_trunc('second', clock_timestamp()) + interval '1 s')
ON CONFLICT (project_id, user_hash) DO UPDATE SET revoked_at = greatest(u.revoked_at, excluded.revoked_at)
RETURNING revoked_at
"""
_RULES = (projects.c.token_seconds, projects.c.token_issuer, projects.c.token_audience)
_ONE = projects.c.id == sa.bindparam("project")
_READ = sa.select(*_RULES).where(_ONE)
_KNOWN_AS = sa.select(recipients.c.id).where(
    recipients.c.project_id == sa.bindparam("project"), recipients.c.user_id == sa.bindparam("user")
)


async def find(statements: Statements, names: Sequence[str]) -> dict[str, Trust]:
    """Of projects by name or id; an id goes before a name."""
    rows = await statements.fetch(_FIND, list(set(names)))
    return {row["name"]: _trust(row) for row in rows}


async def rules(statements: Statements, project_id: UUID) -> Rules:
    (row,) = await fetch(statements, _READ, project=project_id)
    return _rules(row)


async def change_rules(
    transaction: Transaction, project_id: UUID, columns: Mapping[str, object], actor: Actor
) -> Rules:
    """`columns`: of `token_seconds` (`None`: 24 h), `token_issuer`, `token_audience`."""
    changed = sa.update(projects).where(_ONE).values(**columns).returning(*_RULES)
    (row,) = await fetch(transaction, changed, project=project_id)
    await audit.record(transaction, project_id, actor, "token-rules.change", project_id, columns)
    return _rules(row)


async def revoke_user(transaction: Transaction, project_id: UUID, user_id: str, actor: Actor) -> datetime:
    """Tokens of the user with an `iat` before the time that is returned, or without one, are not believed any more."""
    rows = await transaction.fetch(_REVOKE, project_id, hash_of(project_id, user_id))
    known = await fetch(transaction, _KNOWN_AS.limit(1), project=project_id, user=user_id)
    subject = known[0]["id"] if known else None
    await audit.record(transaction, project_id, actor, "user.revoke", subject)
    revoked: datetime = rows[0]["revoked_at"]
    return revoked


async def revoked(statements: Statements, users: Sequence[tuple[UUID, str]]) -> list[datetime | None]:
    """When the tokens of each user, given by project and id, were revoked last."""
    hashes = [hash_of(*user) for user in users]
    rows = await statements.fetch(_REVOKED, [project for project, _ in users], hashes)
    return [row["revoked_at"] for row in rows]


def hash_of(project_id: UUID, user_id: str) -> bytes:
    """What is kept of a user's id: who was revoked stays so when they are erased."""
    return hashlib.sha256(project_id.bytes + user_id.encode()).digest()


def _trust(row: Row) -> Trust:
    keys = (
        TrustedKey(UUID(each["id"]), each["algorithm"], each["public_key"])
        for each in objects_of(row["keys"])
    )
    return Trust(
        row["id"], row["operates"], _rules(row), {str(each.id): each for each in keys}, row["revoked_at"]
    )


def _rules(row: Row) -> Rules:
    seconds = row["token_seconds"]
    lifetime = timedelta(seconds=seconds) if seconds is not None else USUAL_LIFETIME
    return Rules(lifetime, row["token_issuer"], row["token_audience"])
