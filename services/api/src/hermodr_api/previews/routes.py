from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.http.auth import Reader
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.previews.models import DraftPreviewIn, PreviewIn, PreviewView
from hermodr_api.previews.service import Previews

router = APIRouter(prefix="/v1", tags=["templates"], route_class=Route)

Service = Annotated[Previews, provided(Previews)]


@router.post("/template-previews", response_model=PreviewView)
async def draft(caller: Reader, previews: Service, wanted: DraftPreviewIn, key: IdempotencyKey) -> Response:
    """Preview contents that are not saved."""
    return respond(await previews.draft(caller.project_id, wanted, key))


@router.post("/templates/{template_id}/preview", response_model=PreviewView, responses=refusals(404))
async def saved(
    caller: Reader, previews: Service, template_id: UUID, wanted: PreviewIn, key: IdempotencyKey
) -> Response:
    """Preview a template, or unsaved changes of it."""
    return respond(await previews.saved(caller.project_id, template_id, wanted, key))
