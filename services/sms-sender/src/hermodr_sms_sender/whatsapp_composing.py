"""Makes the WhatsApp message of a claimed delivery: its text, and the template to be sent outside the window."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_contracts.phones import country_of, phone_number
from hermodr_delivery.failures import PermanentError, TransientError
from hermodr_delivery.rendering import Rendering
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_sms_sender.domain import OutgoingWhatsApp
from hermodr_templates.bounded import BoundedRenderer

MOST_CHARACTERS = 4096
"""https://developers.facebook.com/docs/whatsapp/cloud-api/messages/text-messages"""
OpenWith = Callable[[str], Awaitable[frozenset[str]]]
"""The providers whose window with a phone is open. Raises `LedgerUnavailable`."""


class WhatsAppComposer:
    """A `Composer`. It never composes at once: windows are in the ledger."""

    def __init__(self, renderer: BoundedRenderer, open_with: OpenWith) -> None:
        self._rendering = Rendering(renderer)
        self._open_with = open_with

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingWhatsApp | None:  # noqa: ARG002
        """See `Composer`."""
        return None

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingWhatsApp:
        """See `Composer`."""
        try:
            to = phone_number(claim.address)
        except ValueError:
            raise PermanentError("bad_address", "the phone number is malformed") from None
        try:
            open_with = await self._open_with(to)
        except LedgerUnavailable as error:
            raise TransientError("ledger_unavailable", str(error)) from error
        approved = await self._approved(claim, texts) if texts is not None and texts.approved else None
        text = await self._text(claim, texts) if open_with else None
        if open_with and text is None and approved is None:
            raise PermanentError("empty_text", "the text is empty")
        return OutgoingWhatsApp(claim.id, to, text, approved, open_with, country_of(to))

    def is_large(self, message: OutgoingWhatsApp) -> bool:  # noqa: ARG002 - none is
        """See `Composer`."""
        return False

    async def _text(self, claim: Claim, texts: CompiledTexts | None) -> str | None:
        text = await self._rendered(claim, texts)
        if len(text) > MOST_CHARACTERS:
            raise PermanentError(
                "text_too_long", f"{len(text)} characters; WhatsApp takes at most {MOST_CHARACTERS}"
            )
        return text or None

    async def _approved(self, claim: Claim, texts: CompiledTexts) -> ApprovedTemplate:
        """WhatsApp takes no line breaks, tabs and long gaps in a parameter, and no empty one."""
        given = ApprovedTemplate.read(texts.approved or "{}")
        values: dict[tuple[str, ...], str] = {}
        for place, source in given.sources():
            at = ".".join(place)
            part = replace(
                texts, locale=f"{texts.locale}#{at}", subject=None, body_text=source, body_html=None
            )
            values[place] = " ".join((await self._rendered(claim, part)).split())
            if not values[place]:
                raise PermanentError("empty_parameter", f"{at} of the approved template is empty")
        return given.filled(values)

    async def _rendered(self, claim: Claim, texts: CompiledTexts | None) -> str:
        rendered = self._rendering.at_once(claim, texts)
        if rendered is None:
            rendered = await self._rendering.slowly(claim, texts)
        return rendered.text.replace("\r\n", "\n").replace("\r", "\n").strip()
