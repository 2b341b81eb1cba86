"""`/console/project/brand`: how people see the project on their preference page."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form
from hermodr_api.console.project import TheProjects
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, back
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import read
from hermodr_api.projects.models import ProjectPatch

router = APIRouter(prefix="/console/project/brand", include_in_schema=False, route_class=Page)


@router.get("")
async def brand(visitor: Managing, projects: TheProjects) -> Response:
    """A form with what they see now."""
    now = (await projects.read(visitor.caller.project_id)).brand
    return _edited(visitor, Form.showing(now.model_dump() if now is not None else {}))


@router.post("")
async def change(posted: PostedByManager, projects: TheProjects) -> Response:
    """Change that."""
    form, caller = Form(posted.fields), posted.visitor.caller
    kept, chosen = form.value("logo"), form.value("file")
    given: dict[str, Any] = form.given("name", "color")
    given["logo"] = None if form.value("without_logo") else chosen or kept or None
    try:
        wanted = given if any(given.values()) else None
        await projects.change(caller, read(ProjectPatch, {"brand": wanted}))
    except Refused as refused:
        return _edited(posted.visitor, _at_their_fields(form.refused(refused), chosen))
    return back("/console/project")


def _at_their_fields(form: Form, chosen: str) -> Form:
    """With flaws of the logo at its file; a file that is fine is kept, for browsers choose none again."""
    flaws = {name.removeprefix("brand."): flaw for name, flaw in form.flaws.items()}
    kept = form.value("logo") if chosen else ""
    if "logo" in flaws:
        flaws["file"] = flaws.pop("logo")
    else:
        kept = chosen or form.value("logo")
    return replace(form, fields={**form.fields, "logo": kept}, flaws=flaws)


def _edited(visitor: Visitor, form: Form) -> Response:
    return pages.page("brand_form", visitor, form.status, here="project", form=form)
