from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.routes.problems import JsonResponse

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {
    "/": ("inbox.html", "text/html"),
    "/mails": ("inbox.html", "text/html"),
    "/texts": ("inbox.html", "text/html"),
    "/whatsapp": ("inbox.html", "text/html"),
    "/webhooks": ("inbox.html", "text/html"),
    "/in-app": ("inbox.html", "text/html"),
    "/assets/hooks.css": ("hooks.css", "text/css"),
    "/assets/hooks.js": ("hooks.js", "text/javascript"),
    "/assets/in_app.css": ("in_app.css", "text/css"),
    "/assets/in_app.js": ("in_app.js", "text/javascript"),
    "/assets/texts.css": ("texts.css", "text/css"),
    "/assets/texts.js": ("texts.js", "text/javascript"),
    "/assets/inbox.css": ("inbox.css", "text/css"),
    "/assets/inbox.js": ("inbox.js", "text/javascript"),
    "/assets/mail.js": ("mail.js", "text/javascript"),
    "/assets/timeline.js": ("timeline.js", "text/javascript"),
    "/assets/dom.js": ("dom.js", "text/javascript"),
    "/assets/faults.js": ("faults.js", "text/javascript"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}


def _asset_route(path: str, name: str, media_type: str) -> Route:
    content = files("hermodr_sandbox").joinpath("page", name).read_bytes()
    headers = {
        "content-security-policy": PAGE_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }

    async def serve(_request: Request) -> Response:
        return Response(content, headers=headers, media_type=media_type)

    return Route(path, serve, methods=["GET"])


def inbox_routes(info: Mapping[str, object]) -> list[Route]:
    """`info` is the answer of `/v1/info`."""

    async def about(_request: Request) -> Response:
        return JsonResponse(dict(info))

    pages = [_asset_route(path, name, kind) for path, (name, kind) in _ASSETS.items()]
    return [*pages, Route("/v1/info", about, methods=["GET"])]
