"""What a WhatsApp account at Meta is set up with, and what phones do there."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.domain.whatsapp import NUMBER_ID, TemplateSpec
from hermodr_sandbox.errors import TextNotFound, TooManyTemplates
from hermodr_sandbox.protocols.whatsapp import NAME
from hermodr_sandbox.protocols.whatsapp_callbacks import WhatsAppCallbacks, text_of
from hermodr_sandbox.routes import queries
from hermodr_sandbox.routes.problems import JsonResponse
from hermodr_sandbox.routes.shown_texts import shown
from hermodr_sandbox.service import Sandbox

_Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MessageIn(_In):
    """A person writes, perhaps first. `number_id`: to which phone number."""

    phone: _Phone
    body: Annotated[str, Field(min_length=1, max_length=4096)]
    number_id: Annotated[str, Field(pattern=r"^[0-9]{5,20}$")] = NUMBER_ID


class HandshakeIn(_In):
    """The verify token that the operator entered at Meta."""

    verify_token: Annotated[str, Field(min_length=1, max_length=400)]


class WindowIn(_In):
    phone: _Phone


class WhatsAppHandlers:
    def __init__(self, sandbox: Sandbox, callbacks: WhatsAppCallbacks) -> None:
        self._sandbox = sandbox
        self._callbacks = callbacks

    async def templates(self, request: Request) -> Response:
        """Those that there are."""
        queries.only(request)
        found = self._sandbox.whatsapp.templates()
        return JsonResponse({"data": [each.model_dump() for each in found]})

    async def put_template(self, request: Request) -> Response:
        """Adds one, or replaces that of its name and language."""
        wanted = TemplateSpec.model_validate_json(await request.body())
        if not self._sandbox.whatsapp.put(wanted):
            raise TooManyTemplates("there are very many templates already: clear the sandbox")
        return JsonResponse(wanted.model_dump())

    async def message(self, request: Request) -> Response:
        """A person writes to the number; `taken`: whether who was told has taken it."""
        wanted = MessageIn.model_validate_json(await request.body())
        told = await wrote(self._sandbox, self._callbacks, wanted.number_id, wanted.phone, wanted.body)
        return JsonResponse(told, 201)

    async def close(self, request: Request) -> Response:
        """Ends the windows of a phone early, at pretended Meta alone."""
        wanted = WindowIn.model_validate_json(await request.body())
        return JsonResponse({"closed": self._sandbox.whatsapp.close(wanted.phone)})

    async def read(self, request: Request) -> Response:
        """The person reads a message; `taken` as above."""
        number: str = request.path_params["text_id"]
        known = number.isascii() and number.isdigit() and len(number) <= 15
        text = self._sandbox.texts.get(int(number)) if known else None
        if text is None or text.inbound or text.provider != NAME:
            raise TextNotFound(f"there is no WhatsApp message {number[:40]!r} that could be read")
        taken = await self._callbacks.read(text)
        return JsonResponse(shown(text) | {"taken": taken})

    async def handshake(self, request: Request) -> Response:
        """Subscribes the webhook, as Meta does once its URL is entered."""
        wanted = HandshakeIn.model_validate_json(await request.body())
        status, verified = await self._callbacks.handshake(wanted.verify_token)
        return JsonResponse({"status": status, "verified": verified})


async def wrote(
    sandbox: Sandbox, callbacks: WhatsAppCallbacks, number_id: str, phone: str, body: str
) -> dict[str, object]:
    """A person's message: it opens the window, there and by what is told."""
    texts, now = sandbox.texts, sandbox.clock.now()
    message = Text(
        texts.next_number(),
        f"wamid.{uuid.uuid4().hex}",
        now,
        number_id,
        phone,
        f"+{text_of(number_id)}",
        body,
        inbound=True,
        status="received",
        provider=NAME,
    )
    texts.keep(message)
    sandbox.whatsapp.wrote(number_id, phone, now)
    return shown(message) | {"taken": await callbacks.wrote(message)}


def whatsapp_routes(sandbox: Sandbox, callbacks: WhatsAppCallbacks) -> list[Route]:
    handlers = WhatsAppHandlers(sandbox, callbacks)
    return [
        Route("/v1/whatsapp/templates", handlers.templates, methods=["GET"]),
        Route("/v1/whatsapp/templates", handlers.put_template, methods=["PUT"]),
        Route("/v1/whatsapp/messages", handlers.message, methods=["POST"]),
        Route("/v1/whatsapp/handshake", handlers.handshake, methods=["POST"]),
        Route("/v1/whatsapp/close", handlers.close, methods=["POST"]),
        Route("/v1/texts/{text_id}/read", handlers.read, methods=["POST"]),
    ]
