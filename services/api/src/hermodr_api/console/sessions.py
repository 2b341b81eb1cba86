"""Who is at the console: an API key gave its secret once, or the identity provider named a person, and a cookie stands
for them since."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from hermodr_api.access.authentication import KEY, Authenticator, Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.console.models import ConsoleLinkView
from hermodr_api.console.signing_in import SignIn
from hermodr_api.errors import UNAUTHENTICATED, Refused
from hermodr_ledger.access import audit, console_sessions, keys
from hermodr_ledger.access.keys import Scope
from hermodr_ledger.access.people import Person
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_servicekit.clock import Clock

SESSION_LIVES = timedelta(hours=12)
LINK_LIVES = timedelta(minutes=5)
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Visitor:
    """`csrf` has to come back with every change: a page of somebody else cannot know it."""

    caller: Caller
    name: str
    project: str
    csrf: str
    now: datetime
    """When the page was asked for."""

    @property
    def holds(self) -> str:
        """What gives them their rights."""
        return "role" if self.caller.person is not None else "key"

    def may(self, scope: Scope) -> bool:
        return self.caller.may(scope)


class Sessions:
    """All raise `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        authenticator: Authenticator,
        clock: Clock,
        own_url: str,
        sign_in: SignIn,
    ) -> None:
        """`own_url`: where the api is reached from outside."""
        self._ledger = ledger
        self._repeatable = repeatable
        self._authenticator = authenticator
        self._clock = clock
        self._own_url = own_url.rstrip("/")
        self._sign_in = sign_in

    @property
    def sign_in(self) -> str | None:
        """What the identity provider is called; `None`: there is none."""
        return self._sign_in.label

    async def begin(self, key: str) -> str:
        """A session of the API key: its secret. Raises `Refused` for a key that is unknown or may not read."""
        if KEY.fullmatch(key) is None:
            raise Refused(
                UNAUTHENTICATED,
                "this is no API key: they begin with hk_, and are shown once, when they are made",
            )
        await self._authenticator.caller(f"Bearer {key}", "read")
        secret, hashed = _new(), keys.hash_of(key)
        async with patience(), self._ledger.transaction() as transaction:
            found = (await keys.find(transaction, [hashed]))[hashed]
            await console_sessions.begin(transaction, found.key, keys.hash_of(secret), SESSION_LIVES)
        return secret

    async def link(self, caller: Caller, key: Key | None) -> Answer:
        """A link that begins a session of the caller's key, once; it is in the first answer only. Raises `Refused`."""
        assert caller.key_id is not None
        key_id = caller.key_id

        async def act(transaction: Transaction) -> Outcome:
            secret, ends = _new(), self._clock.now() + LINK_LIVES
            await console_sessions.link(transaction, key_id, keys.hash_of(secret), LINK_LIVES)
            await audit.record(transaction, caller.project_id, caller.actor, "console.link", key_id)
            urls = (f"{self._own_url}/console/enter/{secret}", None)
            first, later = (ConsoleLinkView(url=each, expires_at=ends) for each in urls)
            return Outcome(first.model_dump_json().encode(), later.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 201, act)

    async def enter(self, link: str) -> str | None:
        """The secret of a session for that of a link; `None`: it was used, or is too old."""
        secret = _new()
        async with patience(), self._ledger.transaction() as transaction:
            taken = await console_sessions.enter(
                transaction, keys.hash_of(link), keys.hash_of(secret), SESSION_LIVES
            )
        return secret if taken is not None else None

    async def visitor(self, secret: str) -> Visitor | None:
        """Whose session it is, while it lasts and its key holds."""
        async with patience():
            found = await console_sessions.find(self._ledger, keys.hash_of(secret))
        if found is None:
            return await self._person(secret)
        name = found.key.name or found.key.hint
        return Visitor(
            self._authenticator.owner(found.key), name, found.project, csrf_of(secret), self._clock.now()
        )

    async def _person(self, secret: str) -> Visitor | None:
        """The same of somebody who logged in at the identity provider, while their role is configured."""
        known = await self._sign_in.caller(secret)
        if known is None:
            return None
        caller, project = known
        assert caller.person is not None
        return Visitor(caller, caller.person, project, csrf_of(secret), self._clock.now())

    async def welcome(self, person: Person) -> str:
        """A session of somebody whom the identity provider has named: its secret. Raises `Refused`."""
        secret = _new()
        await self._sign_in.begin(person, secret, SESSION_LIVES)
        return secret

    async def end(self, secret: str) -> None:
        async with patience():
            await console_sessions.end(self._ledger, keys.hash_of(secret))
        await self._sign_in.forget(secret)


def csrf_of(secret: str) -> str:
    """Follows from the session, and does not lead back to it."""
    return hashlib.blake2b(secret.encode(), digest_size=16, person=b"hermodr csrf").hexdigest()


def _new() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)
