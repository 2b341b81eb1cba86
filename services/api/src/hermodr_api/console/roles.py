"""What people at the console may do: roles that the identity provider gives, each with a project and scopes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from hermodr_ledger.access.keys import Scope

_SCOPES = get_args(Scope)
_MOST_ROLE = 500


@dataclass(frozen=True, slots=True)
class Role:
    """`name`: as the provider's claim has it. `project`: by its name."""

    name: str
    project: str
    scopes: frozenset[Scope]


def parse(text: str) -> tuple[Role, ...]:
    """`admins=shop:admin; support=shop:read,send`. A name may hold `=` and `:`, but no `;`. Raises `ValueError`."""
    roles = tuple(_role(entry.strip()) for entry in text.split(";") if entry.strip())
    if not roles:
        raise ValueError("names no role: write them as admins=shop:admin; support=shop:read")
    return roles


def _role(entry: str) -> Role:
    name, _, grant = entry.rpartition("=")
    project, _, listed = grant.partition(":")
    scopes = [each for each in re.split(r"[, ]+", listed.strip()) if each]
    if not name.strip() or not project.strip() or not scopes or len(name) > _MOST_ROLE:
        raise ValueError("a role is written as its name, its project and its scopes: support=shop:read,send")
    if unknown := [each for each in scopes if each not in _SCOPES]:
        raise ValueError(f"{unknown[0][:40]} is no scope; there are {', '.join(_SCOPES)}")
    if not {"read", "admin"} & set(scopes):
        raise ValueError(f"{name.strip()[:40]}: the console needs read, or admin, which includes it")
    return Role(name.strip(), project.strip(), frozenset(each for each in _SCOPES if each in scopes))


def held(roles: Sequence[Role], claims: Mapping[str, Any], path: str) -> Role | None:
    """The first of the roles that the claim has, which is a text or a list of texts. `path`: `groups`, or with dots for
    what is nested: `realm_access.roles`."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    given = (
        {value} if isinstance(value, str) else set(filter(_is_text, value if isinstance(value, list) else ()))
    )
    return next((role for role in roles if role.name in given), None)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
