"""End users: callers with a JSON Web Token issued by the application."""

from collections.abc import Sequence
from uuid import UUID

import jwt

from hermodr_api.access.jwks import KeySet, KeysUnavailable
from hermodr_api.access.tokens import SECRET_ALGORITHM, Claims, Expected, Head, Untrusted, head_of, verify
from hermodr_api.answers import patience
from hermodr_api.errors import Refused, unavailable
from hermodr_api.remembered import Remembered
from hermodr_ledger.access import projects
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

_REMEMBERED_SECONDS = 60.0


class Users:
    """Tokens are verified on each request, so an expired one is refused at once."""

    def __init__(
        self, ledger: Ledger, clock: Clock, secret: str | None, keys: KeySet | None, expected: Expected
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._secret = secret
        self._keys = keys
        self._expected = expected
        self._projects: Remembered[str, UUID] = Remembered(clock, _REMEMBERED_SECONDS)
        self._look_ups = Coalescer(self._look_up, max_items=50, concurrency=2)

    async def recognise(self, token: str) -> tuple[UUID, str]:
        """The user's project and id. Raises `Untrusted`, `Refused` (503) and `LedgerUnavailable`."""
        claims = await self._claims(token)
        known = self._projects.get(claims.project)
        if known is not None:
            return known, claims.user_id
        reading = self._projects.reading
        async with patience():
            project_id = await self._look_ups.submit(claims.project)
        if project_id is None:
            raise Untrusted("the token's project is unknown")
        self._projects.keep(reading, {claims.project: project_id})
        return project_id, claims.user_id

    async def _claims(self, token: str) -> Claims:
        head = head_of(token)
        now = self._clock.now().timestamp()
        return verify(token, await self._key(head), head.algorithm, self._expected, now)

    async def _key(self, head: Head) -> str | jwt.PyJWK:
        if head.algorithm == SECRET_ALGORITHM:
            if self._secret is None:
                raise Untrusted(
                    "tokens signed with a secret are not taken here (HERMODR_JWT_SECRET is not set)"
                )
            return self._secret
        if self._keys is None:
            raise Untrusted(
                "tokens signed with a public key are not taken here (HERMODR_JWKS_URL is not set)"
            )
        try:
            return await self._keys.find(head)
        except KeysUnavailable as error:
            raise _keys_unavailable(error) from error

    async def _look_up(self, names: Sequence[str]) -> list[UUID | None]:
        found = await projects.find(self._ledger, names)
        return [found.get(name) for name in names]


def _keys_unavailable(error: KeysUnavailable) -> Refused:
    return unavailable("keys", str(error))
