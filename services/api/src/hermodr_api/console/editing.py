"""The editor of `/console/templates`: texts are written, seen, tried and saved. Each form comes back with what was
typed, and with what is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.answers import Key
from hermodr_api.console import drafts, pages
from hermodr_api.console.drafts import Draft, Told, told
from hermodr_api.console.forms import Form, numeric
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.templating import ThePreviews, TheTemplates
from hermodr_api.console.visiting import (
    Managing,
    Page,
    Posted,
    PostedByManager,
    PostedTexts,
    Word,
    back,
)
from hermodr_api.errors import FORBIDDEN, INVALID, MALFORMED, Flaw, Refused, invalid, not_found
from hermodr_api.http.bodies import read
from hermodr_api.http.provided import provided
from hermodr_api.jobs.models import AcceptedView
from hermodr_api.notifications.models import NotificationIn
from hermodr_api.notifications.service import Notifications
from hermodr_api.previews.models import DraftPreviewIn, PreviewIn, PreviewView
from hermodr_api.previews.service import Previews
from hermodr_api.templates.models import SavedTemplateView, TemplateIn, TemplatePatch
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.versions import Template

router = APIRouter(prefix="/console/templates", include_in_schema=False, route_class=Page)

TheNotifications = Annotated[Notifications, provided(Notifications)]
_TRIED_BY: Mapping[str, str] = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.WHATSAPP: "phone"}
"""By what a message on a channel is sent to somebody who is no recipient."""


@router.get("/new")
async def new(visitor: Managing, channel: Word = "", locale: Word = "") -> Response:
    """Write a new one."""
    return _editor(visitor, None, drafts.fresh(channel, locale))


@router.post("/new")
async def create(posted: PostedTexts, templates: TheTemplates) -> Response:
    """Add it."""
    draft = drafts.posted(posted.fields)
    document: dict[str, Any] = {
        "name": draft["name"].strip(),
        "critical": draft["critical"] == "yes",
        "default_locale": draft["locale"].strip(),
        "contents": drafts.contents_of(draft),
    }
    try:
        answer = await templates.create(posted.visitor.caller, read(TemplateIn, document), _key(posted))
    except Refused as refused:
        return _editor(posted.visitor, None, draft, refused)
    made = SavedTemplateView.model_validate_json(answer.body)
    return back(f"/console/templates/{made.id}")


@router.post("/preview")
async def preview_new(posted: PostedTexts, previews: ThePreviews) -> Response:
    """What a new one makes of the example data."""
    return await _previewed(posted, None, previews)


@router.post("/html")
async def html_of_new(posted: PostedTexts, previews: ThePreviews) -> Response:
    """The HTML of that, for the frame; without a script it is asked for by a button."""
    return pages.mail((await _preview(previews, posted, None)).html or "")


@router.post("/test")
async def test_new(posted: PostedTexts, previews: ThePreviews, notifications: TheNotifications) -> Response:
    """Send what a new one makes of the example data to an address."""
    return await _tried(posted, None, previews, notifications)


@router.get("/frame")
async def frame(_: Managing) -> Response:
    """The empty page into which the script of the editor writes what it got."""
    return pages.canvas()


@router.get("/{template_id}/edit")
async def edit(
    visitor: Managing, templates: TheTemplates, template_id: UUID, channel: Word = "", locale: Word = ""
) -> Response:
    """Change the texts of a channel and a language, or write the first ones."""
    found = await templates.read(visitor.caller.project_id, template_id)
    texts = found.contents.get(channel, {}).get(locale)
    if texts is not None:
        return _editor(visitor, found, drafts.of_texts(found, channel, locale, texts))
    draft = drafts.fresh(channel, locale or found.default_locale, version=str(found.version))
    return _editor(visitor, found, draft)


@router.post("/{template_id}/edit")
async def save(posted: PostedTexts, templates: TheTemplates, template_id: UUID) -> Response:
    """Make a new version of it, unless somebody else did meanwhile."""
    draft, caller = drafts.posted(posted.fields), posted.visitor.caller
    document = {"contents": drafts.contents_of(draft), "if_version": numeric(draft["version"])}
    try:
        wanted = read(TemplatePatch, document)
        await templates.change(caller, template_id, wanted)
    except Refused as refused:
        return _editor(posted.visitor, await templates.read(caller.project_id, template_id), draft, refused)
    assert wanted.contents is not None
    channel, locales = next(iter(wanted.contents.items()))
    assert locales is not None
    return back(f"/console/templates/{template_id}?channel={channel}&locale={next(iter(locales))}")


@router.post("/{template_id}/preview")
async def preview(
    posted: PostedTexts, templates: TheTemplates, previews: ThePreviews, template_id: UUID
) -> Response:
    """What it would make of the example data."""
    found = await templates.read(posted.visitor.caller.project_id, template_id)
    return await _previewed(posted, found, previews)


@router.post("/{template_id}/html")
async def html(posted: PostedTexts, previews: ThePreviews, template_id: UUID) -> Response:
    """The HTML of that, for the frame; without a script it is asked for by a button."""
    return pages.mail((await _preview(previews, posted, template_id)).html or "")


@router.post("/{template_id}/test")
async def test(
    posted: PostedTexts,
    templates: TheTemplates,
    previews: ThePreviews,
    notifications: TheNotifications,
    template_id: UUID,
) -> Response:
    """Send what it would make of the example data to an address."""
    found = await templates.read(posted.visitor.caller.project_id, template_id)
    return await _tried(posted, found, previews, notifications)


@router.get("/{template_id}/remove")
async def ask_remove(
    visitor: Managing, templates: TheTemplates, template_id: UUID, channel: Word = "", locale: Word = ""
) -> Response:
    """Whether texts are to be taken away."""
    found = await templates.read(visitor.caller.project_id, template_id)
    if locale not in found.contents.get(channel, {}):
        raise not_found("text of the template")
    page = f"/console/templates/{template_id}"
    says = (f"{found.name} is not sent by {channel} in {locale} any more. The texts stay in older versions.",)
    asks, hidden = f"Remove {channel}, {locale}?", {"channel": channel, "locale": locale}
    return pages.question(visitor, "templates", asks, says, f"{page}/remove", "Remove", page, hidden=hidden)


@router.post("/{template_id}/remove")
async def remove(posted: PostedByManager, templates: TheTemplates, template_id: UUID) -> Response:
    """Take away the texts of a channel and a language."""
    channel, locale = posted.fields.get("channel", ""), posted.fields.get("locale", "")
    wanted = read(TemplatePatch, {"contents": {channel: {locale: None}}})
    await templates.change(posted.visitor.caller, template_id, wanted)
    return back(f"/console/templates/{template_id}")


async def _previewed(posted: Posted, template: Template | None, previews: Previews) -> Response:
    try:
        made = await _preview(previews, posted, template.id if template is not None else None)
    except Refused as refused:
        # that it cannot be shown yet is what was asked
        status = 200 if refused.kind in (INVALID, MALFORMED) else refused.kind.status
        return _editor(posted.visitor, template, drafts.posted(posted.fields), refused, status=status)
    return _editor(posted.visitor, template, drafts.posted(posted.fields), made=made)


async def _preview(previews: Previews, posted: Posted, template_id: UUID | None) -> PreviewView:
    """Raises `Refused`."""
    draft, project = drafts.posted(posted.fields), posted.visitor.caller.project_id
    locale = draft["locale"].strip()
    document = {
        "contents": drafts.contents_of(draft),
        "channel": draft["channel"],
        "locale": locale,
        "data": drafts.data_of(draft),
    }
    if template_id is None:
        wanted = read(DraftPreviewIn, document | {"default_locale": locale})
        answer = await previews.draft(project, wanted, None)
    else:
        answer = await previews.saved(project, template_id, read(PreviewIn, document), None)
    return PreviewView.model_validate_json(answer.body)


async def _tried(
    posted: Posted, template: Template | None, previews: Previews, notifications: Notifications
) -> Response:
    draft, visitor = drafts.posted(posted.fields), posted.visitor
    try:
        if not visitor.may("send"):
            raise Refused(
                FORBIDDEN, f"a test is sent with the scope send; your {visitor.holds} does not have it"
            )
        made = await _preview(previews, posted, template.id if template is not None else None)
        kind = _TRIED_BY.get(Channel(made.channel))
        if kind is None:
            raise invalid(Flaw(("body", "to"), f"{made.channel} reaches recipients only, not an address"))
        wanted = read(NotificationIn, _message(made, kind, draft["to"].strip()))
        answer = await notifications.request(visitor.caller.project_id, wanted, _key(posted))
    except Refused as refused:
        return _editor(visitor, template, draft, refused)
    job_id = AcceptedView.model_validate_json(answer.body).job_id
    return _editor(visitor, template, draft | {"once": ""}, made=made, sent=job_id)


def _key(posted: Posted) -> Key | None:
    """Pressing twice does it once."""
    return Form(posted.fields).key("templates")


def _message(made: PreviewView, kind: str, address: str) -> dict[str, Any]:
    texts = {"subject": made.subject or None, "body_text": made.text or None, "body_html": made.html}
    given = {
        name: text
        for name, text in texts.items()
        if text is not None and (kind == "email" or name == "body_text")
    }
    return {"to": {kind: address}, "channels": [made.channel], "metadata": {"test": "template"}, **given}


def _editor(
    visitor: Visitor,
    template: Template | None,
    draft: Draft,
    refused: Refused | None = None,
    *,
    made: PreviewView | None = None,
    sent: UUID | None = None,
    status: int | None = None,
) -> Response:
    """The form with what was typed, what is wrong with it or what came of it."""
    flaws: dict[str, list[Told]] = told(refused, draft) if refused is not None else {}
    overtaken = template is not None and "if_version" in flaws
    base = f"/console/templates/{template.id}" if template is not None else "/console/templates"
    return pages.page(
        "template_editor",
        visitor,
        status or (refused.kind.status if refused is not None else 200),
        here="templates",
        template=template,
        base=base,
        draft=draft,
        once=Form(draft).once,
        flaws=flaws,
        overtaken=overtaken,
        made=made,
        sent=sent,
        channels=list(Channel),
        tried_by=_TRIED_BY.get(draft["channel"]),
    )
