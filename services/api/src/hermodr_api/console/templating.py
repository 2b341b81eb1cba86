"""`/console/templates`: what messages are made of, as it is and as it was."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.differences import differences
from hermodr_api.console.drafts import example_of, told
from hermodr_api.console.forms import numeric
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.errors import Refused, not_found
from hermodr_api.http.bodies import NUMERAL, read
from hermodr_api.http.lists import Listing
from hermodr_api.http.provided import provided
from hermodr_api.previews.models import PreviewIn, PreviewView
from hermodr_api.previews.service import Previews
from hermodr_api.templates.models import RollbackIn
from hermodr_api.templates.service import Templates
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.versions import Contents, Texts

router = APIRouter(prefix="/console/templates", include_in_schema=False, route_class=Page)

TheTemplates = Annotated[Templates, provided(Templates)]
ThePreviews = Annotated[Previews, provided(Previews)]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1), NUMERAL]
_VERSIONS = 50
_HERE = "templates"


@router.get("")
async def templates(visitor: Reading, templates: TheTemplates, asked: Listing) -> Response:
    """All of them, with their channels and languages."""
    found = await templates.page(visitor.caller.project_id, asked.page, name=None)
    return pages.page("templates", visitor, rows=found.rows, next_cursor=asked.cursor(found))


@router.get("/{template_id}")
async def template(
    visitor: Reading,
    templates: TheTemplates,
    previews: ThePreviews,
    template_id: UUID,
    channel: Word = "",
    locale: Word = "",
    version: Number = None,
) -> Response:
    """One of them: texts of a channel and a language, and what comes of them with data made up."""
    project = visitor.caller.project_id
    found = await templates.read(project, template_id)
    contents = await _contents(templates, project, template_id, version) if version else found.contents
    channel, locale, texts = _chosen(contents, channel, locale, found.default_locale)
    wanted = _asked(version, channel, locale, texts)
    try:
        answer = await previews.saved(project, template_id, wanted, None)
        preview, flaws = PreviewView.model_validate_json(answer.body), []
    except Refused as refused:
        preview, flaws = None, [each for some in told(refused, {}).values() for each in some]
    return pages.page(
        "template",
        visitor,
        here="templates",
        template=found,
        contents=contents,
        version=version or found.version,
        channel=channel,
        locale=locale,
        texts=texts,
        data=wanted.data,
        preview=preview,
        flaws=flaws,
    )


@router.get("/{template_id}/html")
async def html(
    visitor: Reading,
    templates: TheTemplates,
    previews: ThePreviews,
    template_id: UUID,
    channel: Word,
    locale: Word,
    version: Number = None,
) -> Response:
    """The HTML that comes of it, for the frame of the page above."""
    project = visitor.caller.project_id
    found = await templates.read(project, template_id)
    contents = await _contents(templates, project, template_id, version) if version else found.contents
    wanted = _asked(version, *_chosen(contents, channel, locale, found.default_locale))
    answer = await previews.saved(project, template_id, wanted, None)
    return pages.mail(PreviewView.model_validate_json(answer.body).html or "")


@router.get("/{template_id}/versions")
async def versions(
    visitor: Reading, templates: TheTemplates, template_id: UUID, before: Number = None
) -> Response:
    """Its versions, the newest first."""
    project = visitor.caller.project_id
    found = await templates.read(project, template_id)
    rows, more = await templates.versions(project, template_id, before, _VERSIONS)
    return pages.page(
        "template_versions",
        visitor,
        here="templates",
        template=found,
        rows=rows,
        before=rows[-1].version if more else None,
    )


@router.get("/{template_id}/compare")
async def compare(
    visitor: Reading,
    templates: TheTemplates,
    template_id: UUID,
    old: Annotated[int, Query(ge=1, le=2**31 - 1), NUMERAL],
    new: Annotated[int, Query(ge=1, le=2**31 - 1), NUMERAL],
) -> Response:
    """Two of its versions, side by side."""
    project = visitor.caller.project_id
    found = await templates.read(project, template_id)
    left = await _contents(templates, project, template_id, old)
    right = await _contents(templates, project, template_id, new)
    shown = await asyncio.to_thread(differences, left, right)
    return pages.page(
        "template_compare", visitor, here="templates", template=found, old=old, new=new, differences=shown
    )


@router.get("/{template_id}/rollback")
async def ask_roll_back(
    visitor: Managing, templates: TheTemplates, template_id: UUID, version: Number = None
) -> Response:
    """Whether another version is to be the current one."""
    found = await templates.read(visitor.caller.project_id, template_id)
    if version is None:
        raise not_found("version")
    await templates.version(visitor.caller.project_id, template_id, version)
    page = f"/console/templates/{template_id}"
    says = (f"Version {version} of {found.name} is sent from now on. Version {found.version} is kept.",)
    asks, hidden = f"Make version {version} the current one?", {"version": str(version)}
    return pages.question(
        visitor, _HERE, asks, says, f"{page}/rollback", "Make it current", page, hidden=hidden
    )


@router.post("/{template_id}/rollback")
async def roll_back(posted: PostedByManager, templates: TheTemplates, template_id: UUID) -> Response:
    """Make another version the current one."""
    wanted = read(RollbackIn, {"version": numeric(posted.fields.get("version", ""))})
    await templates.roll_back(posted.visitor.caller, template_id, wanted, None)
    return back(f"/console/templates/{template_id}")


@router.get("/{template_id}/delete")
async def ask_delete(visitor: Managing, templates: TheTemplates, template_id: UUID) -> Response:
    """Whether it is to be deleted."""
    found = await templates.read(visitor.caller.project_id, template_id)
    page = f"/console/templates/{template_id}"
    says = (
        f"{found.name} is gone with all its versions, in every channel and language. "
        "Messages of this type are refused from then on; what was sent stays.",
        "It cannot be undone.",
    )
    asks = f"Delete the template {found.name}?"
    return pages.question(visitor, _HERE, asks, says, f"{page}/delete", "Delete for good", page)


@router.post("/{template_id}/delete")
async def delete(posted: PostedByManager, templates: TheTemplates, template_id: UUID) -> Response:
    """Delete it with all its versions."""
    await templates.delete(posted.visitor.caller, template_id)
    return back("/console/templates")


async def _contents(templates: Templates, project_id: UUID, template_id: UUID, number: int) -> Contents:
    return (await templates.version(project_id, template_id, number)).contents


def _chosen(contents: Contents, channel: str, locale: str, default: str) -> tuple[str, str, Texts]:
    """Raises `Refused` for texts that are not there."""
    channel = channel or (Channel.EMAIL if Channel.EMAIL in contents else next(iter(contents)))
    locales = contents.get(channel, {})
    locale = locale or (default if default in locales else next(iter(locales), ""))
    if locale not in locales:
        raise not_found("text of the template")
    return channel, locale, locales[locale]


def _asked(version: int | None, channel: str, locale: str, texts: Texts) -> PreviewIn:
    return PreviewIn(version=version, channel=Channel(channel), locale=locale, data=example_of(texts))
