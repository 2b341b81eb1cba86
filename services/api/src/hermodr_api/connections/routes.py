from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.connections.models import (
    ConnectionIn,
    ConnectionList,
    ConnectionPatch,
    ConnectionView,
    RebuildIn,
    SchemaView,
)
from hermodr_api.connections.rebuilding import Rebuilding
from hermodr_api.connections.service import Connections
from hermodr_api.http.auth import Manager, ReaderOrUser, SenderOrUser
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.tasks.models import TaskAcceptedView
from hermodr_ledger.connections.kept import Connection

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=Route)

Service = Annotated[Connections, provided(Connections)]
Schemas = Annotated[Rebuilding, provided(Rebuilding)]


@router.get("", name="list")
async def list_connections(caller: ReaderOrUser, asked: Listing, connections: Service) -> ConnectionList:
    """List connections to databases."""
    return asked.answer(ConnectionList, ConnectionView, await connections.page(caller, asked.page))


@router.get("/{connection_id}", response_model=ConnectionView, responses=refusals(404))
async def show(caller: ReaderOrUser, connections: Service, connection_id: UUID) -> Connection:
    """Show a connection to a database."""
    return await connections.show(caller, connection_id)


@router.post("", status_code=201, response_model=ConnectionView)
async def create(
    caller: Manager, connections: Service, wanted: ConnectionIn, key: IdempotencyKey
) -> Response:
    """Add a connection to a database, after it was tried."""
    return respond(await connections.create(caller, wanted, key))


@router.patch("/{connection_id}", response_model=ConnectionView, responses=refusals(404, 409))
async def change(
    caller: Manager, connections: Service, connection_id: UUID, wanted: ConnectionPatch
) -> Connection:
    """Change a connection to a database; it is tried anew unless only its name or owner changes."""
    return await connections.change(caller, connection_id, wanted)


@router.delete("/{connection_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, connections: Service, connection_id: UUID) -> None:
    """Delete a connection to a database, and what is known of it."""
    await connections.delete(caller, connection_id)


@router.post(
    "/{connection_id}/rebuild", status_code=202, response_model=TaskAcceptedView, responses=refusals(404)
)
async def rebuild(
    caller: SenderOrUser, schemas: Schemas, connection_id: UUID, wanted: RebuildIn, key: IdempotencyKey
) -> Response:
    """Read the schema of a connection's database, as a task; one at a time."""
    return respond(await schemas.rebuild(caller, connection_id, wanted, key))


@router.get("/{connection_id}/schema", response_model=SchemaView, responses=refusals(404))
async def show_schema(caller: ReaderOrUser, schemas: Schemas, connection_id: UUID) -> Response:
    """Show the schema of a connection's database, as it was read last."""
    return Response(await schemas.schema(caller, connection_id), media_type="application/json")
