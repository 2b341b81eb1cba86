"""`/v1/templates/…/preview`, `/v1/template-previews`: what a message would look like."""

from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_api.http.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.http.bodies import JsonObject
from hermodr_api.http.intake import Gate, caller_of, read_body, respond
from hermodr_api.http.openapi import documented
from hermodr_api.previews.models import DraftPreviewIn, PreviewIn, PreviewView, chosen
from hermodr_api.templates.models import TemplatePatch, content_flaws, merged, patched_of, texts_of
from hermodr_api.templates.publishing import Publishing
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.people import recipients
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import Contents, Template

_DRAFT = {
    "contents": {
        "email": {
            "en": {
                "subject": "Hello, {{ name }}",
                "body_mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>Hello, {{ name }}</mj-text></mj-column>"
                "</mj-section></mj-body></mjml>",
            }
        }
    },
    "data": {"name": "Ada"},
}


class PreviewRoutes:
    """Rendering without sending."""

    def __init__(self, gate: Gate, ledger: Ledger, repeatable: Repeatable, publishing: Publishing) -> None:
        self._gate = gate
        self._ledger = ledger
        self._repeatable = repeatable
        self._publishing = publishing

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["templates"], dependencies=[Depends(self._gate.needs_read)])
        docs = documented(
            "Preview contents that are not saved",
            method="POST",
            scope="read",
            answer=PreviewView,
            body=DraftPreviewIn,
            example=_DRAFT,
        )
        router.add_api_route("/v1/template-previews", self.draft, **docs)
        docs = documented(
            "Preview a template, or changes of it that are not saved",
            method="POST",
            scope="read",
            answer=PreviewView,
            body=PreviewIn,
            example={"locale": "de-AT", "data": {"name": "Ada", "magic_link": "https://example.com/x"}},
            problems=(404,),
        )
        router.add_api_route("/v1/templates/{template_id}/preview", self.saved, **docs)
        return router

    async def draft(self, request: Request) -> Response:
        """`POST /v1/template-previews`."""
        wanted, key = await read_body(request, DraftPreviewIn)
        project_id = caller_of(request).project_id
        given = texts_of(wanted.contents)
        flaws = content_flaws(given, wanted.default_locale)
        if flaws:
            raise invalid(*flaws)
        contents = (await self._publishing.published(given, project_id)).contents
        view = await self._shown(
            project_id,
            contents,
            contents,
            None,
            wanted.channel,
            wanted.locale,
            wanted.default_locale,
            wanted.data,
        )
        return respond(await self._answer(request, key, view))

    async def saved(self, request: Request, template_id: UUID) -> Response:
        """`POST /v1/templates/{id}/preview`."""
        wanted, key = await read_body(request, PreviewIn)
        project_id = caller_of(request).project_id
        async with patience():
            template = await versions.read(self._ledger, project_id, template_id)
            if template is None:
                raise not_found("template")
            contents = await self._contents(template, wanted.version)
            locale = wanted.locale
            if wanted.recipient_id is not None:
                recipient = await recipients.read(self._ledger, project_id, wanted.recipient_id)
                if recipient is None:
                    raise invalid(Flaw(("body", "recipient_id"), "there is no such recipient"))
                locale = locale or recipient.locale
        version: int | None = wanted.version or template.version
        sent: Contents = {}
        if wanted.contents is not None:
            patch = TemplatePatch(contents=wanted.contents)
            brought = await self._publishing.published(patched_of(patch), project_id)
            sent = brought.contents
            contents, version = merged(contents, patch, sent) or {}, None
            flaws = content_flaws(contents, template.default_locale)
            if flaws:
                raise invalid(*flaws)
        view = await self._shown(
            project_id, contents, sent, version, wanted.channel, locale, template.default_locale, wanted.data
        )
        return respond(await self._answer(request, key, view))

    async def _contents(self, template: Template, version: int | None) -> Contents:
        if version is None or version == template.version:
            return template.contents
        found = await versions.version(self._ledger, template.id, version)
        if found is None:
            raise invalid(Flaw(("body", "version"), "there is no such version"))
        return found.contents

    async def _shown(
        self,
        project_id: UUID,
        contents: Contents,
        sent: Contents,
        version: int | None,
        channel: Channel | None,
        locale: str | None,
        default: str,
        data: JsonObject,
    ) -> PreviewView:
        """Of the contents, those `sent` came with the request."""
        found = chosen(contents, channel, locale, default)
        if found is None:
            raise invalid(Flaw(("body", "channel"), "the template has no contents on this channel"))
        name, used, texts = found
        source = "body" if used in sent.get(name, {}) else "template"
        return await self._publishing.preview((version, name, used), source, texts, locale, data, project_id)

    async def _answer(self, request: Request, key: Key | None, view: PreviewView) -> Answer:
        body = view.model_dump_json().encode()

        async def act(_: Transaction) -> Outcome:
            return Outcome(body)

        if key is None:
            return Answer(200, body)
        return await self._repeatable.run(caller_of(request).project_id, key, 200, act)
