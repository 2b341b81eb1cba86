"""All that came as one list, and the timeline of the job that one message is of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.asking import Unreadable
from hermodr_sandbox.domain.in_app import InApp
from hermodr_sandbox.domain.mail import Mail, display_header
from hermodr_sandbox.domain.message import Channel, Message, Place, channel_of, document, job_of, moment
from hermodr_sandbox.domain.search import Query
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.errors import InvalidQuery, MessageNotFound
from hermodr_sandbox.inboxes import Inboxes
from hermodr_sandbox.routes import queries
from hermodr_sandbox.routes.problems import JsonResponse
from hermodr_sandbox.service import Sandbox
from hermodr_sandbox.timelines import Timelines

_CHANNELS: tuple[Channel, ...] = get_args(Channel)
_CURSOR = re.compile(r"([0-9]{1,16})\.([0-9]{1,16})\.([0-9]{1,16})\.([0-9]{1,16})")
_ID = re.compile(r"(email|sms|whatsapp|webhook|in_app)-([0-9]{1,15})")
_TITLE = 200
_NO_KEY = "With a key that may read in HERMODR_SANDBOX_API_KEY the sandbox shows it here."
_NO_JOB = "It names no job of Hermodr's."


def listed(message: Message) -> dict[str, object]:
    """As a line of the list. `bad`: something went wrong; `inbound`: a phone sent it."""
    to, title, said, bad, inbound = _line(message)
    return {
        "id": f"{channel_of(message)}-{message.number}",
        "channel": channel_of(message),
        "at": moment(message).isoformat().replace("+00:00", "Z"),
        "to": to,
        "title": title[:_TITLE],
        "said": said,
        "bad": bad,
        "inbound": inbound,
    }


def _line(message: Message) -> tuple[list[str], str, str, bool, bool]:
    if isinstance(message, Mail):
        sender = display_header(message.raw, b"from") or message.sender or "<>"
        return (
            list(message.recipients),
            display_header(message.raw, b"subject"),
            f"from {sender}",
            False,
            False,
        )
    if isinstance(message, Text):
        said = f"to {message.other}" if message.inbound else message.status
        said = f"{said} {message.error}" if message.error else said
        return [message.phone], message.body, said, message.error is not None, message.inbound
    if isinstance(message, InApp):
        said = f"type {message.type}" if message.type else "without a type"
        return [message.name or message.user], message.title or message.message, said, False, False
    kind = document(message).get("type")
    said = "no answer" if message.status is None else f"answered {message.status}"
    bad = message.status is None or message.status >= 300 or message.signature == "invalid"
    said = f"{said}, signature {message.signature}"
    return [f"/hooks/{message.name}"], kind if isinstance(kind, str) else "(no type)", said, bad, False


class MessageHandlers:
    def __init__(self, sandbox: Sandbox, timelines: Timelines | None, inboxes: Inboxes | None) -> None:
        self._sandbox = sandbox
        self._timelines = timelines
        self._inboxes = inboxes

    async def listing(self, request: Request) -> Response:
        """Newest first; `cursor`: what a page before said."""
        queries.only(request, "channel", "q", "limit", "cursor")
        channel = next((each for each in _CHANNELS if each == request.query_params.get("channel")), None)
        if channel is None and request.query_params.get("channel"):
            raise InvalidQuery(f"channel must be one of: {', '.join(_CHANNELS)}")
        query = Query(words=request.query_params.get("q", "").strip())
        limit = queries.whole(request, "limit", 50, 1, 200)
        if channel == "in_app" and self._inboxes is not None:
            await self._inboxes.refresh()  # of all channels the others are not kept waiting
        found, place = await self._sandbox.find_all(query, channel, limit=limit, before=_place(request))
        cursor = None if place is None else ".".join(str(each) for each in place)
        return JsonResponse({"data": [listed(each) for each in found], "next_cursor": cursor})

    async def timeline(self, request: Request) -> Response:
        """`why`: for what reason there is none; the page shows it instead."""
        queries.only(request)
        message = self._one(request.path_params["message_id"])
        job = job_of(message)
        nothing: dict[str, object] = {"job_id": job, "status": None, "data": []}
        if self._timelines is None:
            named = job is not None or (isinstance(message, Text) and not message.inbound)
            return JsonResponse(nothing | {"why": _NO_KEY if named else _NO_JOB})
        try:
            found = await self._timelines.of(message)
        except Unreadable as error:
            return JsonResponse(nothing | {"why": str(error)})
        if found is None:
            return JsonResponse(nothing | {"why": _NO_JOB})
        told = found[1]
        return JsonResponse(
            {"job_id": found[0], "status": told.get("status"), "data": told.get("data", []), "why": None}
        )

    def _one(self, wanted: str) -> Message:
        """Raises `MessageNotFound`, `MailNotFound`."""
        read = _ID.fullmatch(wanted)
        if read is None:
            raise MessageNotFound(f"there is no message {wanted[:40]!r}")
        kind, number = read[1], int(read[2])
        if kind == "email":
            return self._sandbox.mail(number)
        kept: dict[str, Callable[[int], Message | None]]
        kept = {"webhook": self._sandbox.hooks.get, "in_app": self._sandbox.in_app.get}
        found = kept.get(kind, self._sandbox.texts.get)(number)
        if found is None or channel_of(found) != kind:
            raise MessageNotFound(f"there is no message {wanted!r}; it may have made room for newer ones")
        return found


def _place(request: Request) -> Place:
    cursor = request.query_params.get("cursor")
    if not cursor:
        return Place(*(queries.HIGHEST,) * 4)
    read = _CURSOR.fullmatch(cursor)
    if read is None:
        raise InvalidQuery("cursor must be what an answer before had as next_cursor")
    return Place(*(int(each) for each in read.groups()))


def message_routes(sandbox: Sandbox, timelines: Timelines | None, inboxes: Inboxes | None) -> list[Route]:
    handlers = MessageHandlers(sandbox, timelines, inboxes)
    return [
        Route("/v1/messages", handlers.listing, methods=["GET"]),
        Route("/v1/messages/{message_id}/timeline", handlers.timeline, methods=["GET"]),
    ]
