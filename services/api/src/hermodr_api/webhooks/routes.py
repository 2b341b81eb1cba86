from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, NoBody, respond
from hermodr_api.http.lists import After, Before, Filter, Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.webhooks.models import (
    EndpointIn,
    EndpointList,
    EndpointPatch,
    EndpointView,
    MessageList,
    MessageView,
    RecoveredView,
    RecoverIn,
    SecretView,
    WholeMessageView,
)
from hermodr_api.webhooks.service import Webhooks
from hermodr_ledger.webhooks.messages import MessageSearch, Told

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=Route)

Service = Annotated[Webhooks, provided(Webhooks)]
State = Annotated[
    Literal["waiting", "sending", "delivered", "failed", "discarded"] | None,
    Query(description="Only those in this state."),
]


@router.get("", name="list")
async def list_endpoints(caller: Reader, asked: Listing, webhooks: Service) -> EndpointList:
    """List webhook endpoints."""
    return asked.answer(EndpointList, EndpointView, await webhooks.page(caller.project_id, asked.page))


@router.get("/{endpoint_id}", responses=refusals(404))
async def show(caller: Reader, webhooks: Service, endpoint_id: UUID) -> EndpointView:
    """Show a webhook endpoint."""
    return await webhooks.show(caller, endpoint_id)


@router.post("", status_code=201, response_model=SecretView)
async def create(caller: Manager, webhooks: Service, wanted: EndpointIn, key: IdempotencyKey) -> Response:
    """Add a webhook endpoint; its secret is shown this once."""
    return respond(await webhooks.create(caller, wanted, key))


@router.patch("/{endpoint_id}", responses=refusals(404))
async def change(
    caller: Manager, webhooks: Service, endpoint_id: UUID, wanted: EndpointPatch
) -> EndpointView:
    """Change, disable or enable a webhook endpoint."""
    return await webhooks.change(caller, endpoint_id, wanted)


@router.delete("/{endpoint_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, webhooks: Service, endpoint_id: UUID) -> None:
    """Delete a webhook endpoint, and what was sent to it."""
    await webhooks.delete(caller, endpoint_id)


@router.post("/{endpoint_id}/rotate-secret", response_model=SecretView, responses=refusals(404))
async def rotate_secret(
    caller: Manager, webhooks: Service, endpoint_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Give a webhook endpoint a new secret.

    For 24 hours messages have a signature by each of the two; the one before the former signs no longer.
    """
    return respond(await webhooks.rotate(caller, endpoint_id, key))


@router.post("/{endpoint_id}/test", status_code=202, response_model=WholeMessageView, responses=refusals(404))
async def send_test(
    caller: Manager, webhooks: Service, endpoint_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Send the event `webhook.test` to a webhook endpoint."""
    return respond(await webhooks.test(caller, endpoint_id, key))


@router.post("/{endpoint_id}/recover", status_code=202, response_model=RecoveredView, responses=refusals(404))
async def recover(
    caller: Manager, webhooks: Service, endpoint_id: UUID, wanted: RecoverIn, key: IdempotencyKey
) -> Response:
    """Send again what failed or was discarded since a time, up to 10,000 messages, the oldest first."""
    return respond(await webhooks.recover(caller, endpoint_id, wanted, key))


@router.get("/{endpoint_id}/deliveries", responses=refusals(404))
async def list_deliveries(
    caller: Reader,
    asked: Listing,
    webhooks: Service,
    endpoint_id: UUID,
    event: Filter = None,
    state: State = None,
    created_after: After = None,
    created_before: Before = None,
) -> MessageList:
    """List what was sent to a webhook endpoint, with every attempt."""
    search = MessageSearch(event, state, created_after, created_before)
    found = await webhooks.messages(caller.project_id, endpoint_id, search, asked.page)
    return asked.answer(MessageList, MessageView, found)


@router.get(
    "/{endpoint_id}/deliveries/{message_id}", response_model=WholeMessageView, responses=refusals(404)
)
async def show_delivery(caller: Reader, webhooks: Service, endpoint_id: UUID, message_id: UUID) -> Told:
    """Show what was sent to a webhook endpoint for one event."""
    return await webhooks.message(caller.project_id, endpoint_id, message_id)


@router.post(
    "/{endpoint_id}/deliveries/{message_id}/redeliver",
    status_code=202,
    response_model=WholeMessageView,
    responses=refusals(404),
)
async def redeliver(
    caller: Manager, webhooks: Service, endpoint_id: UUID, message_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Send a message again: the same body with the same `webhook-id`, now, and with all retries if that fails."""
    return respond(await webhooks.redeliver(caller, endpoint_id, message_id, key))
