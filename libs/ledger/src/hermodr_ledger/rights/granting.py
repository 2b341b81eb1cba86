"""Makes the roles and their rights what `declared` says. What is right already is left alone, so that it costs nothing
to do it at every migration, and an installation that runs notices nothing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from hermodr_ledger.migrations.locks import SHORT, Say, patiently, unheard
from hermodr_ledger.rights.declared import BECOMES, CHANGED, ROLES, TABLES, Right, may_call, of_tables

PREFIX = "hermodr"
POLICY = "services"
"""Where rows are hidden from some (row-level security), services see them all."""

_ONLY = "only_"
"""Begins the names of policies that let a role change some rows only."""
_LONGEST_PREFIX = 40


class OddPrefix(ValueError):
    """Not usable as the beginning of role names."""


def role_name(role: str, prefix: str = PREFIX) -> str:
    """As the server knows it. Raises `OddPrefix`."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", prefix) or len(prefix) > _LONGEST_PREFIX:
        raise OddPrefix(
            f"{prefix[:60]!r} is not a lower-case identifier of at most {_LONGEST_PREFIX} characters"
        )
    return f"{prefix}_{role}"


async def grant(connection: Any, prefix: str = PREFIX, say: Say = unheard) -> tuple[str, ...]:
    """Makes missing roles, and changes what the roles may do in this database. `connection` is asyncpg's, of the owner,
    outside any transaction. The roles that do not exist, because this one may not create roles. Raises `OddPrefix`."""
    missing = [role for role in ROLES if not await _exists(connection, role_name(role, prefix))]
    if missing and await _may_create_roles(connection):
        for role in missing:
            await _create(connection, role_name(role, prefix))
        missing = []
    names = {role: role_name(role, prefix) for role in ROLES if role not in missing}
    async with connection.transaction():
        for statement in await changes(connection, names):
            await connection.execute(statement)
    await _set_policies(connection, names, say)
    return tuple(role_name(role, prefix) for role in missing)


async def changes(connection: Any, names: dict[str, str]) -> list[str]:
    """The statements that are needed. `names`: of the roles that exist or are to be made."""
    objects = {(row["kind"], row["name"]) for row in await connection.fetch(_OBJECTS)}
    wanted = {
        Right(names[each.role], each.kind, each.name, each.privilege, each.column)
        for each in of_tables()
        if each.role in names and (each.kind, each.name) in objects
    }
    wanted |= {
        Right(name, "function", row["signature"], "EXECUTE")
        for row in await connection.fetch(_FUNCTIONS)
        for role, name in names.items()
        if may_call(role, row["name"], with_the_owners_rights=row["definer"])
    }
    there = {
        Right(row["role"], row["kind"], row["name"], row["privilege"], row["column"])
        for row in await connection.fetch(_GRANTED, list(names.values()))
    }
    known = {row["rolname"] for row in await connection.fetch(_AT_HOME, list(names.values()))}
    # a right to a whole table goes with those to its columns
    lost = {
        each for each in there if each.column is not None and replace(each, column=None) in there - wanted
    }
    return [
        *(f'GRANT USAGE ON SCHEMA hermodr TO "{name}"' for name in names.values() if name not in known),
        *_statements("REVOKE", "FROM", there - wanted),
        *_statements("GRANT", "TO", wanted - (there - lost)),
    ]


async def policies(connection: Any, names: Mapping[str, str]) -> dict[str, list[str]]:
    """By table with row-level security the statements that are needed, so that `names` see all rows, and change those
    of `declared.CHANGED` to what `declared.BECOMES` says."""
    everybody = frozenset(names.values())
    needed = {}
    for row in await connection.fetch(_POLICIES, POLICY, f"{_ONLY}%"):
        table = row["name"]
        if table not in TABLES or not everybody:
            continue
        wanted = {(POLICY, everybody, "true", "true")} | {
            (f"{_ONLY}{role}", frozenset({names[role]}), rows, BECOMES.get((role, of), "true"))
            for (role, of), rows in CHANGED.items()
            if of == table and role in names
        }
        there = {
            (name, frozenset((roles or "").split()), *conditions)
            for name, roles, *conditions in zip(
                row["policies"], *(row[each] or () for each in ("roles", "conditions", "checks")), strict=True
            )
        }
        needed[table] = [
            *(f"DROP POLICY {name} ON hermodr.{table}" for name, *_ in sorted(there - wanted, key=_first)),
            *(_policy(table, *each) for each in sorted(wanted - there, key=_first)),
        ]
    return {table: statements for table, statements in needed.items() if statements}


def _first(policy: tuple[Any, ...]) -> str:
    return str(policy[0])


def _policy(table: str, name: str, roles: frozenset[str], rows: str, check: str) -> str:
    to = ", ".join(f'"{role}"' for role in sorted(roles))
    if name == POLICY:
        return f"CREATE POLICY {name} ON hermodr.{table} TO {to} USING (true) WITH CHECK (true)"
    return (
        f"CREATE POLICY {name} ON hermodr.{table} AS RESTRICTIVE FOR UPDATE TO {to}"
        f" USING ({rows}) WITH CHECK ({check})"
    )


def creating(names: Iterable[str]) -> list[str]:
    """The statements that make the roles; they cannot log in until they are given a password."""
    return [f'CREATE ROLE "{name}" NOLOGIN' for name in names]


def _statements(verb: str, link: str, rights: Iterable[Right]) -> list[str]:
    """As few as there are roles and sets of privileges."""
    of_object: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for each in rights:
        said = each.privilege if each.column is None else f"{each.privilege} ({each.column})"
        of_object[each.role, each.kind, each.name].add(said)
    together: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for (role, kind, name), privileges in sorted(of_object.items()):
        together[role, kind, ", ".join(sorted(privileges))].append(f"hermodr.{name}")
    return [
        f'{verb} {privileges} ON {kind.upper()} {", ".join(objects)} {link} "{role}"'
        for (role, kind, privileges), objects in together.items()
    ]


async def _exists(connection: Any, name: str) -> bool:
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name))


async def _may_create_roles(connection: Any) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
    )


async def _create(connection: Any, name: str) -> None:
    """Another database of the server may be making it right now."""
    try:
        await connection.execute(*creating([name]))
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return


async def _set_policies(connection: Any, names: Mapping[str, str], say: Say) -> None:
    """Changes policies where they are not as they should be. That locks the table for a moment."""
    for table, statements in (await policies(connection, names)).items():

        async def work(statements: list[str] = statements) -> None:
            async with connection.transaction():
                for statement in (SHORT, *statements):
                    await connection.execute(statement)

        await patiently(work, connection, f"who may do what to {table}", say)


_OBJECTS = """
SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, relname AS name
FROM pg_class WHERE relnamespace = 'hermodr'::regnamespace AND relkind IN ('r', 'p', 'S') AND NOT relispartition
"""

_FUNCTIONS = """
SELECT proname AS name, prosecdef AS definer,
    format('%I(%s)', proname, pg_get_function_identity_arguments(oid)) AS signature
FROM pg_proc WHERE pronamespace = 'hermodr'::regnamespace AND prorettype <> 'trigger'::regtype
"""

_GRANTED = """
SELECT r.rolname AS role, CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, c.relname::text AS name,
    a.privilege_type AS privilege, NULL::text AS column
FROM pg_class c CROSS JOIN aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = 'hermodr'::regnamespace AND r.rolname = ANY($1)
UNION ALL
SELECT r.rolname, 'table', c.relname, a.privilege_type, t.attname
FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid CROSS JOIN aclexplode(t.attacl) a
JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = 'hermodr'::regnamespace AND r.rolname = ANY($1)
UNION ALL
SELECT r.rolname, 'function', format('%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
    a.privilege_type, NULL
FROM pg_proc p CROSS JOIN aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE p.pronamespace = 'hermodr'::regnamespace AND r.rolname = ANY($1)
"""

_AT_HOME = """
SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND has_schema_privilege(oid, 'hermodr', 'USAGE')
"""

_POLICIES = """
SELECT c.relname AS name, array_remove(array_agg(p.polname::text), NULL) AS policies,
    array_agg((SELECT string_agg(r.rolname, ' ') FROM pg_roles r WHERE r.oid = ANY(p.polroles)))
        FILTER (WHERE p.oid IS NOT NULL) AS roles,
    array_agg(pg_get_expr(p.polqual, p.polrelid)) FILTER (WHERE p.oid IS NOT NULL) AS conditions,
    array_agg(pg_get_expr(p.polwithcheck, p.polrelid)) FILTER (WHERE p.oid IS NOT NULL) AS checks
FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND (p.polname = $1 OR p.polname LIKE $2)
WHERE c.relnamespace = 'hermodr'::regnamespace AND c.relrowsecurity AND NOT c.relispartition
GROUP BY c.relname
"""
