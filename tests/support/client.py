"""A scripted server for the Python client, and both clients over it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from hermodr_client import AsyncHermodr, Hermodr, Retries

KEY = "hk_0123456789abcdef"
URL = "http://hermodr.test"
ACCEPTED = {"job_id": "01a2018c-e359-7702-8eb3-8dd0fbf20000", "status": "queued", "status_url": "/v1/jobs/x"}
BRISK = Retries(first_pause=0.001, longest_pause=0.002, total_seconds=5)

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Scripted:
    """Gives `answers` one after the other, the last one for ever; keeps every request."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        # a stream can be read once, and belongs to one kind of client
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def keys(self) -> list[str | None]:
        """The Idempotency-Key of each request."""
        return [request.headers.get("idempotency-key") for request in self.requests]


class Either:
    """`Hermodr` or `AsyncHermodr`, called alike: `either.call(lambda h: h.jobs.get(id))`."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous

    def call(self, server: Scripted, act: Callable[[Any], Any], retries: Retries = BRISK) -> Any:
        """What the operation gives; a list's rows as a list."""
        transport = httpx.MockTransport(server)
        if not self.asynchronous:
            with Hermodr(URL, KEY, retries=retries, transport=transport) as client:
                found = act(client)
                return list(found) if isinstance(found, Iterator) else found
        return asyncio.run(self._awaited(transport, act, retries))

    async def _awaited(
        self, transport: httpx.MockTransport, act: Callable[[Any], Any], retries: Retries
    ) -> Any:
        async with AsyncHermodr(URL, KEY, retries=retries, transport=transport) as client:
            found = act(client)
            if isinstance(found, AsyncIterator):
                return [row async for row in found]
            return await found


def json_answer(document: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=document, headers=headers)


def problem(
    status: int, slug: str = "x", headers: dict[str, str] | None = None, **members: Any
) -> httpx.Response:
    document = {
        "type": f"urn:hermodr:problem:{slug}",
        "title": "No",
        "status": status,
        "detail": "",
        "errors": [],
    }
    return httpx.Response(
        status,
        content=json.dumps(document | members).encode(),
        headers={"content-type": "application/problem+json"} | (headers or {}),
    )


def job(status: str = "queued", **members: Any) -> dict[str, Any]:
    """`GET /v1/jobs/{id}`."""
    shown = {
        "id": ACCEPTED["job_id"],
        "kind": "notification",
        "status": status,
        "priority": "normal",
        "created_at": "2026-11-22T09:00:00Z",
    }
    return {"job": shown | members, "recipient": None, "deliveries": [], "delivery_logs": []}
