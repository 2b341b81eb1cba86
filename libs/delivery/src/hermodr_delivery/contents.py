from uuid import UUID

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.failures import PermanentError, TransientError
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.templates.texts import CompiledTexts, compiled_texts, without_texts

_KEPT = 1000


class Contents:
    """Template texts of a channel, cached by their immutable version. Not `needed`: a template without texts for the
    channel is found too."""

    def __init__(self, ledger: Ledger, channel: Channel, *, needed: bool = True) -> None:
        self._ledger = ledger
        self._channel = channel
        self._needed = needed
        self._kept: dict[tuple[UUID | None, int | None, str | None], CompiledTexts] = {}

    def kept(self, claim: Claim) -> CompiledTexts | None:
        return self._kept.get((claim.template_id, claim.template_version, claim.locale))

    async def of(self, claim: Claim) -> CompiledTexts:
        """Raises `PermanentError` if there are none, `TransientError` while the database is away."""
        if (kept := self.kept(claim)) is not None:
            return kept
        if claim.template_id is None or claim.template_version is None or claim.locale is None:
            raise PermanentError("template_missing", "the delivery names no template")
        key = (claim.template_id, claim.template_version, claim.locale)
        try:
            found = await compiled_texts(self._ledger, key[0], key[1], self._channel, key[2])
            if found is None and not self._needed:
                found = await without_texts(self._ledger, *key)
        except LedgerUnavailable as error:
            raise TransientError("ledger_unavailable", str(error)) from error
        if found is None:
            raise PermanentError("template_missing", "the template was deleted")
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[key] = found
        return found
