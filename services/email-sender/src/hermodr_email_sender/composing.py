"""Makes the mail of a claimed delivery: from its template, or from content sent as given."""

import json

from hermodr_delivery.claimed import Withheld
from hermodr_delivery.failures import DeliveryFailure, PermanentError, TransientError
from hermodr_email_sender.domain import OutgoingEmail
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_servicekit.ids import message_id_of
from hermodr_templates.bounded import BUSY, BoundedRenderer
from hermodr_templates.rendering import Rendered, RenderingFailed

_LARGE_MAIL = 128 * 1024
"""Characters of text and HTML; longer mails are built in a thread: the largest takes about 300 ms."""


class EmailComposer:
    """A `Composer` of emails. `message_id_domain` is the right side of their Message-ID."""

    def __init__(self, renderer: BoundedRenderer, message_id_domain: str) -> None:
        self._renderer = renderer
        self._domain = message_id_domain

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingEmail | None:
        try:
            if texts is not None:
                rendered = self._renderer.render_at_once(texts, claim.data)
            else:
                rendered = self._renderer.as_given_at_once(*_given(claim))
        except RenderingFailed as failure:
            raise _failure(failure) from failure
        return None if rendered is None else self._mail(claim, rendered)

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingEmail:
        try:
            if texts is not None:
                rendered = await self._renderer.render_in_cell(texts, claim.data, claim.project_id)
            else:
                rendered = await self._renderer.as_given(*_given(claim), claim.project_id)
        except RenderingFailed as failure:
            if failure.code == BUSY:
                raise Withheld(last=True) from failure
            raise _failure(failure) from failure
        return self._mail(claim, rendered)

    def is_large(self, message: OutgoingEmail) -> bool:
        return len(message.text) + len(message.html or "") > _LARGE_MAIL

    def _mail(self, claim: Claim, rendered: Rendered) -> OutgoingEmail:
        return OutgoingEmail(
            message_id=message_id_of(claim.job_id, self._domain),
            to_address=claim.address,
            to_name=claim.address_name or "",
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            date=claim.wanted_at,  # not the time of the attempt: a repeated attempt sends the same octets
        )


def _failure(failed: RenderingFailed) -> DeliveryFailure:
    kind = TransientError if failed.passing else PermanentError
    return kind(failed.code, failed.detail)


def _given(claim: Claim) -> tuple[str | None, str | None, str | None]:
    given = json.loads(claim.content or "{}")
    return given.get("subject"), given.get("body_text"), given.get("body_html")
