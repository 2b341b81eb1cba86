"""Makes the mail of a claimed delivery: from its template, or from content sent as given."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from hermodr_delivery.failures import PermanentError, TransientError
from hermodr_delivery.rendering import Rendering
from hermodr_email_sender.domain import Attachment, Mailbox, OutgoingEmail
from hermodr_email_sender.enveloping import enveloped, files_in
from hermodr_email_sender.senders import Senders
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.jobs.attachments import File
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_servicekit.ids import message_id_of
from hermodr_servicekit.links import Links
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.rendering import NOTHING, Rendered
from hermodr_templates.sandbox import supplied

FilesOf = Callable[[UUID], Awaitable[Sequence[File]]]
"""Reads the files of a job's mail. Raises `LedgerUnavailable`."""
_LARGE_MAIL = 128 * 1024
"""Characters of text and HTML, and octets of files; longer mails are built in a thread: the largest takes 300 ms."""


class _Page(NamedTuple):
    """What leads to the recipient's page: headers by RFC 2369 and, for one click, RFC 8058; and names for templates."""

    headers: Mapping[str, str]
    supplied: Mapping[str, str]


_NO_PAGE = _Page(NOTHING, NOTHING)


class EmailComposer:
    """A `Composer` of emails. `message_id_domain` is the right side of their Message-ID; with `links` mails of
    templates lead recipients to their preferences, and those that are not critical tell how to unsubscribe."""

    def __init__(
        self,
        renderer: BoundedRenderer,
        message_id_domain: str,
        files_of: FilesOf,
        senders: Senders,
        links: Links | None = None,
    ) -> None:
        self._rendering = Rendering(renderer)
        self._domain = message_id_domain
        self._files_of = files_of
        self._links = links
        self._senders = senders

    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingEmail | None:
        if claim.envelope is not None and files_in(claim.envelope):
            return None  # they are read from the ledger
        page = self._page(claim, texts)
        rendered = self._rendering.at_once(claim, texts, page.supplied)
        if rendered is None:
            return None
        mail = self._mail(claim, rendered, page.headers)
        if mail.sender is not None and not self._senders.known(claim.project_id, mail.sender):
            return None
        return mail

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> OutgoingEmail:
        page = self._page(claim, texts)
        rendered = await self._rendering.slowly(claim, texts, page.supplied)
        mail = self._mail(claim, rendered, page.headers)
        if mail.sender is not None:
            await self._refuse_strangers(claim, mail.sender)
        expected = files_in(claim.envelope) if claim.envelope is not None else 0
        return mail._replace(attachments=await self._attached(claim, expected)) if expected else mail

    async def _refuse_strangers(self, claim: Claim, sender: Mailbox) -> None:
        try:
            allowed = await self._senders.allowed(claim.project_id, sender)
        except LedgerUnavailable as error:
            raise TransientError("ledger_unavailable", str(error)) from error
        if not allowed:
            raise PermanentError("sender_not_verified", "the sender was deleted, or is not verified")

    async def _attached(self, claim: Claim, expected: int) -> tuple[Attachment, ...]:
        try:
            files = await self._files_of(claim.job_id)
        except LedgerUnavailable as error:
            raise TransientError("ledger_unavailable", str(error)) from error
        if len(files) != expected:
            raise PermanentError("attachment_missing", "an attachment was deleted")
        return tuple(Attachment(*each) for each in files)

    def is_large(self, message: OutgoingEmail) -> bool:
        files = sum(len(each.content) for each in message.attachments) if message.attachments else 0
        return len(message.text) + len(message.html or "") + files > _LARGE_MAIL

    def _mail(self, claim: Claim, rendered: Rendered, headers: Mapping[str, str]) -> OutgoingEmail:
        mail = OutgoingEmail(
            message_id=message_id_of(claim.job_id, self._domain),
            to_address=claim.address,
            to_name=claim.address_name or "",
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            date=claim.wanted_at,  # not the time of the attempt: a repeated attempt sends the same octets
            headers=headers,
            delivery_id=claim.id,
        )
        return mail if claim.envelope is None else enveloped(mail, claim.envelope)

    def _page(self, claim: Claim, texts: CompiledTexts | None) -> _Page:
        """For recipients of templates."""
        if self._links is None or texts is None or texts.name is None or claim.recipient_id is None:
            return _NO_PAGE
        # The time is not the attempt's, so that a repeated one has the same octets.
        link = self._links.of_mail(
            claim.project_id,
            claim.recipient_id,
            texts.name,
            critical=texts.critical,
            envelope=claim.envelope,
            at=claim.wanted_at,
        )
        headers = NOTHING
        if link.unsubscribes:
            headers = {
                "List-Unsubscribe": f"<{link.url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        return _Page(headers, supplied(*link))
