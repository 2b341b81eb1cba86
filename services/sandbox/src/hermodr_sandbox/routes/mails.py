from __future__ import annotations

import asyncio
import base64
import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.domain.checks import checks_of
from hermodr_sandbox.domain.mail import Attachment, Mail, ParsedMail, display_header, parse
from hermodr_sandbox.domain.search import Query
from hermodr_sandbox.errors import PartNotFound
from hermodr_sandbox.routes import queries
from hermodr_sandbox.routes.problems import JsonResponse
from hermodr_sandbox.service import Sandbox

_POLICY = (
    "default-src 'none'; img-src {}; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
HTML_POLICY = _POLICY.format("data:")
WITH_IMAGES = _POLICY.format("http: https: data:")
"""Images tell their servers who looks at the mail, and when: only for who asks for them."""
_PART_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_NOTHING_RUNS = {"content-security-policy": "default-src 'none'; sandbox"}
_CID = re.compile(r"cid:([^\"'\s)>]{1,256})", re.IGNORECASE)
_HEAD = re.compile(r"<head[^>]{0,1000}>|<!doctype[^>]{0,1000}>", re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_SHOWN_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def summary(mail: Mail) -> dict[str, object]:
    return {
        "id": str(mail.number),
        "received_at": mail.received_at.isoformat().replace("+00:00", "Z"),
        "envelope_from": mail.sender,
        "envelope_to": list(mail.recipients),
        "message_id": mail.message_id,
        "from": display_header(mail.raw, b"from"),
        "subject": display_header(mail.raw, b"subject"),
        "size": mail.size,
        "tls": mail.client.tls,
    }


def _detail(mail: Mail, parsed: ParsedMail) -> dict[str, object]:
    return summary(mail) | {
        "to": parsed.header("to"),
        "date": parsed.header("date"),
        "headers": [[name, value] for name, value in parsed.headers],
        "text": parsed.text,
        "html": parsed.html,
        "attachments": [
            {
                "index": part.index,
                "filename": part.filename,
                "content_type": part.content_type,
                "content_id": part.content_id,
                "size": len(part.content),
            }
            for part in parsed.attachments
        ],
        "client": {
            "address": mail.client.address,
            "helo": mail.client.helo,
            "tls": mail.client.tls,
            "user": mail.client.user,
        },
    }


def for_display(html: str, attachments: tuple[Attachment, ...]) -> str:
    """HTML as a mail program shows it: links open outside, embedded images are there."""
    images = {part.content_id: part for part in attachments if part.content_type in _SHOWN_IMAGES}

    def embed(match: re.Match[str]) -> str:
        part = images.get(match[1])
        if part is None:
            return match[0]
        return f"data:{part.content_type};base64,{base64.b64encode(part.content).decode()}"

    shown = _CID.sub(embed, html) if images else html
    head = _HEAD.search(shown)
    at = head.end() if head else 0
    return f'{shown[:at]}<base target="_blank">{shown[at:]}'


def in_the_dark(html: str) -> str:
    """HTML with its own styles for dark mode in force, whatever the reader's system has."""
    told = _SCHEME.sub(
        lambda found: "(min-width: 0)" if found[1].lower() == "dark" else "(max-width: 0)", html
    )
    head = _HEAD.search(told)
    at = head.end() if head else 0
    return f"{told[:at]}<style>:root {{ color-scheme: dark }}</style>{told[at:]}"


class MailHandlers:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def listing(self, request: Request) -> Response:
        queries.only(request, "to", "subject", "q", "limit", "cursor")
        query = Query(
            queries.address(request, "to"),
            request.query_params.get("subject", ""),
            request.query_params.get("q", "").strip(),
        )
        limit = queries.whole(request, "limit", 50, 1, 200)
        before = queries.whole(request, "cursor", 0, 1, 10**15 - 1) or None
        page = await self._sandbox.find(query, limit=limit, before=before)
        cursor = None if page.next_cursor is None else str(page.next_cursor)
        return JsonResponse({"data": [summary(mail) for mail in page.mails], "next_cursor": cursor})

    async def clear(self, _request: Request) -> Response:
        return JsonResponse({"deleted": self._sandbox.clear()})

    async def one(self, request: Request) -> Response:
        mail = self._sandbox.mail(queries.mail_number(request))
        return JsonResponse(_detail(mail, parse(mail.raw)))

    async def html(self, request: Request) -> Response:
        queries.only(request, "display", "images", "dark")
        mail = self._sandbox.mail(queries.mail_number(request))
        parsed = parse(mail.raw)
        if parsed.html is None:
            raise PartNotFound(f"mail {mail.number} has no HTML part")
        shown = (
            for_display(parsed.html, parsed.attachments) if queries.flag(request, "display") else parsed.html
        )
        if queries.flag(request, "dark"):
            shown = in_the_dark(shown)
        policy = WITH_IMAGES if queries.flag(request, "images") else HTML_POLICY
        headers = _PART_HEADERS | {"content-security-policy": policy}
        return Response(shown.encode(), headers=headers, media_type="text/html")

    async def text(self, request: Request) -> Response:
        mail = self._sandbox.mail(queries.mail_number(request))
        content = parse(mail.raw).text
        if content is None:
            raise PartNotFound(f"mail {mail.number} has no text part")
        return Response(content.encode(), headers=_PART_HEADERS | _NOTHING_RUNS, media_type="text/plain")

    async def checks(self, request: Request) -> Response:
        """In a thread: a large mail takes a while."""
        mail = self._sandbox.mail(queries.mail_number(request))
        found = await asyncio.to_thread(lambda: checks_of(parse(mail.raw)))
        return JsonResponse({"data": [each._asdict() for each in found]})

    async def source(self, request: Request) -> Response:
        mail = self._sandbox.mail(queries.mail_number(request))
        return Response(mail.raw, headers=_PART_HEADERS | _NOTHING_RUNS, media_type="text/plain")

    async def attachment(self, request: Request) -> Response:
        mail = self._sandbox.mail(queries.mail_number(request))
        wanted: str = request.path_params["index"]
        part = next((p for p in parse(mail.raw).attachments if str(p.index) == wanted), None)
        if part is None:
            raise PartNotFound(f"mail {mail.number} has no attachment {wanted[:20]!r}")
        disposition = f"attachment; filename*=UTF-8''{quote(part.filename, safe='')}"
        headers = _PART_HEADERS | _NOTHING_RUNS | {"content-disposition": disposition}
        return Response(part.content, headers=headers, media_type="application/octet-stream")


def mail_routes(sandbox: Sandbox) -> list[Route]:
    handlers = MailHandlers(sandbox)
    return [
        Route("/v1/mails", handlers.listing, methods=["GET"]),
        Route("/v1/mails", handlers.clear, methods=["DELETE"]),
        Route("/v1/mails/{mail_id}", handlers.one, methods=["GET"]),
        Route("/v1/mails/{mail_id}/html", handlers.html, methods=["GET"]),
        Route("/v1/mails/{mail_id}/checks", handlers.checks, methods=["GET"]),
        Route("/v1/mails/{mail_id}/text", handlers.text, methods=["GET"]),
        Route("/v1/mails/{mail_id}/source", handlers.source, methods=["GET"]),
        Route("/v1/mails/{mail_id}/attachments/{index}", handlers.attachment, methods=["GET"]),
    ]
