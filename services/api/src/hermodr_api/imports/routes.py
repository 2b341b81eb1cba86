import hashlib
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.http.auth import Manager
from hermodr_api.http.intake import MIB, key_of, read_bytes, respond
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.imports.service import COLUMNS, Imports
from hermodr_api.tasks.models import TaskAcceptedView

router = APIRouter(prefix="/v1/recipients", tags=["recipients"], route_class=Route)

CSV = "text/csv"
MOST_OF_A_CSV = 10 * MIB

Service = Annotated[Imports, provided(Imports)]


@router.post(
    "/import",
    status_code=202,
    response_model=TaskAcceptedView,
    responses=refusals(408, 409, 413, 415),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                CSV: {
                    "schema": {"type": "string", "description": ",".join(COLUMNS)},
                    "example": "external_id,name,email\r\ncustomer-17,Ada,ada@example.com\r\n",
                }
            },
        }
    },
)
async def import_csv(caller: Manager, imports: Service, request: Request) -> Response:
    """Have the recipients of a CSV file made or changed by their external ids, as a task.

    The header names the columns: `external_id`, and if wanted the other fields of a recipient but `webhook_url`;
    `attributes` are a JSON object. An empty cell leaves the field as it is. Up to 100,000 lines and 10 MiB; lines that
    are not taken do not refuse the others, and are in a file that the task's result links to.
    """
    body = await read_bytes(request, MOST_OF_A_CSV, (CSV,))
    key = key_of(request, hashlib.sha256(body).hexdigest())
    return respond(await imports.request(caller, body, key))
