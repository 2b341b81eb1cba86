"""What is known, before a delivery is sent again, about its earlier attempt of unknown outcome."""

from typing import Generic, NamedTuple

from hermodr_contracts.vocabulary import OnUnknown
from hermodr_delivery.claimed import Withheld
from hermodr_delivery.composing import ComposedT
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown
from hermodr_delivery.provider import Accepted, LooksUp, Provider, Seen, Sighting
from hermodr_delivery.recorder import HELD
from hermodr_ledger.deliveries.attempts import Claim

LOOKED_UP = "looked_up"
"""The code of an attempt that found an earlier one accepted, and sent nothing."""


class Proof(NamedTuple):
    """`accepted`: an earlier attempt was; `proven`: none was; `note` says so in the timeline."""

    accepted: Accepted | None = None
    proven: bool = False
    note: str | None = None


UNPROVEN = Proof()


def can_be_proven(provider: Provider[ComposedT]) -> bool:
    """Whether the provider can be asked, or recognises a repeated message."""
    return isinstance(provider, LooksUp) or provider.options.keeps_keys_seconds > 0


class Proving(Generic[ComposedT]):
    """Asks the provider, if it can be asked. Raises `Withheld` if it is too early to believe that it has nothing, or
    `OutcomeUnknown` if the delivery must not be sent again without proof (`hold`)."""

    def __init__(self, provider: Provider[ComposedT]) -> None:
        self._provider = provider

    async def of(self, claim: Claim, message: ComposedT) -> Proof:
        """The proof for a claim that this provider may have accepted."""
        ago = claim.unknown_seconds or 0.0
        if isinstance(self._provider, LooksUp):
            seen = await self._looked_up(self._provider, message)
            within = self._provider.found_within
            if seen.sighting is Sighting.FOUND:
                note = "looked up: an earlier attempt was accepted, nothing was sent again"
                return Proof(Accepted(seen.provider_message_id, seen.detail), note=note)
            if seen.sighting is Sighting.NOT_FOUND and ago < within:
                raise Withheld(seconds=max(within - ago, 1.0))
            if seen.sighting is Sighting.NOT_FOUND:
                return Proof(proven=True, note="looked up: no earlier attempt was accepted")
            note = f"could not be looked up ({seen.detail})"
        elif ago < self._provider.options.keeps_keys_seconds:
            return Proof(note="repeated with the same idempotency key: the provider sends it once")
        else:
            note = "an earlier attempt may have been accepted"
        if claim.on_unknown is OnUnknown.HOLD and claim.attempt - claim.earlier_attempts > 1:
            raise OutcomeUnknown(HELD, note)  # nobody requeued it since
        return Proof(note=note)

    async def _looked_up(self, provider: LooksUp[ComposedT], message: ComposedT) -> Seen:
        try:
            return await provider.look_up(message)
        except DeliveryFailure as failure:
            return Seen(Sighting.CANNOT_TELL, None, failure.code)
