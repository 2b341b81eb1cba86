"""A token that was shown once and has to hold for as long as something is told by it."""

from datetime import datetime

from hermodr_api.access.authentication import Authenticator
from hermodr_api.errors import UNAUTHENTICATED, Refused
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock

BELIEVED_SECONDS = 30.0
"""After that a token is verified again: its user may have been revoked."""


class Proof:
    """One token, verified when this is made. `expires_at`: from then on it does not hold."""

    def __init__(
        self, authenticator: Authenticator, clock: Clock, token: str, expires_at: datetime | None
    ) -> None:
        self.expires_at = expires_at
        self._authenticator = authenticator
        self._clock = clock
        self._token = token
        self._verified_at = clock.monotonic()

    async def refuted(self) -> str | None:
        """Why it does not hold any more; `None`: it does, or nobody can tell now."""
        if self.expires_at is not None and self.expires_at <= self._clock.now():
            return "the token has expired"
        now = self._clock.monotonic()
        if now - self._verified_at > BELIEVED_SECONDS:
            self._verified_at = now
            try:
                await self._authenticator.user(self._token)
            except Refused as refused:
                return refused.detail if refused.kind is UNAUTHENTICATED else None
            except LedgerUnavailable:
                return None
        return None
