from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from hermodr_sandbox.domain.patterns import AddressPattern
from hermodr_sandbox.domain.search import Query
from hermodr_sandbox.routes import queries
from hermodr_sandbox.routes.mails import summary
from hermodr_sandbox.routes.problems import JsonResponse
from hermodr_sandbox.service import Sandbox

_MAX_WAIT = 300.0
_MAX_WAIT_MAILS = 50
_MAX_DUPLICATES = 100
_EVENTS_PER_BATCH = 50
_BATCH_SECONDS = 0.2
_RECIPIENTS_PER_CHUNK = 2000


def stats(sandbox: Sandbox) -> dict[str, object]:
    """Since the last clearing."""
    mailbox = sandbox.mailbox
    tick = sandbox.clock.monotonic()
    rules = sandbox.faults.rules()
    return {
        "total": mailbox.totals.mails,
        "texts": sandbox.texts.total,
        "webhooks": sandbox.hooks.total,
        "in_app": sandbox.in_app.total,
        "stored": len(mailbox),
        "evicted": mailbox.totals.evicted,
        "octets_total": mailbox.totals.octets,
        "octets_stored": mailbox.octets,
        "distinct_recipients": len(mailbox.totals.recipients),
        "rate": {f"{window}s": round(mailbox.rate(tick, window), 2) for window in (1, 10, 60)},
        "generation": mailbox.generation,
        "connections": {"open": sandbox.traffic.connections_open, "total": sandbox.traffic.connections_total},
        "faults": {
            "rules": len(rules),
            "active": sum(sandbox.faults.active(rule) for rule in rules),
            "fired": sandbox.faults.fired_total,
            "fired_by_address_tag": sandbox.tags.fired_total if sandbox.tags else 0,
        },
    }


def _duplicates(sandbox: Sandbox) -> dict[str, object]:
    """The first 100 of each kind; the counts are exact. `deliveries`: a Message-ID that reached a recipient more
    than once."""
    totals = sandbox.mailbox.totals
    deliveries = list(totals.duplicate_deliveries())
    recipients = {address: count for address, count in totals.recipients.items() if count > 1}
    return {
        "deliveries_count": len(deliveries),
        "message_ids_count": len(totals.repeats),
        "recipients_count": len(recipients),
        "deliveries": [
            {"recipient": recipient, "message_id": message_id, "count": count}
            for recipient, message_id, count in deliveries[:_MAX_DUPLICATES]
        ],
        "message_ids": {
            message_id: repeat.count
            for message_id, repeat in itertools.islice(totals.repeats.items(), _MAX_DUPLICATES)
        },
        "recipients": dict(itertools.islice(recipients.items(), _MAX_DUPLICATES)),
    }


def _with_recipients(document: dict[str, object], counts: list[tuple[str, int]]) -> Iterator[bytes]:
    yield orjson.dumps(document)[:-1] + b',"recipients":{'
    for start in range(0, len(counts), _RECIPIENTS_PER_CHUNK):
        chunk = orjson.dumps(dict(counts[start : start + _RECIPIENTS_PER_CHUNK]))[1:-1]
        yield b"," + chunk if start else chunk
    yield b"}}"


def _event(name: str, data: object, number: int | None = None) -> bytes:
    identity = b"" if number is None else b"id: %d\n" % number
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), identity, orjson.dumps(data))


class TrafficHandlers:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def statistics(self, request: Request) -> Response:
        queries.only(request, "recipients")
        document = stats(self._sandbox) | {"duplicates": _duplicates(self._sandbox)}
        if not queries.flag(request, "recipients"):
            return JsonResponse(document)
        counts = list(self._sandbox.mailbox.totals.recipients.items())
        return StreamingResponse(
            _with_recipients(document, counts),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    async def wait(self, request: Request) -> Response:
        queries.only(request, "to", "count", "timeout")
        pattern: AddressPattern | None = queries.address(request, "to")
        wanted = queries.whole(request, "count", 1, 1, 10**9)
        there = await self._sandbox.wait_for(
            pattern, wanted, queries.seconds(request, "timeout", 30.0, _MAX_WAIT)
        )
        page = await self._sandbox.find(Query(pattern), limit=min(wanted, _MAX_WAIT_MAILS), before=None)
        return JsonResponse(
            {"reached": there >= wanted, "count": there, "mails": [summary(mail) for mail in page.mails]}
        )

    async def events(self, request: Request) -> Response:
        queries.only(request, "after")
        last = request.headers.get("last-event-id", "")
        newest = self._sandbox.mailbox.last_number
        after = int(last) if last.isascii() and last.isdigit() and len(last) <= 15 else newest
        after = min(queries.whole(request, "after", after, 0, 10**15 - 1), newest)

        async def stream() -> AsyncIterator[bytes]:
            yield b"retry: 1000\n\n"
            batches = self._sandbox.arrivals(after, at_most=_EVENTS_PER_BATCH, every=_BATCH_SECONDS)
            async for mails, skipped in batches:
                lines = [_event("mail", summary(mail), mail.number) for mail in mails]
                if skipped:
                    lines.insert(0, _event("skipped", {"count": skipped}))
                yield b"".join(lines) + _event("stats", stats(self._sandbox))

        return StreamingResponse(
            stream(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )


def traffic_routes(sandbox: Sandbox) -> list[Route]:
    handlers = TrafficHandlers(sandbox)
    return [
        Route("/v1/stats", handlers.statistics, methods=["GET"]),
        Route("/v1/wait", handlers.wait, methods=["GET"]),
        Route("/v1/events", handlers.events, methods=["GET"]),
    ]
