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
from hermodr_api.projects.brand import KIB, MOST_OF_A_LOGO
from hermodr_api.projects.models import ProjectPatch, ProjectView

router = APIRouter(prefix="/console/project/brand", include_in_schema=False, route_class=Page)


@router.get("")
async def brand(visitor: Managing, projects: TheProjects) -> Response:
    """A form with what they see now."""
    return _edited(visitor, Form.changing(_known(await projects.read(visitor.caller.project_id))))


@router.post("")
async def change(posted: PostedByManager, projects: TheProjects) -> Response:
    """Change that."""
    form, caller = Form(posted.fields), posted.visitor.caller
    known = _known(await projects.read(caller.project_id))
    form = form.merged(known)
    try:
        if changes := form.changes(_fields, known):
            await projects.change(caller, read(ProjectPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, _at_their_fields(form.refused(refused), form.value("file")))
    return back("/console/project")


def _known(now: ProjectView) -> dict[str, object]:
    return dict(now.brand.model_dump()) if now.brand is not None else {}


def _fields(form: Form) -> dict[str, Any]:
    kept, chosen = form.value("logo"), form.value("file")
    given: dict[str, Any] = form.given("name", "color")
    given["logo"] = None if form.value("without_logo") else chosen or kept or None
    return {"brand": given if any(given.values()) else None}


def _at_their_fields(form: Form, chosen: str) -> Form:
    """With flaws of the logo at its file; a file that is fine is kept, for browsers choose none again."""
    flaws = {name.removeprefix("brand."): flaw for name, flaw in form.flaws.items()}
    kept = form.value("logo") if chosen else ""
    if "logo" in flaws:
        flaws["file"] = f"is no PNG, JPEG, GIF or WebP of at most {MOST_OF_A_LOGO // KIB} KiB"
        del flaws["logo"]
    else:
        kept = chosen or form.value("logo")
    return replace(form, fields={**form.fields, "logo": kept}, flaws=flaws)


def _edited(visitor: Visitor, form: Form) -> Response:
    return pages.page("brand_form", visitor, form.status, here="project", form=form)
