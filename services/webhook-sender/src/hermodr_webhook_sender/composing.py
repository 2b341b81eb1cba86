"""Makes the payload of a claimed delivery: from its template's text for webhooks, else from its data."""

from hermodr_contracts.payloads import MOST_OCTETS, payload_flaw, usual_payload
from hermodr_delivery.failures import PermanentError
from hermodr_delivery.rendering import Rendering
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_templates.bounded import BoundedRenderer
from hermodr_webhook_sender.outgoing import OutgoingWebhook


class PayloadComposer:
    """A `Composer`."""

    def __init__(self, renderer: BoundedRenderer) -> None:
        self._rendering = Rendering(renderer)

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingWebhook | None:
        templated = _templated(texts)
        if templated.body_text is None:
            return _usual(claim, templated)
        rendered = self._rendering.at_once(claim, templated)
        return None if rendered is None else _rendered(claim, rendered.text)

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingWebhook:
        return _rendered(claim, (await self._rendering.slowly(claim, _templated(texts))).text)

    def is_large(self, message: OutgoingWebhook) -> bool:  # noqa: ARG002 - none is
        """See `Composer`."""
        return False


def _templated(texts: CompiledTexts | None) -> CompiledTexts:
    if texts is None:
        raise PermanentError("needs_template", "a webhook sends no content as given")
    return texts


def _usual(claim: Claim, texts: CompiledTexts) -> OutgoingWebhook:
    text = usual_payload(texts.name, claim.wanted_at, claim.data)
    if len(text) > MOST_OCTETS or len(text.encode()) > MOST_OCTETS:
        raise PermanentError("bad_payload", f"the data is too large; at most {MOST_OCTETS} octets are sent")
    return _made(claim, text)


def _rendered(claim: Claim, text: str) -> OutgoingWebhook:
    if (flaw := payload_flaw(text)) is not None:
        raise PermanentError("bad_payload", f"what the template makes {flaw}")
    return _made(claim, text)


def _made(claim: Claim, text: str) -> OutgoingWebhook:
    if claim.recipient_id is None or not claim.address:
        raise PermanentError("no_address", "the recipient was erased")
    try:
        return OutgoingWebhook(claim.id, claim.project_id, claim.recipient_id, claim.address, text.encode())
    except UnicodeEncodeError:
        raise PermanentError("bad_payload", "the payload contains a lone surrogate") from None
