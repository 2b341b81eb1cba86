from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.senders.models import SenderIn, SenderList, SenderView, VerifyIn
from hermodr_api.senders.service import Senders
from hermodr_ledger.access.senders import Sender

router = APIRouter(prefix="/v1/senders", tags=["senders"], route_class=Route)

Service = Annotated[Senders, provided(Senders)]


@router.get("", name="list")
async def list_senders(caller: Reader, asked: Listing, senders: Service) -> SenderList:
    """List senders."""
    return asked.answer(SenderList, SenderView, await senders.page(caller.project_id, asked.page))


@router.get("/{sender_id}", response_model=SenderView, responses=refusals(404))
async def show(caller: Reader, senders: Service, sender_id: UUID) -> Sender:
    """Show a sender."""
    return await senders.read(caller.project_id, sender_id)


@router.post("", status_code=201, response_model=SenderView, responses=refusals(409))
async def create(caller: Manager, senders: Service, wanted: SenderIn, key: IdempotencyKey) -> Response:
    """Add a sender, to be verified."""
    return respond(await senders.create(caller, wanted, key))


@router.post("/{sender_id}/verify", response_model=SenderView, responses=refusals(404))
async def verify(
    caller: Manager, senders: Service, sender_id: UUID, given: VerifyIn, key: IdempotencyKey
) -> Response:
    """Verify a sender."""
    return respond(await senders.verify(caller, sender_id, given, key))


@router.delete("/{sender_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, senders: Service, sender_id: UUID) -> None:
    """Delete a sender: nothing is sent from it any more."""
    await senders.delete(caller, sender_id)
