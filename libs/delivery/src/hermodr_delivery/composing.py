"""What a channel has to do to make its message of a claim."""

from typing import Protocol, TypeVar

from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts

ComposedT = TypeVar("ComposedT")


class Composer(Protocol[ComposedT]):
    """Makes a message of the claim's data and a template's texts; of `claim.content` where `texts` is None.

    Every method raises the `DeliveryFailure` that fits when the message cannot be made.
    """

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> ComposedT | None:
        """The message, if it takes a few milliseconds at most and nothing has to be waited for."""
        ...

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> ComposedT:
        """The message that could not be had at once. Raises `Withheld` when others' came first for too long."""
        ...

    def is_large(self, message: ComposedT) -> bool:
        """Whether a provider takes so long to prepare it that it does so in a thread."""
        ...
