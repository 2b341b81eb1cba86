"""End users: callers with a JSON Web Token issued by the application."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from hermodr_api.access.jwks import KeySet, KeysUnavailable
from hermodr_api.access.public_keys import loaded
from hermodr_api.access.tokens import (
    SECRET_ALGORITHM,
    Claims,
    Expected,
    Head,
    Key,
    Untrusted,
    WronglySigned,
    head_of,
    project_of,
    verify,
)
from hermodr_api.answers import patience
from hermodr_api.errors import Refused, unavailable
from hermodr_api.remembered import Remembered
from hermodr_ledger.access import trust
from hermodr_ledger.access.trust import Rules, Trust, TrustedKey
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer
from hermodr_servicekit.token_signing import TokenSecrets

BELIEVED_SECONDS = 5.0
"""How long a revoked key or user may still be believed in another process."""
_UNKNOWN_KEY = (
    "the token was signed with a key that is not known here; its kid has to name a signing key of its project"
)


@dataclass(frozen=True, slots=True)
class Installation:
    """Who signs tokens beside the projects themselves. `secret`: HERMODR_JWT_SECRET, for all projects if `shared`, else
    for the one that operates the installation. `expected`: of projects that do not say it themselves."""

    secret: str | None = None
    shared: bool = False
    keys: KeySet | None = None
    expected: Expected = field(default_factory=Expected)


class Users:
    """Tokens are verified on each request, so an expired one is refused at once."""

    def __init__(
        self, ledger: Ledger, clock: Clock, secrets: TokenSecrets | None, installation: Installation
    ) -> None:
        """`secrets`: of the projects' signing keys."""
        self._ledger = ledger
        self._clock = clock
        self._secrets = secrets
        self._installation = installation
        self._trusts: Remembered[str, Trust] = Remembered(clock, BELIEVED_SECONDS)
        self._revocations: Remembered[tuple[UUID, str], datetime | None] = Remembered(clock, BELIEVED_SECONDS)
        self._finding = Coalescer(self._find, max_items=50, concurrency=2)
        self._asking = Coalescer(self._revoked, max_items=50, concurrency=2)

    async def recognise(self, token: str) -> tuple[UUID, str, datetime]:
        """The user's project and id, and until when the token holds. Raises `Untrusted`, `Refused` (503) and
        `LedgerUnavailable`."""
        head = head_of(token)
        found = await self._trust(project_of(token))
        claims = await self._claims(token, head, found)
        if found is None:  # said to nobody who cannot sign
            raise Untrusted("the token's project is unknown")
        await self._not_revoked(found, claims)
        return found.project_id, claims.user_id, datetime.fromtimestamp(claims.ends_at, UTC)

    def forget_all(self) -> None:
        self._trusts.forget_all()
        self._revocations.forget_all()

    async def _claims(self, token: str, head: Head, found: Trust | None) -> Claims:
        """By the project's key that the token names, else by the installation's."""
        rules = found.rules if found is not None else Rules()
        usual = self._installation.expected
        expected = Expected(rules.audience or usual.audience, rules.issuer or usual.issuer, rules.lifetime)
        now = self._clock.now().timestamp()
        named = found.keys.get(head.key_id) if found is not None and head.key_id is not None else None
        if named is None:
            return verify(token, await self._installations(head, found), head.algorithm, expected, now)
        keys = self._keys(named)
        for key in keys[:-1]:
            try:
                return verify(token, key, named.algorithm, expected, now)
            except WronglySigned:
                continue
        return verify(token, keys[-1], named.algorithm, expected, now)

    def _keys(self, named: TrustedKey) -> Sequence[Key]:
        """Several while HERMODR_SECRET_KEY is replaced."""
        if named.public_key is not None:
            return [loaded(named.public_key)]
        if self._secrets is None:
            raise Untrusted("signing keys with a secret are not taken here (HERMODR_SECRET_KEY is not set)")
        return self._secrets.secrets(named.id)

    async def _installations(self, head: Head, found: Trust | None) -> Key:
        installation = self._installation
        if head.algorithm == SECRET_ALGORITHM:
            for_them = installation.shared or (found is not None and found.operates)
            if installation.secret is None or not for_them:
                raise Untrusted(_UNKNOWN_KEY)
            return installation.secret
        if installation.keys is None:
            raise Untrusted(_UNKNOWN_KEY)
        try:
            return await installation.keys.find(head)
        except KeysUnavailable as error:
            raise _keys_unavailable(error) from error

    async def _not_revoked(self, found: Trust, claims: Claims) -> None:
        """Asks for one user only when the token is older than the project's last revocation."""
        if found.revoked_at is None or _later(claims, found.revoked_at):
            return
        user = (found.project_id, claims.user_id)
        try:
            revoked_at = self._revocations[user]
        except KeyError:
            reading = self._revocations.reading
            async with patience():
                revoked_at = await self._asking.submit(user)
            self._revocations.keep(reading, {user: revoked_at})
        if revoked_at is not None and not _later(claims, revoked_at):
            raise Untrusted(
                f"the user's tokens were revoked; one with an iat of {revoked_at:%Y-%m-%dT%H:%M:%SZ} or later holds"
            )

    async def _trust(self, project: str) -> Trust | None:
        known = self._trusts.get(project)
        if known is not None:
            return known
        reading = self._trusts.reading
        async with patience():
            found = await self._finding.submit(project)
        if found is not None:
            self._trusts.keep(reading, {project: found})
        return found

    async def _find(self, names: Sequence[str]) -> list[Trust | None]:
        found = await trust.find(self._ledger, names)
        return [found.get(name) for name in names]

    async def _revoked(self, users: Sequence[tuple[UUID, str]]) -> list[datetime | None]:
        return await trust.revoked(self._ledger, users)


def _later(claims: Claims, moment: datetime) -> bool:
    return claims.issued_at is not None and claims.issued_at >= moment.timestamp()


def _keys_unavailable(error: KeysUnavailable) -> Refused:
    return unavailable("keys", str(error))
