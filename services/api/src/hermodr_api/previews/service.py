from typing import NamedTuple
from uuid import UUID

from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_api.http.bodies import JsonObject
from hermodr_api.previews.counting import Counting
from hermodr_api.previews.models import (
    DraftPreviewIn,
    PreviewIn,
    PreviewView,
    chosen,
    described,
    sent_as,
    usual_webhook,
    warnings_of,
)
from hermodr_api.recipients.models import RecipientIn
from hermodr_api.templates.approved import ApprovedView
from hermodr_api.templates.models import TemplatePatch, content_flaws, merged, patched_of, texts_of
from hermodr_api.templates.publishing import Publishing
from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_contracts.payloads import payload_flaw
from hermodr_contracts.segments import as_sent
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.people import recipients, windows
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import Contents, Template, Texts
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.links import Links
from hermodr_templates.sandbox import supplied


class _Source(NamedTuple):
    """The contents to choose from; `sent` are those of the request. `version` is `None` if it is not a saved one."""

    contents: Contents
    sent: Contents
    version: int | None
    default_locale: str
    critical: bool = False
    type_name: str | None = None


class Previews:
    """The use cases of `…/preview` and `/v1/template-previews`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        publishing: Publishing,
        links: Links | None,
        clock: Clock,
        counting: Counting,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._publishing = publishing
        self._clock = clock
        self._counting = counting
        self._page_url = links.sample if links is not None else ""

    async def draft(self, project_id: UUID, wanted: DraftPreviewIn, key: Key | None) -> Answer:
        given = texts_of(wanted.contents)
        flaws = content_flaws(given, wanted.default_locale)
        if flaws:
            raise invalid(*flaws)
        contents = (await self._publishing.published(given, project_id)).contents
        source = _Source(contents, contents, None, wanted.default_locale)
        view = await self._shown(project_id, source, wanted, wanted.recipient)
        return await self._answer(project_id, key, view)

    async def saved(self, project_id: UUID, template_id: UUID, wanted: PreviewIn, key: Key | None) -> Answer:
        async with patience():
            template = await versions.read(self._ledger, project_id, template_id)
            if template is None:
                raise not_found("template")
            contents = await self._contents(template, wanted.version)
            recipient = await self._recipient(project_id, wanted)
        version = wanted.version or template.version
        source = _Source(contents, {}, version, template.default_locale, template.critical, template.name)
        if wanted.contents is not None:
            source = await self._tried(project_id, source, TemplatePatch(contents=wanted.contents))
        view = await self._shown(project_id, source, wanted, recipient)
        return await self._answer(project_id, key, view)

    async def _contents(self, template: Template, version: int | None) -> Contents:
        if version is None or version == template.version:
            return template.contents
        found = await versions.version(self._ledger, template.id, version)
        if found is None:
            raise invalid(Flaw(("body", "version"), "there is no such version"))
        return found.contents

    async def _recipient(self, project_id: UUID, wanted: PreviewIn) -> Recipient | RecipientIn | None:
        if wanted.recipient_id is None:
            return wanted.recipient
        if wanted.recipient is not None:
            raise invalid(Flaw(("body", "recipient"), "cannot stand beside recipient_id"))
        recipient = await recipients.read(self._ledger, project_id, wanted.recipient_id)
        if recipient is None:
            raise invalid(Flaw(("body", "recipient_id"), "there is no such recipient"))
        return recipient

    async def _tried(self, project_id: UUID, source: _Source, patch: TemplatePatch) -> _Source:
        sent = (await self._publishing.published(patched_of(patch), project_id)).contents
        contents = merged(source.contents, patch, sent) or {}
        flaws = content_flaws(contents, source.default_locale)
        if flaws:
            raise invalid(*flaws)
        return source._replace(contents=contents, sent=sent, version=None)

    async def _shown(
        self,
        project_id: UUID,
        source: _Source,
        wanted: DraftPreviewIn | PreviewIn,
        recipient: Recipient | RecipientIn | None,
    ) -> PreviewView:
        locale = wanted.locale or (recipient.locale if recipient is not None else None)
        found = chosen(source.contents, wanted.channel, locale, source.default_locale)
        if found is None and wanted.channel == Channel.WEBHOOK:
            used = locale or source.default_locale
            return usual_webhook(source.version, source.type_name, used, wanted.data, self._clock.now())
        if found is None:
            raise invalid(Flaw(("body", "channel"), "the template has no contents on this channel"))
        name, used, texts = found
        whose = "body" if used in source.sent.get(name, {}) else "template"
        at = (whose, "contents", name, used)
        data = dict(wanted.data)
        if texts.reads_recipient:
            data["recipient"] = described(recipient, wanted.data)
        if name == Channel.EMAIL and self._page_url:
            data = supplied(self._page_url, not source.critical) | data
        answer = await self._publishing.rendered(texts, used, data, project_id, at)
        if name == Channel.WEBHOOK and (flaw := payload_flaw(answer["rendered"]["text"])) is not None:
            raise invalid(Flaw((*at, "body_text"), f"what it makes {flaw}"))
        view = PreviewView(
            version=source.version,
            channel=name,
            locale=used,
            variables=answer["variables"],
            warnings=[],
            **answer["rendered"],
        )
        if name == Channel.WHATSAPP:
            view = await self._of_whatsapp(project_id, view, texts, data, recipient, at)
        warnings = warnings_of(view, texts, locale, wanted.data) + answer["remarks"]
        if name == Channel.SMS:
            return self._of_sms(view, recipient, warnings)
        return view.model_copy(update={"warnings": warnings})

    def _of_sms(
        self, view: PreviewView, recipient: Recipient | RecipientIn | None, warnings: list[str]
    ) -> PreviewView:
        """As it would be sent, and counted."""
        text = as_sent(view.text)
        counted = self._counting.of(text, recipient.phone if recipient is not None else None)
        warnings = warnings + self._counting.warnings_of(text, counted)
        return view.model_copy(update={"text": text, "sms": counted, "warnings": warnings})

    async def _of_whatsapp(
        self,
        project_id: UUID,
        view: PreviewView,
        texts: Texts,
        data: JsonObject,
        recipient: Recipient | RecipientIn | None,
        at: tuple[str, ...],
    ) -> PreviewView:
        """With the approved template as it would be filled in, and which would be sent now."""
        approved, variables = None, set(view.variables)
        if texts.approved is not None:
            source = ApprovedTemplate.read(texts.approved)
            values: dict[tuple[str, ...], str] = {}
            for place, text in source.sources():
                one, where = Texts(None, text, None), (*at, "approved", *place)
                answer = await self._publishing.rendered(one, view.locale, data, project_id, where)
                values[place] = " ".join(answer["rendered"]["text"].split())
                variables.update(answer["variables"])
            approved = ApprovedView.model_validate(source.filled(values))
        phone = recipient.phone if recipient is not None else None
        known = await windows.open_with(self._ledger, [phone]) if phone is not None else {}
        told = {"approved": approved, "sent_as": sent_as(texts, known, phone), "variables": sorted(variables)}
        return view.model_copy(update=told)

    async def _answer(self, project_id: UUID, key: Key | None, view: PreviewView) -> Answer:
        outcome = Outcome.of(PreviewView, view)

        async def act(_: Transaction) -> Outcome:
            return outcome

        if key is None:
            return Answer(200, outcome.body)
        return await self._repeatable.run(project_id, key, 200, act)
