"""Receivers of webhooks, pretended: `POST /hooks/{name}`. Signatures are checked by the library that the specification
(github.com/standard-webhooks) publishes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from uuid import UUID

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hermodr_sandbox.domain.faults import (
    Action,
    Drop,
    DropAfterData,
    DropBeforeAccept,
    Flood,
    Lie,
    Provider,
    Redirect,
    Refuse,
    Reply,
    Stage,
    Throttle,
)
from hermodr_sandbox.domain.hook import Hook, Signature
from hermodr_sandbox.protocols.trouble import Cut, bounded, reply
from hermodr_sandbox.service import Sandbox
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets

NAME: Provider = "webhook"
ENDPOINT_HEADER = "hermodr-endpoint"
"""Names the endpoint, so that its secret can be derived."""
_PATH = re.compile(r"/hooks/([^/]{1,100})")
_MOST_BODY = 4 * 1024 * 1024
_VERSIONS = range(1, 21)
"""Of an endpoint's secret, as often as it is replaced in development."""


class WebhookReceivers:
    """The receivers' paths, before all others: directly on the server, to end a connection without a word. `derived`
    knows the secrets of this machine's installation."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, derived: WebhookSecrets | None = None) -> None:
        self._app = app
        self._sandbox = sandbox
        self._derived = derived

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if path is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        await reply(request, send, self._answer(request, path[1]))

    async def _answer(self, request: Request, name: str) -> Response:
        if self._sandbox.faults.refusals(NAME):
            raise Cut
        if (early := await self._step(Stage.CONNECT, name)) is not None:
            return _response(early)
        hook = self._taken(request, name, await _body(request))
        for stage in (Stage.RCPT, Stage.AFTER_DATA):
            action = await self._step(stage, name)
            if action is not None:
                self._sandbox.traffic.commands_refused += 1
                response = _response(action)
                hook.status = response.status_code
                return response
        hook.status = 204
        return Response(status_code=204)

    async def _step(self, stage: Stage, name: str) -> Action | None:
        """Waits as long as a rule says; what is to be answered instead, if anything."""
        verdict = self._sandbox.judge(stage, "", (name,), NAME)
        if verdict is None and "+" in name:  # `orders+503x2` fails twice, as addresses do
            verdict = self._sandbox.judge(stage, "", (f"{name}@hooks",), NAME)
        if verdict is None:
            return None
        if verdict.delay:
            await asyncio.sleep(verdict.delay)
        return verdict.action

    def _taken(self, request: Request, name: str, body: str) -> Hook:
        headers = {key.lower(): value for key, value in request.headers.items()}
        hooks = self._sandbox.hooks
        signature, why = _checked(list(self._secrets(name, headers.get(ENDPOINT_HEADER))), headers, body)
        hook = Hook(hooks.next_number(), self._sandbox.clock.now(), name, headers, body, signature, why)
        hooks.keep(hook)
        return hook

    def _secrets(self, name: str, endpoint: str | None) -> Iterator[str]:
        if given := self._sandbox.hooks.secrets.get(name):
            yield from given
        elif self._derived is not None and endpoint is not None:
            try:
                found = UUID(endpoint)
            except ValueError:
                return
            for version in _VERSIONS:
                yield self._derived.secret(SecretOf(Purpose.ENDPOINT, found, version))


def _checked(secrets: Sequence[str], headers: dict[str, str], body: str) -> tuple[Signature, str | None]:
    if "webhook-signature" not in headers:
        return "invalid", "there is no signature"
    if not secrets:
        return "unknown", "no secret is known: give it, or set HERMODR_SECRET_KEY"
    why = ""
    for secret in secrets:
        try:
            Webhook(secret).verify(body, headers)
        except WebhookVerificationError as error:
            why = str(error)
        except json.JSONDecodeError:
            return "valid", "the body is no JSON"
        else:
            return "valid", None
    return "invalid", why


def _response(action: Action) -> Response:
    """Raises `Cut`."""
    match action:
        case Reply() | Lie():
            return Response(action.text or "", action.code, media_type="text/plain")
        case Throttle():
            return Response(action.text or "", 429, {"retry-after": "1"}, media_type="text/plain")
        case Redirect():
            return Response(status_code=action.code, headers={"location": action.location})
        case Flood():
            return Response(b"x" * action.octets, action.code, media_type="text/plain")
        case Drop() | DropAfterData() | DropBeforeAccept() | Refuse():
            raise Cut
        case _:
            raise AssertionError(action)


async def _body(request: Request) -> str:
    """Raises `Cut`, if it is larger than any of ours."""
    body = await bounded(request, _MOST_BODY)
    if body is None:
        raise Cut
    return body.decode("utf-8", "replace")
