"""`/console/templates/{id}/settings`: what holds for all texts of a template."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form, words
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.templating import TheTemplates
from hermodr_api.console.visiting import Managing, Page, PostedByManager, back
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import read
from hermodr_api.templates.models import TemplatePatch
from hermodr_ledger.templates.versions import Template

router = APIRouter(
    prefix="/console/templates/{template_id}/settings", include_in_schema=False, route_class=Page
)


@router.get("")
async def settings(visitor: Managing, templates: TheTemplates, template_id: UUID) -> Response:
    """A form with what they are."""
    found = await templates.read(visitor.caller.project_id, template_id)
    return _edited(visitor, Form.changing(_known(found)), found)


@router.post("")
async def change(posted: PostedByManager, templates: TheTemplates, template_id: UUID) -> Response:
    """Change them."""
    caller = posted.visitor.caller
    found = await templates.read(caller.project_id, template_id)
    known = _known(found)
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await templates.change(caller, template_id, read(TemplatePatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, _at_their_fields(form.refused(refused)), found)
    return back(f"/console/templates/{template_id}")


def _known(found: Template) -> dict[str, object]:
    return {
        "name": found.name,
        "default_locale": found.default_locale,
        "critical": found.critical,
        "from": found.mail_from,
        "reply_to": found.reply_to,
    }


def _fields(form: Form) -> dict[str, Any]:
    return {
        "name": form.value("name").strip(),
        "default_locale": form.value("default_locale").strip(),
        "from": form.value("from").strip() or None,
        "critical": bool(form.value("critical")),
        "reply_to": words(form.value("reply_to")) or [],
    }


def _at_their_fields(form: Form) -> Form:
    """With flaws of one of several addresses at their field."""
    return replace(form, flaws={name.partition(".")[0]: flaw for name, flaw in form.flaws.items()})


def _edited(visitor: Visitor, form: Form, template: Template) -> Response:
    return pages.page(
        "template_settings", visitor, form.status, here="templates", form=form, template=template
    )
