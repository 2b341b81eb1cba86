"""Who calls, by the settings."""

from hermodr_api.access.authentication import Authenticator
from hermodr_api.access.jwks import HttpKeyServer, KeySet
from hermodr_api.access.tokens import Expected
from hermodr_api.access.users import Installation, Users
from hermodr_contracts.rates import Limit
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.token_signing import TokenSecrets


class Access:
    """Building it connects to nothing."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        jwks_url: str | None,
        secret: str | None,
        secret_is_shared: bool,
        expected: Expected,
        token_secrets: TokenSecrets | None,
        limits: tuple[Limit | None, Limit | None],
    ) -> None:
        """`secret`: verifies users' tokens of the operators' project, or of every project. `limits`: of API keys
        without one of their own, and of each end user."""
        self._key_server = HttpKeyServer(jwks_url) if jwks_url is not None else None
        self._keys = KeySet(self._key_server, clock) if self._key_server is not None else None
        installation = Installation(secret, secret_is_shared, self._keys, expected)
        users = Users(ledger, clock, token_secrets, installation)
        self.authenticator = Authenticator(ledger, clock, users, limits)

    async def close(self) -> None:
        """Ends its connections."""
        await self.authenticator.close()
        if self._keys is not None and self._key_server is not None:
            await self._keys.close()
            await self._key_server.close()
