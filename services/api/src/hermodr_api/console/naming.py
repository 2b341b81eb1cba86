"""`/console/templates/{id}/labels`: what people are told that a template's messages are, in their languages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form, numbered
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.templating import TheTemplates
from hermodr_api.console.visiting import Managing, Page, PostedByManager, back
from hermodr_api.errors import Flaw, Refused, invalid
from hermodr_api.http.bodies import read
from hermodr_api.templates.models import TemplatePatch
from hermodr_ledger.templates.versions import Template

router = APIRouter(
    prefix="/console/templates/{template_id}/labels", include_in_schema=False, route_class=Page
)

_SAID = ("title", "category", "description")


@router.get("")
async def labels(visitor: Managing, templates: TheTemplates, template_id: UUID) -> Response:
    """A form with what they are told now."""
    found = await templates.read(visitor.caller.project_id, template_id)
    return _edited(visitor, Form.changing(_known(found)), found)


@router.post("")
async def change(posted: PostedByManager, templates: TheTemplates, template_id: UUID) -> Response:
    """Change that."""
    form, caller = Form(posted.fields), posted.visitor.caller
    form = form.with_rows(
        "labels", form.rows("labels", lambda row: any(each.strip() for each in row.values()))
    )
    found = await templates.read(caller.project_id, template_id)
    known = _known(found)
    form = form.merged(known)
    try:
        if changes := form.changes(_fields, known):
            await templates.change(caller, template_id, read(TemplatePatch, changes))
    except Refused as refused:
        rows = form.rows("labels", bool)
        return _edited(posted.visitor, _at_its_row(form.refused(refused), rows), found)
    return back(f"/console/templates/{template_id}")


def _known(found: Template) -> dict[str, object]:
    labels = sorted((found.labels or {}).items())
    return dict(numbered("labels", [{"locale": locale, **label} for locale, label in labels]))


def _fields(form: Form) -> dict[str, Any]:
    return {"labels": _labels(form.rows("labels", bool)) or None}


def _labels(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """As `/v1` has them. Raises `Refused` for two of one language."""
    found: dict[str, Any] = {}
    for number, row in enumerate(rows):
        locale = row.get("locale", "").strip()
        if not locale or locale in found:
            flaw = "stands here twice" if locale else "is missing"
            raise invalid(Flaw(("body", "labels", number, "locale"), flaw))
        found[locale] = {name: row.get(name, "").strip() or None for name in _SAID}
    return found


def _at_its_row(form: Form, rows: Sequence[Mapping[str, str]]) -> Form:
    """With flaws of `labels.de.title` at the row where `de` is typed."""
    numbers = {row.get("locale", "").strip(): number for number, row in enumerate(rows)}
    return replace(form, flaws={_placed(name, numbers): flaw for name, flaw in form.flaws.items()})


def _placed(name: str, numbers: Mapping[str, int]) -> str:
    first, _, rest = name.partition(".")
    locale, _, last = rest.partition(".")
    if first != "labels" or locale not in numbers:
        return name
    return f"labels.{numbers[locale]}.{last if last in _SAID else 'locale'}"


def _edited(visitor: Visitor, form: Form, template: Template) -> Response:
    rows = len(form.rows("labels", bool)) + 1
    return pages.page(
        "template_labels", visitor, form.status, here="templates", form=form, template=template, rows=rows
    )
