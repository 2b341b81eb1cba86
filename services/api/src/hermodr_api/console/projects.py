"""`/console/projects`: all projects of the installation, what they may use and do use; for operators."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form, whole
from hermodr_api.console.lists import older
from hermodr_api.console.project import QUOTAS, meters
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Administering, Page, PostedByAdmin, back
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import Listing
from hermodr_api.http.provided import provided
from hermodr_api.projects.quotas import ProjectQuotasView, QuotasPatch
from hermodr_api.projects.service import Projects
from hermodr_contracts.quotas import OFF, Quota

router = APIRouter(prefix="/console/projects", include_in_schema=False, route_class=Page)

TheProjects = Annotated[Projects, provided(Projects)]
_HERE = "project"


@router.get("")
async def projects(
    request: Request, visitor: Administering, projects: TheProjects, asked: Listing
) -> Response:
    """All of them, with what is near its limit."""
    found, here = await projects.page(visitor.caller, asked.page)
    views = [ProjectQuotasView.of(each, here(each.id)) for each in found.rows]
    rows = [(each, meters(each.quotas, each.usage)) for each in views]
    following = older(request, asked.cursor(found))
    return pages.page("projects", visitor, here=_HERE, rows=rows, older=following)


@router.get("/{project_id}/quotas")
async def edit(visitor: Administering, projects: TheProjects, project_id: UUID) -> Response:
    """A form with the limits of a project."""
    found = await projects.show(visitor.caller, project_id)
    return _edited(visitor, Form.changing(_known(found)), found)


@router.post("/{project_id}/quotas")
async def change(posted: PostedByAdmin, projects: TheProjects, project_id: UUID) -> Response:
    """Set what a project may use."""
    caller = posted.visitor.caller
    found = await projects.show(caller, project_id)
    known = _known(found)
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await projects.set_quotas(caller, project_id, read(QuotasPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), found)
    return back("/console/projects")


def _known(found: ProjectQuotasView) -> dict[str, object]:
    return {str(name): limit for name, limit in found.set.items()}


def _fields(form: Form) -> dict[str, Any]:
    return {each.value: _limit(form.value(each).strip(), each) for each in Quota}


def _limit(text: str, quota: Quota) -> int | str | None:
    return OFF if text == OFF else whole(text, quota)


def _edited(visitor: Visitor, form: Form, project: ProjectQuotasView) -> Response:
    values: dict[str, Any] = {"form": form, "project": project, "quotas": QUOTAS, "usage": project.usage}
    return pages.page("quotas_form", visitor, form.status, here=_HERE, **values)
