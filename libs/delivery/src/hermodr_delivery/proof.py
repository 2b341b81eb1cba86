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

HELD_LOOKS = 5
"""So often a provider is asked about a delivery that must not be repeated without proof, if it does not answer."""


def must_be_proven(claim: Claim) -> bool:
    """Whether it must not be sent again without proof: nobody requeued it since."""
    return claim.on_unknown is OnUnknown.HOLD and claim.attempt - claim.earlier_attempts > 1


def refuse_unprovable(claim: Claim, provider: Provider[ComposedT]) -> None:
    """Raises `OutcomeUnknown` if another provider may have accepted it, which is no longer there to be asked."""
    if claim.maybe_accepted_by not in (None, provider.name) and must_be_proven(claim):
        raise OutcomeUnknown(
            HELD, f"{claim.maybe_accepted_by} may have accepted it, and cannot be asked any more"
        )


class Proving(Generic[ComposedT]):
    """Asks the provider, if it can be asked. Raises `Withheld` if it is too early to believe that it has nothing or
    does not answer, `OutcomeUnknown` if the delivery must not be sent again without proof (`hold`)."""

    def __init__(self, provider: Provider[ComposedT]) -> None:
        self._provider = provider

    async def of(self, claim: Claim, message: ComposedT) -> Proof:
        """The proof for a claim that this provider may have accepted."""
        ago = claim.unknown_seconds or 0.0
        held = must_be_proven(claim)
        if isinstance(self._provider, LooksUp):
            within = self._provider.found_within
            patience = within * HELD_LOOKS if held else within
            seen = await self._looked_up(self._provider, message, patience - ago)
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
        if held:
            raise OutcomeUnknown(HELD, note)
        return Proof(note=note)

    async def _looked_up(self, provider: LooksUp[ComposedT], message: ComposedT, patience: float) -> Seen:
        """If there is no answer for `patience` seconds more, it cannot tell."""
        try:
            return await provider.look_up(message)
        except DeliveryFailure as failure:
            if patience > 0:
                raise Withheld(seconds=max(min(provider.found_within, patience), 1.0)) from failure
            return Seen(Sighting.CANNOT_TELL, None, failure.code)
