"""The demo's webhooks: endpoints of the project at the sandbox, and what came there."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hermodr_devkit.demo.client import Api, Arrival, Sandbox
from hermodr_devkit.demo.facts import JobFacts, KindFacts
from hermodr_devkit.demo.scenario import GONE, RETURNED, Kind, Promise

_BOUNCES = GONE.jobs + RETURNED.jobs
TOLD = Kind(
    "told", "webhook, each bounce", _BOUNCES, _BOUNCES, _BOUNCES, 1, "delivered", None, Promise.SIGNED
)
AGAIN = Kind("again", "webhook, 503 twice", 1, 1, 1, 3, "delivered", None, Promise.SIGNED)
HOOKS = (TOLD, AGAIN)
_EVENTS = {TOLD: "delivery.bounced", AGAIN: "job.skipped"}
_RECEIVERS = {TOLD: "harbour-house", AGAIN: "harbour-house+503x2"}
"""The tag lets the sandbox refuse the first two."""
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 20.0
_TAKEN = 204


class Endpoints:
    def __init__(self, api: Api, sandbox: Sandbox) -> None:
        self._api = api
        self._sandbox = sandbox
        self._ids: dict[Kind, str] = {}

    async def prepare(self) -> None:
        for kind in HOOKS:
            url = f"{self._sandbox.url}/hooks/{_RECEIVERS[kind]}"
            self._ids[kind] = await self._api.create_endpoint(url, [_EVENTS[kind]])

    async def gather(self) -> Mapping[str, KindFacts]:
        """What came of them, once all ended, or after some seconds: the verdict will say so."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        found = {}
        for kind in HOOKS:
            while not _all_ended(kind, messages := await self._api.messages_to(self._ids[kind])):
                if time.monotonic() > deadline:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
            found[kind.key] = _facts(messages, await self._sandbox.hooks(_RECEIVERS[kind]))
        return found


def _all_ended(kind: Kind, messages: list[dict[str, Any]]) -> bool:
    return sum(message["state"] not in ("waiting", "sending") for message in messages) >= kind.jobs


def _facts(messages: list[dict[str, Any]], came: list[dict[str, Any]]) -> KindFacts:
    jobs = [
        JobFacts(
            id=message["id"],
            state=message["state"],
            deliveries=(),
            attempts=len(message["attempts"]),
            due_at=datetime.fromisoformat(message["created_at"]),
            sent_at=datetime.fromisoformat(message["finished_at"]) if message["finished_at"] else None,
        )
        for message in messages
    ]
    taken = [each for each in came if each["status"] == _TAKEN]
    return KindFacts(
        accepted=len(messages),
        states=Counter(message["state"] for message in messages),
        jobs=jobs,
        arrivals=[
            Arrival(each["webhook_id"], each["name"], datetime.fromisoformat(each["at"])) for each in taken
        ],
        signatures=[each["signature"] for each in came],
    )
