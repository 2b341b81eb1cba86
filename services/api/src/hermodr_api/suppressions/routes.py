import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.exported import Exported
from hermodr_api.http.fields import as_stored
from hermodr_api.http.intake import MIB, IdempotencyKey, key_of, read_bytes, respond
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.suppressions.models import ImportView, SuppressionIn, SuppressionList, SuppressionView
from hermodr_api.suppressions.service import Suppressions
from hermodr_contracts.vocabulary import SuppressionReason
from hermodr_ledger.people.suppressions import Suppression, SuppressionSearch

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"], route_class=Route)

CSV = "text/csv"
MOST_OF_A_CSV = 10 * MIB

Service = Annotated[Suppressions, provided(Suppressions)]
Given = Annotated[
    str, Query(min_length=1, max_length=320, pattern=r"^[^\x00]*$", examples=["ada@example.com"])
]
Address = Annotated[
    str | None,
    Query(
        max_length=320, pattern=r"^[^\x00]*$", description="Only this address; letter case does not count."
    ),
]
Reason = Annotated[SuppressionReason | None, Query(description="Only those of this reason.")]


@router.get("", name="list")
async def list_suppressions(
    caller: Reader, asked: Listing, suppressions: Service, address: Address = None, reason: Reason = None
) -> SuppressionList:
    """List suppressed addresses."""
    found = await suppressions.page(caller.project_id, asked.page, _search(address, reason))
    return asked.answer(SuppressionList, SuppressionView, found)


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def export_csv(
    caller: Reader, suppressions: Service, address: Address = None, reason: Reason = None
) -> StreamingResponse:
    """Export suppressed addresses as CSV."""
    export = await suppressions.export_csv(caller, _search(address, reason))
    return Exported(export, CSV, "suppressions.csv")


@router.get("/{suppression_id}", response_model=SuppressionView, responses=refusals(404))
async def show(caller: Reader, suppressions: Service, suppression_id: UUID) -> Suppression:
    """Show a suppressed address."""
    return await suppressions.read(caller.project_id, suppression_id)


@router.post("", status_code=201, response_model=SuppressionView)
async def add(caller: Manager, suppressions: Service, wanted: SuppressionIn, key: IdempotencyKey) -> Response:
    """Suppress an address."""
    return respond(await suppressions.add(caller, wanted, key))


@router.post(
    "/import",
    response_model=ImportView,
    responses=refusals(408, 413, 415),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                CSV: {
                    "schema": {"type": "string", "description": "address,reason,note,expires_at"},
                    "example": "address,reason\r\nada@example.com,bounce\r\n",
                }
            },
        }
    },
)
async def import_csv(caller: Manager, suppressions: Service, request: Request) -> Response:
    """Suppress the addresses of a CSV file.

    The header names the columns: `address` (or `email`), and if wanted `reason`, `note` and `expires_at`; others are
    ignored. Up to 100,000 lines and 10 MiB; a bad line never refuses the others.
    """
    body = await read_bytes(request, MOST_OF_A_CSV, (CSV,))
    key = key_of(request, hashlib.sha256(body).hexdigest())
    return respond(await suppressions.import_csv(caller, body, key))


@router.delete("", status_code=204, responses=refusals(404))
async def remove_address(caller: Manager, suppressions: Service, address: Given) -> None:
    """Allow an address again."""
    await suppressions.remove(caller, address=as_stored(address))


@router.delete("/{suppression_id}", status_code=204, responses=refusals(404))
async def remove(caller: Manager, suppressions: Service, suppression_id: UUID) -> None:
    """Take a suppression away."""
    await suppressions.remove(caller, id=suppression_id)


def _search(address: str | None, reason: SuppressionReason | None) -> SuppressionSearch:
    return SuppressionSearch(as_stored(address) if address is not None else None, reason)
