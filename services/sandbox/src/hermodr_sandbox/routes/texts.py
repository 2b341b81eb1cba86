from __future__ import annotations

import uuid
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.domain.faults import Provider
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.errors import TextNotFound
from hermodr_sandbox.protocols.text_callbacks import TextCallbacks
from hermodr_sandbox.protocols.whatsapp import NAME
from hermodr_sandbox.protocols.whatsapp_callbacks import WhatsAppCallbacks
from hermodr_sandbox.routes import queries
from hermodr_sandbox.routes.problems import JsonResponse
from hermodr_sandbox.routes.shown_texts import shown
from hermodr_sandbox.routes.whatsapp import wrote
from hermodr_sandbox.service import Sandbox

_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START = frozenset({"START", "YES", "UNSTOP"})
"""https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out: what Twilio heeds by itself, in English; here
pretended Vonage does, too."""


class ReplyIn(BaseModel):
    """What the phone answers."""

    model_config = ConfigDict(extra="forbid")

    body: str = Field(min_length=1, max_length=1600)


class TextHandlers:
    def __init__(
        self, sandbox: Sandbox, callbacks: Mapping[Provider, TextCallbacks], whatsapp: WhatsAppCallbacks
    ) -> None:
        self._sandbox = sandbox
        self._callbacks = callbacks
        self._whatsapp = whatsapp

    async def listing(self, request: Request) -> Response:
        """Newest first; `before`: only those with a smaller id."""
        queries.only(request, "to", "limit", "before")
        phone = request.query_params.get("to", "").strip()
        wanted = (each for each in self._sandbox.texts.newest_first() if phone in ("", each.phone))
        found, total = queries.newest(request, wanted)
        return JsonResponse({"data": [shown(each) for each in found], "total": total})

    async def reply(self, request: Request) -> Response:
        """The phone of a text answers it; `taken`: whether it was told, and who was told has taken it."""
        text = self._one(request)
        wanted = ReplyIn.model_validate_json(await request.body())
        if text.provider == NAME:
            return JsonResponse(
                await wrote(self._sandbox, self._whatsapp, text.account, text.phone, wanted.body), 201
            )
        texts = self._sandbox.texts
        answer = Text(
            texts.next_number(),
            f"SM{uuid.uuid4().hex}" if text.provider == "twilio" else str(uuid.uuid4()),
            self._sandbox.clock.now(),
            text.account,
            text.phone,
            text.other,
            wanted.body,
            inbound=True,
            status="received",
            token=text.token,
            provider=text.provider,
        )
        texts.keep(answer)
        word = wanted.body.strip().upper()
        if word in _STOP:
            texts.opted_out.add((text.account, text.phone))
        elif word in _START:
            texts.opted_out.discard((text.account, text.phone))
        callbacks = self._callbacks[text.provider]
        taken = text.callback is not None and await callbacks.answer(answer, text.callback)
        return JsonResponse(shown(answer) | {"taken": taken}, 201)

    def _one(self, request: Request) -> Text:
        number: str = request.path_params["text_id"]
        known = number.isascii() and number.isdigit() and len(number) <= 15
        text = self._sandbox.texts.get(int(number)) if known else None
        if text is None or text.inbound:
            raise TextNotFound(f"there is no text {number[:40]!r} that could be answered")
        return text


def text_routes(
    sandbox: Sandbox, callbacks: Mapping[Provider, TextCallbacks], whatsapp: WhatsAppCallbacks
) -> list[Route]:
    handlers = TextHandlers(sandbox, callbacks, whatsapp)
    return [
        Route("/v1/texts", handlers.listing, methods=["GET"]),
        Route("/v1/texts/{text_id}/reply", handlers.reply, methods=["POST"]),
    ]
