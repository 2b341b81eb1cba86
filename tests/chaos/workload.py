"""The producers' requests: all lanes, bulk and single, at once and later, templates, mails that need a second
attempt or must not be sent twice, unknown addresses; texts, and templates by WhatsApp."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import httpx

from tests.support.installation import Installation
from tests.support.load import LANES, Load
from tests.support.waiting import wait_until

TEMPLATE: dict[str, Any] = {
    "name": "booking",
    "default_locale": "en",
    "contents": {"email": {"en": {"subject": "Room {{ room }}", "body_text": "Welcome to {{ room }}.\n"}}},
}
APPROVED = {"name": "room_ready", "language": "en", "body": "Room {{1}} is ready."}
READY: dict[str, Any] = {
    "name": "ready",
    "contents": {
        "whatsapp": {
            "en": {
                "body_text": "Room {{ room }} is ready.",
                "approved": {"name": "room_ready", "parameters": ["{{ room }}"]},
            }
        }
    },
}
LONGEST_DELAY = 8
PREPARED_SECONDS = 120.0
RETRY_SECONDS = 2.0
"""The api's `Retry-After`."""
FIRST_PHONE, FIRST_WHATSAPP = 15_550_100_000, 15_551_100_000
MOST_OPEN = 100
"""Producers wait beyond so many open requests."""


class Workload:
    """About `rate` mails a second, until told to stop. Producers are careful: see `Load`."""

    def __init__(self, installation: Installation, rng: random.Random, rate: int) -> None:
        self._rng = rng
        self._rate = rate
        self._plain = Load(installation, "plain", retry_seconds=RETRY_SECONDS)
        self._typed = Load(
            installation,
            "typed",
            retry_seconds=RETRY_SECONDS,
            always={"type": "booking", "data": {"room": "seven"}, "subject": None, "body_text": None},
        )
        self._texts = Load(
            installation,
            "texts",
            retry_seconds=RETRY_SECONDS,
            phones=FIRST_PHONE,
            always={"subject": None, "on_unknown": "resend"},
        )
        self._whatsapp = Load(
            installation,
            "whatsapp",
            retry_seconds=RETRY_SECONDS,
            phones=FIRST_WHATSAPP,
            always={
                "type": "ready",
                "data": {"room": "seven"},
                "channels": ["whatsapp"],
                "subject": None,
                "body_text": None,
                "on_unknown": "resend",
            },
        )
        self._gone = Load(installation, "gone", may_fail=True, retry_seconds=RETRY_SECONDS)
        self._probes = Load(installation, "probe")
        self._installation = installation

    @property
    def requested(self) -> int:
        loads = (self._plain, self._typed, self._texts, self._whatsapp, self._gone, self._probes)
        return sum(load.requested for load in loads)

    async def prepare(self) -> None:
        """`503` until the process that compiles templates has started."""

        sandbox, api = self._installation.sandbox, self._installation.api
        (await sandbox.put("/v1/whatsapp/templates", json=APPROVED)).raise_for_status()
        for template in (TEMPLATE, READY):

            async def saved(template: Mapping[str, Any] = template) -> Any:
                answer = await api.post("/v1/templates", json=template)
                return answer.status_code != httpx.codes.SERVICE_UNAVAILABLE and answer.raise_for_status()

            await wait_until(saved, PREPARED_SECONDS, "a template", interval=1.0)

    async def run(self, stop: asyncio.Event) -> None:
        """Returns when `stop` is set and every request has its answer."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        second = 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                if self._plain.open + self._typed.open < MOST_OPEN:
                    self._ask(group)
                second += 1
                await asyncio.sleep(max(0.0, started + second - loop.time()))

    def _ask(self, group: asyncio.TaskGroup) -> None:
        rng = self._rng
        size = max(1, self._rate // 3)
        later: dict[str, Any] = {"delay_seconds": rng.randrange(1, LONGEST_DELAY)}
        again: dict[str, Any] = {"tag": "+451x1"}
        for fields in ({}, rng.choice([later, again])):
            load = rng.choice([self._plain, self._typed])
            lane = rng.choice(LANES)
            group.create_task(load.bulk(size, ndjson=rng.random() < 0.5, lane=lane, **fields))
        for _ in range(max(1, self._rate - 2 * size)):
            fields = rng.choice([{}, {}, later, again, {"on_unknown": "hold"}])
            load = rng.choice([self._plain, self._typed])
            group.create_task(load.single(lane=rng.choice(LANES), **fields))
        for load in (self._texts, self._whatsapp):
            group.create_task(load.single(lane=rng.choice(LANES)))
        if rng.random() < 0.3:
            group.create_task(self._texts.single(on_unknown="hold"))
            group.create_task(self._texts.bulk(5, lane=rng.choice(LANES)))
            group.create_task(self._gone.single(tag="+550"))

    async def recovered(self, seconds: float) -> float | None:
        """Seconds until a mail requested now has been sent; None if more than `seconds`."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        job_id = await self._probes.single(lane="urgent")
        while loop.time() - started < seconds:
            if job_id and await self._completed(job_id):
                return loop.time() - started
            await asyncio.sleep(0.05)
        return None

    async def _completed(self, job_id: str) -> bool:
        try:
            return bool((await self._installation.job(job_id))["job"]["status"] == "completed")
        except httpx.HTTPError:  # the next fault is under way
            return False
