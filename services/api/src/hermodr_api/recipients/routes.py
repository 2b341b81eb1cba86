from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from hermodr_api.http.auth import Manager, ManagerOrUser, ReaderOrUser
from hermodr_api.http.intake import JSON, IdempotencyKey, respond
from hermodr_api.http.lists import Filter, Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.recipients.models import (
    ExportView,
    PreferencesIn,
    RecipientIn,
    RecipientList,
    RecipientPatch,
    RecipientView,
)
from hermodr_api.recipients.service import Recipients
from hermodr_ledger.people.recipients import Recipient

router = APIRouter(prefix="/v1/recipients", tags=["recipients"], route_class=Route)

Service = Annotated[Recipients, provided(Recipients)]


@router.get("", name="list")
async def list_recipients(
    caller: ReaderOrUser,
    asked: Listing,
    recipients: Service,
    external_id: Filter = None,
    user_id: Filter = None,
    email: Filter = None,
) -> RecipientList:
    """List recipients."""
    found = await recipients.page(caller, asked.page, external_id=external_id, user_id=user_id, email=email)
    return asked.answer(RecipientList, RecipientView, found)


@router.get("/{recipient_id}", response_model=RecipientView, responses=refusals(404))
async def show(caller: ReaderOrUser, recipients: Service, recipient_id: UUID) -> Recipient:
    """Show a recipient."""
    return await recipients.read(caller, recipient_id)


@router.post("", status_code=201, response_model=RecipientView)
async def create(caller: Manager, recipients: Service, wanted: RecipientIn, key: IdempotencyKey) -> Response:
    """Add a recipient."""
    return respond(await recipients.create(caller.project_id, wanted, key))


@router.patch("/{recipient_id}", response_model=RecipientView, responses=refusals(404, 409))
async def change(
    caller: ManagerOrUser, recipients: Service, recipient_id: UUID, wanted: RecipientPatch
) -> Recipient:
    """Change a recipient."""
    return await recipients.change(caller, recipient_id, wanted)


@router.put("/{recipient_id}/preferences", response_model=RecipientView, responses=refusals(404))
async def prefer(
    caller: ManagerOrUser, recipients: Service, recipient_id: UUID, wanted: PreferencesIn
) -> Recipient:
    """Set a recipient's preferences."""
    return await recipients.prefer(caller, recipient_id, wanted)


@router.get("/{recipient_id}/export", response_model=ExportView, responses=refusals(404))
async def export(caller: ReaderOrUser, recipients: Service, recipient_id: UUID) -> StreamingResponse:
    """Export all data of a recipient as one document."""
    return StreamingResponse(
        await recipients.export(caller, recipient_id),
        media_type=JSON,
        headers={
            "content-disposition": f'attachment; filename="recipient-{recipient_id}.json"',
            "cache-control": "no-store",
        },
    )


@router.delete("/{recipient_id}", status_code=204, responses=refusals(404))
async def erase(caller: Manager, recipients: Service, recipient_id: UUID) -> None:
    """Erase a recipient's personal data."""
    await recipients.erase(caller, recipient_id)
