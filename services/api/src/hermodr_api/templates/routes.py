from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.bodies import NUMERAL
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import Cursor, Filter, Limit, Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.templates.models import (
    RollbackIn,
    SavedTemplateView,
    TemplateIn,
    TemplateList,
    TemplatePatch,
    TemplateView,
    VersionList,
    VersionView,
    WholeVersionView,
)
from hermodr_api.templates.service import Templates
from hermodr_ledger.templates.versions import Template, Version

router = APIRouter(prefix="/v1/templates", tags=["templates"], route_class=Route)

Service = Annotated[Templates, provided(Templates)]
VersionNumber = Annotated[int, Path(ge=1, le=2**31 - 1), NUMERAL]


@router.get("", name="list")
async def list_templates(
    caller: Reader, asked: Listing, templates: Service, name: Filter = None
) -> TemplateList:
    """List templates."""
    found = await templates.page(caller.project_id, asked.page, name=name)
    return asked.answer(TemplateList, TemplateView, found)


@router.get("/{template_id}", response_model=TemplateView, responses=refusals(404))
async def show(caller: Reader, templates: Service, template_id: UUID) -> Template:
    """Show a template."""
    return await templates.read(caller.project_id, template_id)


@router.get("/{template_id}/versions", responses=refusals(404))
async def versions(
    caller: Reader, templates: Service, template_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> VersionList:
    """List a template's versions."""
    rows, more = await templates.versions(caller.project_id, template_id, _number_in(cursor), limit)
    shown = [VersionView.model_validate(row) for row in rows]
    return VersionList(data=shown, next_cursor=str(shown[-1].version) if more else None)


@router.get("/{template_id}/versions/{version}", response_model=WholeVersionView, responses=refusals(404))
async def version(caller: Reader, templates: Service, template_id: UUID, version: VersionNumber) -> Version:
    """Show a version with its compiled HTML."""
    return await templates.version(caller.project_id, template_id, version)


@router.post("", status_code=201, response_model=SavedTemplateView)
async def create(caller: Manager, templates: Service, wanted: TemplateIn, key: IdempotencyKey) -> Response:
    """Add a template."""
    return respond(await templates.create(caller, wanted, key))


@router.patch("/{template_id}", responses=refusals(404, 409))
async def change(
    caller: Manager, templates: Service, template_id: UUID, wanted: TemplatePatch
) -> SavedTemplateView:
    """Change a template; new contents become a new version."""
    return await templates.change(caller, template_id, wanted)


@router.post("/{template_id}/rollback", response_model=TemplateView, responses=refusals(404))
async def roll_back(
    caller: Manager, templates: Service, template_id: UUID, wanted: RollbackIn, key: IdempotencyKey
) -> Response:
    """Make another version the current one."""
    return respond(await templates.roll_back(caller, template_id, wanted, key))


@router.delete("/{template_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, templates: Service, template_id: UUID) -> None:
    """Delete a template."""
    await templates.delete(caller, template_id)


def _number_in(cursor: str | None) -> int | None:
    """A cursor of versions is the number of the last one shown."""
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 9:
        raise invalid(Flaw(("query", "cursor"), "is not a next_cursor of this list"))
    return int(cursor)
