"""API keys, cached for a few seconds, and tokens of end users."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hermodr_api.access.last_uses import LastUses
from hermodr_api.access.tokens import MOST_BYTES, Untrusted
from hermodr_api.access.users import Users
from hermodr_api.answers import patience
from hermodr_api.errors import FORBIDDEN, UNAUTHENTICATED, Refused
from hermodr_api.remembered import Remembered
from hermodr_contracts.rates import Limit
from hermodr_ledger.access import keys
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.keys import ApiKey, FoundKey, Scope
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

BELIEVED_SECONDS = 5.0
"""How long a revoked key may still work in another process; the process that revoked it forgets it at once."""

_SEND = "send the header Authorization: Bearer hk_… (an API key) or Bearer with a user's JSON Web Token"
KEY = re.compile(r"hk_[A-Za-z0-9_-]{20,100}")
"""The form of an API key."""
_BEARER = re.compile(rf"[Bb]earer +({KEY.pattern})")
_TOKEN = re.compile(r"[Bb]earer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)")
_LONGEST = MOST_BYTES + len("Bearer ")


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a valid key, or with `user_id` an end user, who has no scope, or with `person` somebody at the
    console, whom the identity provider has named. `admin` includes all scopes."""

    key_id: UUID | None
    project_id: UUID
    scopes: frozenset[Scope]
    user_id: str | None = None
    limit: Limit | None = None
    """`None`: no rate limit."""
    expires_at: datetime | None = None
    """From then on the key or token does not hold."""
    person: str | None = None
    session: bytes | None = field(default=None, repr=False)
    """Of the person at the console, its hash."""

    def may(self, scope: Scope) -> bool:
        """Whether the key has the scope; end users have none."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def subject(self) -> str:
        if self.person is not None:
            return f"person/{self.project_id}/{self.person}"
        return f"user/{self.project_id}/{self.user_id}" if self.user_id is not None else f"key/{self.key_id}"

    @property
    def manages(self) -> bool:
        """Whether it is a key that manages the project's recipients, templates and endpoints."""
        return not self.scopes.isdisjoint(("manage", "admin"))

    @property
    def actor(self) -> Actor:
        if self.person is not None:
            return Actor("person", self.person, self.session)
        return Actor("user", self.user_id) if self.user_id is not None else Actor("key", str(self.key_id))


class Authenticator:
    def __init__(
        self, ledger: Ledger, clock: Clock, users: Users, limits: tuple[Limit | None, Limit | None]
    ) -> None:
        """`limits`: the defaults for API keys and for end users."""
        self._key_limit, self._user_limit = limits
        self._ledger = ledger
        self._clock = clock
        self._users = users
        self._uses = LastUses(ledger.cold)
        self._known: Remembered[str, Caller] = Remembered(clock, BELIEVED_SECONDS)
        self._look_ups = Coalescer(self._look_up, max_items=50, concurrency=2)
        self.opened = False
        """Whether the schema of the database is the one this code expects."""

    async def caller(self, authorization: str | None, needed: Scope, *, users: bool = False) -> Caller:
        """An end user is accepted only if `users`. Raises `Refused` (401, 403, 503) and `LedgerUnavailable`."""
        if not self.opened:
            raise LedgerUnavailable("not reached yet")
        caller = self._known.get(authorization or "")
        if caller is None or (caller.expires_at is not None and caller.expires_at <= self._clock.now()):
            caller = await self._recognise(authorization)
        if not caller.may(needed):
            if caller.user_id is not None:
                if users:
                    return caller
                raise Refused(
                    FORBIDDEN, f"this is not for end users; it needs an API key with the scope {needed}"
                )
            raise _lacks(caller, needed)
        return caller

    async def user(self, token: str) -> Caller:
        """The end user a token belongs to. Raises `Refused` (401, 503) and `LedgerUnavailable`."""
        if not self.opened:
            raise LedgerUnavailable("not reached yet")
        try:
            project_id, user_id, ends_at = await self._users.recognise(token)
        except Untrusted as error:
            raise unauthenticated(str(error)) from error
        return Caller(None, project_id, frozenset(), user_id, self._user_limit, ends_at)

    def forget_all(self) -> None:
        self._known.forget_all()

    def forget_users(self) -> None:
        """What is remembered of projects' signing keys and revoked users."""
        self._users.forget_all()

    async def close(self) -> None:
        await self._uses.close()

    async def _recognise(self, authorization: str | None) -> Caller:
        if authorization is None or len(authorization) > _LONGEST:
            raise unauthenticated(
                _SEND if authorization is None else f"a token has at most {MOST_BYTES} bytes"
            )
        match = _BEARER.fullmatch(authorization)
        if match is None:
            token = _TOKEN.fullmatch(authorization)
            if token is None:
                raise unauthenticated(_SEND)
            return await self.user(token[1])
        reading = self._known.reading
        async with patience():
            caller = await self._look_ups.submit(match[1])
        if caller is None:
            raise unauthenticated("this API key is unknown, revoked or has expired")
        self._known.keep(reading, {authorization: caller})
        return caller

    async def _look_up(self, secrets: Sequence[str]) -> list[Caller | None]:
        hashes = [keys.hash_of(secret) for secret in secrets]
        found = await keys.find(self._ledger, hashes)
        return [self._caller(found.get(each)) for each in hashes]

    def _caller(self, found: FoundKey | None) -> Caller | None:
        if found is None:
            return None
        if found.unnoted:
            self._uses.note(found.key.id)
        return self.owner(found.key)

    def owner(self, key: ApiKey) -> Caller:
        """Who calls with a key that holds."""
        limit = key.limit or self._key_limit
        return Caller(key.id, key.project_id, frozenset(key.scopes), limit=limit, expires_at=key.expires_at)

    def person(self, project_id: UUID, scopes: frozenset[Scope], name: str, session: bytes) -> Caller:
        """Somebody at the console, by a session that holds: its hash."""
        return Caller(None, project_id, scopes, limit=self._key_limit, person=name, session=session)


def unauthenticated(detail: str) -> Refused:
    return Refused(UNAUTHENTICATED, detail, headers={"www-authenticate": 'Bearer realm="hermodr"'})


def holds(caller: Caller, needed: Scope) -> None:
    """Raises `Refused` (403) for a key without the scope."""
    if not caller.may(needed):
        raise _lacks(caller, needed)


def _lacks(caller: Caller, needed: Scope) -> Refused:
    return Refused(
        FORBIDDEN, f"this needs the scope {needed}; the key has {', '.join(sorted(caller.scopes))}"
    )
