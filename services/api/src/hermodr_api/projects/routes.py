from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from hermodr_api.http.auth import Admin, Manager, Reader
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.projects.models import ProjectPatch, ProjectView
from hermodr_api.projects.quotas import ProjectList, ProjectQuotasView, QuotasPatch
from hermodr_api.projects.service import Projects

router = APIRouter(prefix="/v1/projects", tags=["projects"], route_class=Route)

Service = Annotated[Projects, provided(Projects)]


@router.get("")
async def page(caller: Admin, projects: Service, asked: Listing) -> ProjectList:
    """List all projects with what they may use and do use; for operators."""
    found, here = await projects.page(caller, asked.page)
    data = [ProjectQuotasView.of(each, here(each.id)) for each in found.rows]
    return ProjectList(data=data, next_cursor=asked.cursor(found))


@router.get("/me")
async def show(caller: Reader, projects: Service) -> ProjectView:
    """Show the project of the key."""
    return await projects.read(caller.project_id)


@router.patch("/me")
async def change(caller: Manager, projects: Service, wanted: ProjectPatch) -> ProjectView:
    """Change the project of the key."""
    return await projects.change(caller, wanted)


@router.patch("/{project_id}/quotas", responses=refusals(404))
async def set_quotas(
    caller: Admin, projects: Service, project_id: UUID, wanted: QuotasPatch
) -> ProjectQuotasView:
    """Set what a project may use; for operators."""
    return await projects.set_quotas(caller, project_id, wanted)
