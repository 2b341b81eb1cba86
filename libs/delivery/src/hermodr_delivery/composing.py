from typing import Protocol, TypeVar

from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts

ComposedT = TypeVar("ComposedT")


class Composer(Protocol[ComposedT]):
    """Makes a message from the claim's data and a template's texts, or from `claim.content`. Raises a
    `DeliveryFailure`."""

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> ComposedT | None:
        """The message; `None` if it would take more than a few milliseconds, or waiting."""
        ...

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> ComposedT:
        """What `at_once` could not make. Raises `Withheld` if others' messages took too long."""
        ...

    def is_large(self, message: ComposedT) -> bool:
        """Whether a provider should prepare it in a thread."""
        ...
