import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hermodr_api.errors import TOO_LARGE, Flaw, Refused, invalid
from hermodr_api.http.auth import Manager, ManagerOrUser, ReaderOrUser
from hermodr_api.http.bulk_bodies import MOST_ITEMS, NDJSON, BulkBodies, is_ndjson
from hermodr_api.http.exported import Exported
from hermodr_api.http.intake import JSON, MIB, IdempotencyKey, respond
from hermodr_api.http.json_text import parse, parse_array, parse_lines
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
    UpsertView,
    WholeRecipientView,
    view_for,
)
from hermodr_api.recipients.service import Recipients
from hermodr_api.recipients.upserting import Upserting
from hermodr_api.recipients.webhook_secret import WebhookSecretView
from hermodr_api.recipients.webhook_urls import WebhookUrls

router = APIRouter(prefix="/v1/recipients", tags=["recipients"], route_class=Route)

_REF = "#/components/schemas/RecipientPut"

Service = Annotated[Recipients, provided(Recipients)]
Many = Annotated[Upserting, provided(Upserting)]
Urls = Annotated[WebhookUrls, provided(WebhookUrls)]
Bodies = Annotated[BulkBodies, provided(BulkBodies)]


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
    if caller.user_id is not None and external_id is not None:
        raise invalid(Flaw(("query", "external_id"), "is not shown to end users"))
    found = await recipients.page(caller, asked.page, external_id=external_id, user_id=user_id, email=email)
    return asked.answer(RecipientList, view_for(caller), found)


@router.get("/{recipient_id}", response_model=RecipientView, responses=refusals(404))
async def show(caller: ReaderOrUser, recipients: Service, recipient_id: UUID) -> RecipientView:
    """Show a recipient."""
    return view_for(caller).model_validate(await recipients.read(caller, recipient_id))


@router.post("", status_code=201, response_model=RecipientView)
async def create(caller: Manager, recipients: Service, wanted: RecipientIn, key: IdempotencyKey) -> Response:
    """Add a recipient."""
    return respond(await recipients.create(caller, wanted, key))


_NEW: dict[int | str, dict[str, Any]] = {201: {"model": RecipientView, "description": "It is new"}}
_ITEM: dict[str, Any] = {"external_id": "customer-17", "name": "Ada", "email": "ada@example.com"}


@router.put(
    "",
    response_model=RecipientView | UpsertView,
    responses={**_NEW, **refusals(400, 408, 413, 415)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {
                        "anyOf": [
                            {"$ref": _REF},
                            {"type": "array", "items": {"$ref": _REF}, "minItems": 1, "maxItems": MOST_ITEMS},
                        ]
                    },
                    "example": [_ITEM],
                },
                NDJSON: {"schema": {"type": "string", "description": "one recipient per line"}},
            },
        }
    },
)
async def upsert(caller: Manager, upserting: Many, bodies: Bodies, request: Request) -> Response:
    """Make or change recipients by their external ids: one, or up to 10,000.

    One object is answered with the recipient (201 if it is new). An array, or NDJSON, is answered with what became of
    each item; a bad one never refuses the others. Fields left out stay, `null` clears; of items with one `external_id`
    the later counts. Repeating it changes nothing.
    """
    async with bodies.of(request, caller.project_id) as text:
        if not is_ndjson(request) and text.lstrip()[:1] == b"{":
            if len(text) > MIB:
                raise Refused(TOO_LARGE, "one recipient has at most 1 MiB")
            found, created = await upserting.one(caller, await asyncio.to_thread(parse, text))
            body = WholeRecipientView.model_validate(found).model_dump_json().encode()
            return Response(body, 201 if created else 200, media_type=JSON)
        items = await asyncio.to_thread(_items, request, text)
        return Response(await upserting.many(caller, items), media_type=JSON)


@router.patch("/{recipient_id}", response_model=RecipientView, responses=refusals(404, 409))
async def change(
    caller: ManagerOrUser, recipients: Service, recipient_id: UUID, wanted: RecipientPatch
) -> RecipientView:
    """Change a recipient."""
    return view_for(caller).model_validate(await recipients.change(caller, recipient_id, wanted))


@router.put("/{recipient_id}/preferences", response_model=RecipientView, responses=refusals(404))
async def prefer(
    caller: ManagerOrUser, recipients: Service, recipient_id: UUID, wanted: PreferencesIn
) -> RecipientView:
    """Set a recipient's preferences."""
    return view_for(caller).model_validate(await recipients.prefer(caller, recipient_id, wanted))


@router.get("/{recipient_id}/webhook-secret", responses=refusals(404, 409))
async def webhook_secret(
    caller: Manager, urls: Urls, recipient_id: UUID, response: Response
) -> WebhookSecretView:
    """Show what the receiver at a recipient's own URL checks signatures with."""
    response.headers["cache-control"] = "no-store"
    return WebhookSecretView(secret=await urls.secret(caller, recipient_id))


@router.get("/{recipient_id}/export", response_model=ExportView, responses=refusals(404))
async def export(caller: ReaderOrUser, recipients: Service, recipient_id: UUID) -> StreamingResponse:
    """Export all data of a recipient as one document.

    For end users without contents, unless the project says otherwise (`users_export_contents`).
    """
    return Exported(await recipients.export(caller, recipient_id), JSON, f"recipient-{recipient_id}.json")


@router.delete("/{recipient_id}/links", status_code=204, responses=refusals(404))
async def revoke_links(caller: Manager, recipients: Service, recipient_id: UUID) -> None:
    """Revoke the links to the recipient's preference page.

    Those in mails that were requested so far lead nowhere any more, for unsubscribing too; later mails have others.
    """
    await recipients.revoke_links(caller, recipient_id)


@router.delete("/{recipient_id}", status_code=204, responses=refusals(404))
async def erase(caller: Manager, recipients: Service, recipient_id: UUID) -> None:
    """Erase a recipient's personal data."""
    await recipients.erase(caller, recipient_id)


def _items(request: Request, text: bytes) -> list[object]:
    items = parse_lines(text, MOST_ITEMS) if is_ndjson(request) else parse_array(text, MOST_ITEMS)
    if not items:
        raise invalid(Flaw(("body",), "has no items"))
    return items
