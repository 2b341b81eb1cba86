"""Renews the leases of long provider calls, so that nobody sends the same delivery again."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LONGEST_CALL_SECONDS = 1800.0
"""A longer call hangs: its lease is no longer renewed, and the scheduler records its outcome as unknown."""

_HALF = 0.5
"""The part of a lease after which it is renewed; the other half bridges an outage of the database."""
_LOOKS = 0.1
_AGAIN_SECONDS = 0.5
"""Delay after an outage: sooner than the scheduler calls claims unanswered."""


class Renewals(Protocol):
    async def renew(
        self, claims: Sequence[tuple[UUID, int]], *, owner: str, lease_seconds: float
    ) -> set[UUID]:
        """See `hermodr_ledger.deliveries.leases.renew`. Raises `LedgerUnavailable`."""
        ...


class Call:
    """A running provider call; `long` is called once if it takes long."""

    __slots__ = ("began", "claim", "long", "renew_at", "told")

    def __init__(self, claim: Claim, began: float, renew_at: float, long: Callable[[], None]) -> None:
        self.claim = claim
        self.began = began
        self.renew_at = renew_at
        self.long = long
        self.told = False


class Leases:
    """The running calls of one lane. `renew` is for `periodic.repeat`."""

    def __init__(self, renewals: Renewals, clock: Clock, *, owner: str, lease_seconds: float) -> None:
        self._renewals = renewals
        self._clock = clock
        self._owner = owner
        self._seconds = lease_seconds
        self._calls: dict[UUID, Call] = {}

    def begin(self, claim: Claim, renew_at: float, long: Callable[[], None]) -> Call:
        call = Call(claim, self._clock.monotonic(), renew_at, long)
        self._calls[claim.id] = call
        return call

    def end(self, call: Call) -> None:
        if self._calls.get(call.claim.id) is call:
            del self._calls[call.claim.id]

    async def renewed(self, call: Call) -> float | None:
        """Renews the lease now. Returns until when (monotonic) the call may begin; `None` if the lease is lost."""
        now = self._clock.monotonic()
        claim = call.claim
        try:
            held = await self._renewals.renew(
                [(claim.id, claim.attempt)], owner=self._owner, lease_seconds=self._seconds
            )
        except LedgerUnavailable:
            return None if call.renew_at == math.inf else call.renew_at
        return now + self._seconds * _HALF if claim.id in held else None

    async def renew(self) -> float:
        """Renews the leases that are half over in one statement; returns the seconds to sleep."""
        now = self._clock.monotonic()
        due = [
            call for call in self._calls.values() if call.renew_at <= now < call.began + LONGEST_CALL_SECONDS
        ]
        if due:
            try:
                held = await self._renewals.renew(
                    [(call.claim.id, call.claim.attempt) for call in due],
                    owner=self._owner,
                    lease_seconds=self._seconds,
                )
            except LedgerUnavailable as error:
                log.warning("leases wait for the database", deliveries=len(due), error=str(error))
                return min(_AGAIN_SECONDS, self._seconds * _LOOKS)
            for call in due:
                self._renewed(call, now, held)
        return self._seconds * _LOOKS

    def _renewed(self, call: Call, now: float, held: set[UUID]) -> None:
        if self._calls.get(call.claim.id) is not call:
            return  # it ended meanwhile
        call.renew_at = now + self._seconds * _HALF if call.claim.id in held else math.inf
        if call.renew_at == math.inf:
            log.warning("a lease was lost during its call", delivery_id=str(call.claim.id))
        if not call.told:
            call.told = True
            call.long()
