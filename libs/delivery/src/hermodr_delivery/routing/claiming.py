from collections.abc import Callable, Sequence
from uuid import UUID

from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.attempts import Choice, Claim
from hermodr_servicekit import tracing


class Claiming:
    """A lane's `Claims`: each claim names its provider in the ledger, so that it is known even if this sender dies."""

    def __init__(self, attempts: Attempts, choose: Callable[[Sequence[UUID]], Choice]) -> None:
        self._attempts = attempts
        self._choose = choose
        self.release = attempts.release
        self.renew = attempts.renew
        self.owners = attempts.owners

    async def claim(self, ids: Sequence[UUID], *, owner: str, lease_seconds: float) -> list[Claim]:
        """See `hermodr_ledger.deliveries.attempts.claim`."""
        began = tracing.moment()
        claims = await self._attempts.claim(
            ids, owner=owner, lease_seconds=lease_seconds, choose=self._choose
        )
        if began:
            for each in claims:
                tracing.step("claim", each.id, began, {"hermodr.attempt": each.attempt})
        return claims
