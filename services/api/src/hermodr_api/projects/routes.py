from typing import Annotated

from fastapi import APIRouter

from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.projects.models import ProjectPatch, ProjectView
from hermodr_api.projects.service import Projects
from hermodr_ledger.access.mail_defaults import Project

router = APIRouter(prefix="/v1/projects", tags=["projects"], route_class=Route)

Service = Annotated[Projects, provided(Projects)]


@router.get("/me", response_model=ProjectView)
async def show(caller: Reader, projects: Service) -> Project:
    """Show the project of the key."""
    return await projects.read(caller.project_id)


@router.patch("/me", response_model=ProjectView)
async def change(caller: Manager, projects: Service, wanted: ProjectPatch) -> Project:
    """Change the project of the key."""
    return await projects.change(caller, wanted)
