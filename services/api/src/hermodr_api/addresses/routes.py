"""An address that an end user gave is confirmed by a code, or by the page behind the link that was sent there. Looking
at the page changes nothing, because scanners of mail gateways follow every link."""

from typing import Annotated
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hermodr_api.addresses.service import Addresses
from hermodr_api.http.auth import ManagerOrUser
from hermodr_api.http.intake import KIB, IdempotencyKey, read_any, respond
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.preference_page import page
from hermodr_api.preference_page.languages import language_of
from hermodr_api.recipients.models import CodeIn, RecipientView

router = APIRouter()
_calls = APIRouter(prefix="/v1/recipients/{recipient_id}/addresses", tags=["recipients"], route_class=Route)
_page = APIRouter(prefix="/u/a", include_in_schema=False)

Service = Annotated[Addresses, provided(Addresses)]
_MOST_OF_A_FORM = 4 * KIB


@_calls.post("/confirm", response_model=RecipientView, responses=refusals(404, 409))
async def confirm(
    caller: ManagerOrUser, addresses: Service, recipient_id: UUID, wanted: CodeIn, key: IdempotencyKey
) -> Response:
    """Confirm a new phone number by the code that was sent to it."""
    return respond(await addresses.confirm(caller, recipient_id, wanted.code, key))


@_calls.delete("/pending", status_code=204, responses=refusals(404))
async def withdraw(caller: ManagerOrUser, addresses: Service, recipient_id: UUID) -> None:
    """Withdraw the addresses that nobody confirmed yet."""
    await addresses.withdraw(caller, recipient_id)


@_page.api_route("/{token}", methods=["GET", "HEAD"])
async def ask(token: str, request: Request, addresses: Service) -> HTMLResponse:
    asked = await addresses.asked(token)
    if asked is None:
        return page.note("too_late", language_of(None, _read(request)), status=404)
    return page.note("confirming", language_of(asked.locale, _read(request)), asked.pending.address)


@_page.post("/{token}")
async def answer(token: str, request: Request, addresses: Service) -> HTMLResponse:
    body = await read_any(request, _MOST_OF_A_FORM)
    asked = await addresses.asked(token)
    language = language_of(asked.locale if asked is not None else None, _read(request))
    if asked is None:
        return page.note("too_late", language, status=404)
    if parse_qs(body.decode("latin-1")).get("address") != ["mine"]:
        return page.note("confirming", language, asked.pending.address)
    if not await addresses.confirm_by_link(asked):
        return page.note("too_late", language, status=404)
    return page.note("confirmed", language, asked.pending.address)


def _read(request: Request) -> str:
    return request.headers.get("accept-language", "")


router.include_router(_calls)
router.include_router(_page)
