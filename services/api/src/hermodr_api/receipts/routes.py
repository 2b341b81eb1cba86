from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from hermodr_api.http.intake import JSON, MIB, read_bytes
from hermodr_api.http.openapi import refusals
from hermodr_api.http.parameters import known_parameters
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.receipts.models import ReportedView
from hermodr_api.receipts.service import Receipts

router = APIRouter(prefix="/v1/providers", tags=["receipts"], route_class=Route)

MOST_OF_A_MAIL = MIB
MAIL = "message/rfc822"
FORM = "application/x-www-form-urlencoded"

Service = Annotated[Receipts, provided(Receipts)]
Name = Annotated[str, Path(max_length=40, description="The provider's name, as `/v1/providers` shows it.")]


Delivery = Annotated[
    str | None,
    Query(
        max_length=100, description="What the status callback of a text is about: Hermodr itself asks for it."
    ),
]


Mode = Annotated[str, Query(alias="hub.mode", max_length=40, description="`subscribe`.")]
Token = Annotated[
    str, Query(alias="hub.verify_token", max_length=400, description="What `verify=` of the DSN says.")
]
Challenge = Annotated[str, Query(alias="hub.challenge", max_length=400, description="What is answered.")]


@router.get(
    "/{provider}/events",
    responses=refusals(403, 404)
    | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The challenge."}},
    response_class=PlainTextResponse,
    dependencies=[Depends(known_parameters)],
)
async def subscribe(
    receipts: Service, provider: Name, mode: Mode, token: Token, challenge: Challenge
) -> PlainTextResponse:
    """Let a provider make sure that it may report here.

    Meta's handshake for WhatsApp: a GET with a token that only the operator and Meta know (`verify=` of the DSN),
    answered with its challenge. No key is needed, and `Authorization` is ignored.
    """
    return PlainTextResponse(receipts.subscribed(provider, mode, token, challenge))


@router.post(
    "/{provider}/events",
    responses=refusals(400, 401, 404, 408, 413, 415, 503),
    dependencies=[Depends(known_parameters)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"description": "As SendGrid, Resend, Vonage and Meta (WhatsApp) send it."}},
                FORM: {"schema": {"description": "As Twilio sends it."}},
                MAIL: {
                    "schema": {
                        "type": "string",
                        "description": "A bounce or complaint as it came, to a `smtp` provider.",
                    }
                },
            },
        }
    },
)
async def take(
    receipts: Service, provider: Name, request: Request, delivery: Delivery = None
) -> ReportedView:
    """Take what a provider reports.

    For SendGrid's signed Event Webhook, Resend's webhooks, what Twilio and Vonage tell of texts and of answers to them,
    and what Meta tells of WhatsApp. The body is signed by the provider (`events=` of its DSN; Twilio: the account's
    token); no key is needed. Vonage signs by `Authorization: Bearer`, a JSON Web Token with a hash of the body; what it
    left unsigned is answered with 503, so that it comes again. Others' `Authorization` is ignored. At most 256 KiB
    (WhatsApp: 3 MiB), and at most 5 minutes old, where the signature holds a time.

    To a `smtp` provider a mail server's script hands in bounces (RFC 3464) and complaints (RFC 5965) as they came:
    `message/rfc822`. A signed return path in it is the proof, and mails without one count as `unknown`; if the DSN has
    `events=`, it has to be given as `Authorization: Bearer`, and reports without a signed path are noted too. At most
    1 MiB: cut longer ones, the report comes first. Mails that report nothing are taken and counted as `ignored`.
    """
    source = receipts.known(provider)
    if source.takes_mail:
        body = await read_bytes(request, MOST_OF_A_MAIL, (MAIL, "message/global"))
    else:
        body = await read_bytes(request, source.most, (FORM,) if source.takes_forms else (JSON,))
    return await receipts.take(source, request.headers, body, request.url.query, delivery)
