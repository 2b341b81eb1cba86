"""Makes the text of a claimed delivery: from its template, or from content sent as given."""

import json

from hermodr_contracts.phones import country_of, phone_number
from hermodr_contracts.segments import segments_of
from hermodr_delivery.claimed import Withheld
from hermodr_delivery.failures import DeliveryFailure, PermanentError, TransientError
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_sms_sender.domain import OutgoingText
from hermodr_templates.bounded import BUSY, BoundedRenderer
from hermodr_templates.rendering import Rendered, RenderingFailed


class TextComposer:
    """A `Composer` of texts of at most `most_segments`."""

    def __init__(self, renderer: BoundedRenderer, most_segments: int) -> None:
        self._renderer = renderer
        self._most = most_segments

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingText | None:
        try:
            if texts is not None:
                rendered = self._renderer.render_at_once(texts, claim.data)
            else:
                rendered = self._renderer.as_given_at_once(*_given(claim))
        except RenderingFailed as failure:
            raise _failure(failure) from failure
        return None if rendered is None else self._text(claim, rendered)

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingText:
        try:
            if texts is not None:
                rendered = await self._renderer.render_in_cell(texts, claim.data, claim.project_id)
            else:
                rendered = await self._renderer.as_given(*_given(claim), claim.project_id)
        except RenderingFailed as failure:
            if failure.code == BUSY:
                raise Withheld(last=True) from failure
            raise _failure(failure) from failure
        return self._text(claim, rendered)

    def is_large(self, message: OutgoingText) -> bool:  # noqa: ARG002 - none is
        """See `Composer`."""
        return False

    def _text(self, claim: Claim, rendered: Rendered) -> OutgoingText:
        text = rendered.text.replace("\r\n", "\n").replace("\r", "\n").strip()
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


def _failure(failed: RenderingFailed) -> DeliveryFailure:
    kind = TransientError if failed.passing else PermanentError
    return kind(failed.code, failed.detail)


def _given(claim: Claim) -> tuple[str | None, str | None, str | None]:
    given = json.loads(claim.content or "{}")
    return given.get("subject"), given.get("body_text"), given.get("body_html")
