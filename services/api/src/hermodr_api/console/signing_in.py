"""Logging in at the identity provider, where one is configured, and who such a session is of."""

from datetime import timedelta

import structlog

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.answers import patience
from hermodr_api.console.identity import (
    Attempt,
    IdentityProvider,
    Login,
    NoRole,
    ProviderUnavailable,
    Unrecognised,
)
from hermodr_api.console.roles import Role
from hermodr_api.errors import FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, UNAVAILABLE, Refused
from hermodr_ledger.access import keys, people
from hermodr_ledger.access.people import Person
from hermodr_ledger.engine import Ledger

log = structlog.get_logger()


class SignIn:
    """All raise `LedgerUnavailable`. `provider` `None`: there is none."""

    def __init__(
        self, ledger: Ledger, authenticator: Authenticator, provider: IdentityProvider | None
    ) -> None:
        self._ledger = ledger
        self._authenticator = authenticator
        self._provider = provider

    @property
    def label(self) -> str | None:
        """What the provider is called on the page; `None`: there is none."""
        return self._provider.client.label if self._provider is not None else None

    async def beginning(self) -> tuple[Attempt, str]:
        """A login that begins, and where the browser goes. Raises `Refused` (404, 503)."""
        attempt = self._known.begin()
        try:
            return attempt, await self._known.address(attempt)
        except ProviderUnavailable as error:
            raise _away(error) from error

    def begun(self, secret: str) -> Attempt | None:
        """The login that began so; `None`: nobody began it here, or too long ago."""
        return self._provider.begun(secret) if self._provider is not None else None

    async def end(self, attempt: Attempt, code: str, issuer: str | None) -> Login:
        """Who has logged in. Raises `Refused` (401, 403, 404, 503)."""
        try:
            return await self._known.login(attempt, code, issuer)
        except NoRole as error:
            async with patience():
                await people.end_others(self._ledger, error.issuer, error.subject, None)
            raise Refused(FORBIDDEN, str(error)) from error
        except Unrecognised as error:
            raise Refused(UNAUTHENTICATED, str(error)) from error
        except ProviderUnavailable as error:
            raise _away(error) from error

    async def begin(self, person: Person, secret: str, lives: timedelta) -> None:
        """A session of somebody who has logged in. Raises `Refused` (403) if their role's project is missing."""
        role = self._role(person)
        async with patience(), self._ledger.transaction() as transaction:
            project_id = await people.project_of(transaction, role.project) if role is not None else None
            if project_id is None:
                raise Refused(FORBIDDEN, "your role is for a project that does not exist")
            await people.begin(transaction, person, project_id, keys.hash_of(secret), lives)

    async def caller(self, secret: str) -> tuple[Caller, str] | None:
        """Whose session it is, and the name of their project; `None`: it is over, or their role is configured no
        more."""
        if self._provider is None:
            return None
        session = keys.hash_of(secret)
        async with patience():
            person = await people.find(self._ledger, session)
            role = self._role(person) if person is not None else None
            if person is None or role is None:
                return None
            project_id = await people.project_of(self._ledger, role.project)
        if project_id is None:
            return None
        return self._authenticator.person(project_id, role.scopes, person.name, session), role.project

    async def leaving(self, token: str | None) -> str | None:
        """Where a browser logs out of the provider, too. `None`: nowhere, or not now."""
        try:
            return await self._known.leaving(token)
        except ProviderUnavailable as error:
            log.warning("identity provider not heard", reason=str(error))
            return None

    async def forget(self, secret: str) -> None:
        """Ends a session."""
        async with patience():
            await people.end(self._ledger, keys.hash_of(secret))

    def _role(self, person: Person) -> Role | None:
        """As it is configured now."""
        client = self._known.client
        if person.issuer != client.issuer:
            return None
        return next((role for role in client.roles if role.name == person.role), None)

    @property
    def _known(self) -> IdentityProvider:
        if self._provider is None:
            raise Refused(NOT_FOUND, "no identity provider is configured")
        return self._provider


def _away(error: ProviderUnavailable) -> Refused:
    log.warning("identity provider not heard", reason=str(error))
    return Refused(
        UNAVAILABLE, "the identity provider cannot be reached; try again, or log in with an API key"
    )
