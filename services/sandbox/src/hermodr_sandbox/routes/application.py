from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from hermodr_sandbox.domain.faults import Provider
from hermodr_sandbox.errors import SandboxError
from hermodr_sandbox.inboxes import Inboxes
from hermodr_sandbox.protocols.callbacks import Callbacks
from hermodr_sandbox.protocols.http import HttpProviders
from hermodr_sandbox.protocols.resend import Resend
from hermodr_sandbox.protocols.sendgrid import SendGrid
from hermodr_sandbox.protocols.text_callbacks import TextCallbacks
from hermodr_sandbox.protocols.twilio import TwilioApi
from hermodr_sandbox.protocols.vonage import VonageApi
from hermodr_sandbox.protocols.vonage_callbacks import VonageCallbacks
from hermodr_sandbox.protocols.webhook import WebhookReceivers
from hermodr_sandbox.protocols.whatsapp import WhatsAppApi
from hermodr_sandbox.protocols.whatsapp_callbacks import SECRET, WhatsAppCallbacks
from hermodr_sandbox.routes.faults import fault_routes
from hermodr_sandbox.routes.hooks import hook_routes
from hermodr_sandbox.routes.in_app import in_app_routes
from hermodr_sandbox.routes.inbox import inbox_routes
from hermodr_sandbox.routes.mails import mail_routes
from hermodr_sandbox.routes.messages import message_routes
from hermodr_sandbox.routes.problems import on_crash, on_http, on_invalid, on_left, on_sandbox_error, problem
from hermodr_sandbox.routes.texts import text_routes
from hermodr_sandbox.routes.traffic import traffic_routes
from hermodr_sandbox.routes.whatsapp import whatsapp_routes
from hermodr_sandbox.service import Sandbox
from hermodr_sandbox.timelines import Timelines
from hermodr_servicekit.webhook_signing import WebhookSecrets

_NOWHERE = "http://127.0.0.1:1/v1/providers/whatsapp/events"
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::\d{1,5})?")


class HostGuard:
    """Refuses requests that name another host, against DNS rebinding."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._known(scope):
            answer = problem(421, "Misdirected Request", "The sandbox answers to its loopback names only.")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        match = _HOST.fullmatch(Headers(scope=scope).get("host", ""))
        return match is not None and (match[1] or match[2]).lower() in self._hosts


def application(
    sandbox: Sandbox,
    info: Mapping[str, object],
    *,
    more: Sequence[BaseRoute] = (),
    hosts: frozenset[str] | None = None,
    callbacks: Callbacks | None = None,
    text_callbacks: TextCallbacks | None = None,
    vonage_callbacks: VonageCallbacks | None = None,
    webhook_secrets: WebhookSecrets | None = None,
    whatsapp: WhatsAppCallbacks | None = None,
    timelines: Timelines | None = None,
    inboxes: Inboxes | None = None,
) -> ASGIApp:
    """`more` routes (health, metrics) are added; `hosts` None answers to any name."""
    text_callbacks = text_callbacks or TextCallbacks()
    vonage_callbacks = vonage_callbacks or VonageCallbacks()
    by_provider: dict[Provider, TextCallbacks] = {"twilio": text_callbacks, "vonage": vonage_callbacks}
    whatsapp = whatsapp or WhatsAppCallbacks(_NOWHERE, SECRET, sandbox.clock)
    pages = Starlette(
        routes=[
            *inbox_routes(info),
            *message_routes(sandbox, timelines, inboxes),
            *in_app_routes(inboxes),
            *mail_routes(sandbox),
            *text_routes(sandbox, by_provider, whatsapp),
            *whatsapp_routes(sandbox, whatsapp),
            *hook_routes(sandbox),
            *fault_routes(sandbox),
            *traffic_routes(sandbox),
            *more,
        ],
        exception_handlers={
            SandboxError: on_sandbox_error,
            ValidationError: on_invalid,
            HTTPException: on_http,
            ClientDisconnect: on_left,
            Exception: on_crash,
        },
    )
    providers: ASGIApp = VonageApi(TwilioApi(pages, sandbox, text_callbacks), sandbox, vonage_callbacks)
    providers = WhatsAppApi(providers, sandbox, whatsapp)
    providers = WebhookReceivers(providers, sandbox, webhook_secrets)
    everything = HttpProviders(providers, sandbox, (Resend(), SendGrid()), callbacks)
    return everything if hosts is None else HostGuard(everything, hosts)
