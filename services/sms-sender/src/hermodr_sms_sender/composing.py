"""Makes the text of a claimed delivery: from its template, or from content sent as given."""

from hermodr_contracts.phones import country_of, phone_number
from hermodr_contracts.segments import as_sent, segments_of
from hermodr_delivery.failures import PermanentError
from hermodr_delivery.rendering import Rendering
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_sms_sender.domain import OutgoingText
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.rendering import Rendered


class TextComposer:
    """A `Composer` of texts of at most `most_segments`."""

    def __init__(self, renderer: BoundedRenderer, most_segments: int) -> None:
        self._rendering = Rendering(renderer)
        self._most = most_segments

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingText | None:
        rendered = self._rendering.at_once(claim, texts)
        return None if rendered is None else self._text(claim, rendered)

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingText:
        return self._text(claim, await self._rendering.slowly(claim, texts))

    def is_large(self, message: OutgoingText) -> bool:  # noqa: ARG002 - none is
        """See `Composer`."""
        return False

    def _text(self, claim: Claim, rendered: Rendered) -> OutgoingText:
        text = as_sent(rendered.text)
        if not text:
            raise PermanentError("empty_text", "the text is empty")
        segments = segments_of(text)
        if segments.number > self._most:
            raise PermanentError(
                "too_many_segments",
                f"{segments.number} segments of {segments.encoding}; at most {self._most} are sent",
            )
        try:
            to = phone_number(claim.address)
        except ValueError:
            raise PermanentError("bad_address", "the phone number is malformed") from None
        return OutgoingText(claim.id, to, text, segments, country_of(to), claim.wanted_at)
