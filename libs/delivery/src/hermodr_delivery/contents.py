from collections.abc import Callable
from uuid import UUID

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.failures import PermanentError, TransientError
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.templates.kept import KeptTexts
from hermodr_ledger.templates.texts import CompiledTexts, compiled_texts, without_texts

_Key = tuple[UUID, int, str]


class Contents:
    """Template texts of a channel, kept by their immutable version. Not `needed`: a template without texts for the
    channel is found too."""

    def __init__(
        self, ledger: Ledger, channel: Channel, monotonic: Callable[[], float], *, needed: bool = True
    ) -> None:
        self._ledger = ledger
        self._channel = channel
        self._needed = needed
        self._kept = KeptTexts(self._read, monotonic)

    def kept(self, claim: Claim) -> CompiledTexts | None:
        key = _key_of(claim)
        return self._kept.at_once(key) if key is not None else None

    async def of(self, claim: Claim) -> CompiledTexts:
        """Raises `PermanentError` if there are none, `TransientError` while the database is away."""
        key = _key_of(claim)
        if key is None:
            raise PermanentError("template_missing", "the delivery names no template")
        try:
            found = await self._kept.of(key)
        except LedgerUnavailable as error:
            raise TransientError("ledger_unavailable", str(error)) from error
        if found is None:
            raise PermanentError("template_missing", "the template was deleted")
        return found

    async def _read(self, key: _Key) -> CompiledTexts | None:
        template_id, version, locale = key
        found = await compiled_texts(self._ledger, template_id, version, self._channel, locale)
        if found is None and not self._needed:
            return await without_texts(self._ledger, template_id, version, locale)
        return found


def _key_of(claim: Claim) -> _Key | None:
    if claim.template_id is None or claim.template_version is None or claim.locale is None:
        return None
    return claim.template_id, claim.template_version, claim.locale
