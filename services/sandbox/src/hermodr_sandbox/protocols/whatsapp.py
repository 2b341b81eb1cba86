"""WhatsApp's Cloud API, pretended: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages.

Templates are those that were registered here (`PUT /v1/whatsapp/templates`), and `hello_world`. A text outside the
window is accepted and then fails with 131047, as at Meta. Numbers fail by `domain.phone_tags`, or by the fault rules.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hermodr_sandbox.domain import phone_tags
from hermodr_sandbox.domain.faults import Provider, Stage
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.domain.whatsapp import TemplateSpec, filled, variables
from hermodr_sandbox.protocols import texting
from hermodr_sandbox.protocols.trouble import Refusal, Wrong, bounded, reply, step
from hermodr_sandbox.protocols.whatsapp_callbacks import WhatsAppCallbacks, text_of
from hermodr_sandbox.service import Sandbox

NAME: Provider = "whatsapp"
OUTSIDE_WINDOW = 131047
_PATH = re.compile(r"/v\d{1,2}\.\d/(\d{5,20})(/messages)?")
_NUMBER = re.compile(r"\+?[1-9]\d{6,14}")
_MOST_BODY = 64 * 1024
_LONGEST = 4096
_MOST_OPAQUE = 512
_UNFIT = re.compile(r"[\n\t]| {5,}")
_REFUSALS: Mapping[Wrong, tuple[int, int]] = {
    Wrong.KEY: (401, 190),
    Wrong.MISSING_KEY: (401, 190),
    Wrong.ADDRESS: (400, 131026),
    Wrong.TOO_LARGE: (400, 100),
    Wrong.PACE: (429, 130429),
    Wrong.UNAVAILABLE: (503, 131016),
    Wrong.BROKEN: (500, 131000),
}
_ANY_MESSAGE = (400, 131051)


class GraphError(Exception):
    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class _Asked(NamedTuple):
    """`body`: what the phone shows; `template`: its name and language, if it is one."""

    to: str
    body: str
    template: str | None
    opaque: str | None


class WhatsAppApi:
    """Its paths, before all others: directly on the server, to end a connection without a word."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, callbacks: WhatsAppCallbacks) -> None:
        self._app = app
        self._sandbox = sandbox
        self._callbacks = callbacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if path is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        await reply(request, send, self._answer(request, path[1], messages=path[2] is not None))

    async def _answer(self, request: Request, number_id: str, *, messages: bool) -> Response:
        try:
            await step(self._sandbox, NAME, Stage.CONNECT)
            kind, _, token = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not token.strip():
                raise GraphError(190, "Invalid OAuth access token.", 401)
            await step(self._sandbox, NAME, Stage.AUTH)
            if messages and request.method == "POST":
                return await self._send(number_id, await _document(request))
            if request.method == "GET" and not messages:
                rating = {"verified_name": "The sandbox", "quality_rating": "GREEN"}
                return JSONResponse({**rating, "display_phone_number": text_of(number_id), "id": number_id})
            raise GraphError(100, "Unsupported request.")
        except Refusal as refusal:
            self._sandbox.traffic.commands_refused += 1
            status, code = _REFUSALS.get(refusal.wrong, _ANY_MESSAGE)
            return _refused(GraphError(code, refusal.detail, status))
        except GraphError as error:
            self._sandbox.traffic.commands_refused += 1
            return _refused(error)

    async def _send(self, number_id: str, document: Mapping[str, Any]) -> Response:
        asked = self._read(document)
        text = await texting.taken(
            self._sandbox,
            NAME,
            number_id,
            asked.to,
            lambda: self._take(number_id, asked),
            broken="Something went wrong",
        )
        contact = {"input": document["to"], "wa_id": asked.to[1:]}
        message = {"id": text.sid} | ({"message_status": "accepted"} if asked.template else {})
        return JSONResponse({"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]})

    def _take(self, number_id: str, asked: _Asked) -> Text:
        texts, now = self._sandbox.texts, self._sandbox.clock.now()
        text = Text(
            texts.next_number(),
            f"wamid.{uuid.uuid4().hex}",
            now,
            number_id,
            asked.to,
            f"+{text_of(number_id)}",
            asked.body,
            provider=NAME,
            template=asked.template,
            reference=asked.opaque,
        )
        texts.keep(text)
        failed = phone_tags.undelivered_whatsapp(asked.to)
        is_open = self._sandbox.whatsapp.is_open(number_id, asked.to, now)
        if failed is None and asked.template is None and not is_open:
            failed = OUTSIDE_WINDOW
        self._callbacks.report(text, failed)
        return text

    def _read(self, document: Mapping[str, Any]) -> _Asked:
        """Raises `GraphError`."""
        if document.get("messaging_product") != "whatsapp":
            raise GraphError(100, "The parameter messaging_product is required.")
        to, opaque = document.get("to"), document.get("biz_opaque_callback_data")
        if not isinstance(to, str) or not _NUMBER.fullmatch(to):
            raise GraphError(131009, "Parameter value is not valid: to")
        if opaque is not None and (not isinstance(opaque, str) or len(opaque) > _MOST_OPAQUE):
            raise GraphError(100, "biz_opaque_callback_data is no text of up to 512 characters")
        phone = f"+{to.removeprefix('+')}"
        match document.get("type", "text"):
            case "text":
                return _Asked(phone, _text(document.get("text")), None, opaque)
            case "template":
                return _Asked(phone, *self._template(document.get("template")), opaque)
        raise GraphError(131051, "Message type is not supported by the sandbox.")

    def _template(self, given: Any) -> tuple[str, str]:
        language = given.get("language") if isinstance(given, dict) else None
        code = language.get("code") if isinstance(language, dict) else None
        if not isinstance(given, dict) or not isinstance(code, str):
            raise GraphError(131008, "Required parameter is missing: template with name and language")
        found = self._sandbox.whatsapp.template(str(given.get("name")), code)
        if found is None or found.status in ("PENDING", "REJECTED"):
            raise GraphError(132001, "Template name does not exist in the translation", 404)
        if found.status == "PAUSED":
            raise GraphError(132015, "Template is paused due to low quality")
        if found.status == "DISABLED":
            raise GraphError(132016, "Template was disabled permanently")
        return _shown(found, _components(given)), f"{found.name} ({found.language})"


def _text(given: Any) -> str:
    body = given.get("body") if isinstance(given, dict) else None
    if not isinstance(body, str) or not body.strip():
        raise GraphError(131008, "Required parameter is missing: text.body")
    if len(body) > _LONGEST:
        raise GraphError(100, "Param text['body'] must be at most 4096 characters long.")
    return body


def _components(given: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """The values of each component, by its type and, of buttons, their index."""
    found: dict[tuple[str, str], list[str]] = {}
    components = given.get("components", [])
    for each in components if isinstance(components, list) else ():
        parameters = each.get("parameters", []) if isinstance(each, dict) else []
        values = [str(one.get("text", "")) for one in parameters if isinstance(one, dict)]
        if any(not value for value in values):
            raise GraphError(131008, "Required parameter is missing: a parameter's text")
        if any(_UNFIT.search(value) for value in values):
            raise GraphError(
                132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
            )
        found[str(each.get("type")), str(each.get("index", ""))] = values
    return found


def _shown(template: TemplateSpec, values: Mapping[tuple[str, str], list[str]]) -> str:
    """What the phone shows. Raises `GraphError` if the values are not those that the template wants."""
    parts = {("header", ""): template.header, ("body", ""): template.body} | {
        ("button", str(index)): url for index, url in enumerate(template.buttons)
    }
    wanted = {key: variables(text) for key, text in parts.items() if variables(text)}
    given = {key: len(each) for key, each in values.items() if each}
    if wanted != given:
        details = f"{given.get(('body', ''), 0)} of {wanted.get(('body', ''), 0)} parameters of the body"
        raise GraphError(
            132000, f"Number of parameters does not match the expected number of params: {details}"
        )
    return "\n".join(filled(text, values.get(key, ())) for key, text in parts.items() if text is not None)


async def _document(request: Request) -> Mapping[str, Any]:
    body = await bounded(request, _MOST_BODY)
    if body is None:
        raise GraphError(100, "The request is too large.")
    try:
        document = json.loads(body)
    except ValueError:
        raise GraphError(100, "The request is no JSON.") from None
    if not isinstance(document, dict):
        raise GraphError(100, "The request is no object.")
    return document


def _refused(error: GraphError) -> Response:
    headers = {"retry-after": "1"} if error.status == 429 else None
    content = {
        "message": f"(#{error.code}) {error.message}",
        "type": "OAuthException",
        "code": error.code,
        "error_data": {"messaging_product": "whatsapp", "details": error.message},
        "fbtrace_id": uuid.uuid4().hex[:22],
    }
    return JSONResponse({"error": content}, error.status, headers)
