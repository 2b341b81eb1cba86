"""Producers: they request mails at a steady rate, record every answer, and repeat like careful producers (with the
same Idempotency-Key) or not at all."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import orjson

from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked
from tests.support.waiting import wait_until

BULK_SIZE = 40
SINGLES = 10
WAVE = BULK_SIZE + SINGLES
LANES = ("normal", "normal", "low", "urgent")
RETRY_SECONDS = 0.25
LONGEST_TRYING = 60.0


class Load:
    """Waves of fifty requests, forty in bulk (JSON and NDJSON by turns) and ten single ones, in all lanes.
    `careful`: repeats a request with its Idempotency-Key until there is a certain answer."""

    def __init__(
        self,
        installation: Installation,
        name: str,
        *,
        careful: bool = True,
        may_fail: bool = False,
        always: Mapping[str, Any] | None = None,
        retry_seconds: float = RETRY_SECONDS,
        phones: int | None = None,
    ) -> None:
        """`name` is a domain label, different for each load. `always` are fields of each request; None removes
        one. `phones`: texts to numbers from this one on, instead of mails."""
        self._phones = phones
        self._always = dict(always or {})
        self._retry_seconds = retry_seconds
        self._installation = installation
        self._name = name
        self._careful = careful
        self._may_fail = may_fail
        self._numbers = itertools.count(1)
        self.requested = 0
        self.open = 0
        """Requests without a certain answer yet."""
        self.answers: Counter[str] = Counter()
        """How often each HTTP status came, or the name of the error that came instead."""
        self.slowest = 0.0
        """The longest time to an answer, in seconds."""
        self.without_retry_after = 0
        """503s that did not say when to try again."""

    async def run(self, total: int, rate: float) -> None:
        """`total` mails, `rate` a second."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with asyncio.TaskGroup() as group:
            for wave in range(-(-total // WAVE)):
                await asyncio.sleep(max(0.0, started + wave * WAVE / rate - loop.time()))
                group.create_task(self.wave(wave))

    async def wave(self, number: int) -> None:
        await asyncio.gather(
            self.bulk(BULK_SIZE, ndjson=number % 2 == 1, lane=LANES[number % len(LANES)]),
            *(self.single(lane=LANES[number % len(LANES)]) for _ in range(SINGLES)),
        )

    async def single(self, **fields: Any) -> str | None:
        """The job's id, if it was accepted."""
        hold = fields.get("on_unknown") == "hold"
        item = self._item(**fields)
        self.requested += 1
        answer = await self._ask("/v1/notifications", orjson.dumps(item), "application/json", _address(item))
        job_id: str | None = (
            answer.json()["job_id"] if answer is not None and answer.status_code == 202 else None
        )
        self._note(item, answer, job_id=job_id, hold=hold)
        return job_id

    async def bulk(self, size: int, *, ndjson: bool = False, **fields: Any) -> str | None:
        """The batch's id, if it was accepted."""
        items = [self._item(**fields) for _ in range(size)]
        self.requested += size
        body = b"\n".join(map(orjson.dumps, items)) if ndjson else orjson.dumps(items)
        media = "application/x-ndjson" if ndjson else "application/json"
        answer = await self._ask("/v1/notifications/bulk", body, media, "bulk-" + _address(items[0]))
        batch_id: str | None = (
            answer.json()["batch_id"] if answer is not None and answer.status_code == 202 else None
        )
        for item in items:
            self._note(item, answer, batch_id=batch_id)
        return batch_id

    def _item(self, *, lane: str = "normal", tag: str = "", **fields: Any) -> dict[str, Any]:
        number = next(self._numbers)
        document = {
            "to": {"email": f"{self._name}-{number}{tag}@{self._name}.example.org"}
            if self._phones is None
            else {"phone": f"+{self._phones + number}"},
            "subject": f"Letter {number}",
            "body_text": f"Hello {number}, see https://link.example/{self._name}/{number}\n",
            "priority": lane,
            **self._always,
            **fields,
        }
        return {name: value for name, value in document.items() if value is not None}

    async def _ask(self, path: str, body: bytes, media: str, key: str) -> httpx.Response | None:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + LONGEST_TRYING
        headers = {"content-type": media, "idempotency-key": key}
        self.open += 1
        try:
            while True:
                answer = await self._once(path, body, headers)
                certain = answer is not None and answer.status_code not in (409, 429, 503)
                if certain or not self._careful or loop.time() > give_up:
                    return answer
                await asyncio.sleep(self._retry_seconds)
        finally:
            self.open -= 1

    async def _once(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answer = await self._installation.api.post(path, content=body, headers=headers)
        except httpx.HTTPError as error:
            self.answers[type(error).__name__] += 1
            return None
        self.slowest = max(self.slowest, loop.time() - started)
        self.answers[str(answer.status_code)] += 1
        self.without_retry_after += answer.status_code == 503 and "retry-after" not in answer.headers
        return answer

    def _note(
        self,
        item: dict[str, Any],
        answer: httpx.Response | None,
        *,
        job_id: str | None = None,
        batch_id: str | None = None,
        hold: bool = False,
    ) -> None:
        taken = job_id is not None or batch_id is not None
        refused = answer is not None and 400 <= answer.status_code < 500
        verdict = Answer.ACCEPTED if taken else Answer.REFUSED if refused else Answer.UNCERTAIN
        self._installation.asked.append(
            Asked(_address(item), verdict, job_id, batch_id, hold, self._may_fail)
        )


def _address(item: Mapping[str, Any]) -> str:
    (address,) = item["to"].values()
    return str(address)


@contextlib.asynccontextmanager
async def under(load: Load, total: int, rate: float) -> AsyncIterator[Load]:
    """The load runs meanwhile, and is run to its end afterwards."""
    task = asyncio.create_task(load.run(total, rate))
    try:
        yield load
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def steadily(load: Load, rate: float) -> AsyncIterator[Load]:
    """As `under`, for as long as the block takes."""
    ended = asyncio.Event()

    async def waves() -> None:
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                group.create_task(load.wave(number))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), WAVE / rate)
                    return

    task = asyncio.create_task(waves())
    try:
        yield load
        ended.set()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reached(load: Load, count: int) -> None:
    await wait_until(lambda: load.requested >= count, 90, f"{count} requests")


async def answered(load: Load, answer: str, count: int) -> None:
    await wait_until(lambda: load.answers[answer] >= count, 90, f"{count} answers {answer}")


def moments(numbers: Sequence[float], total: int) -> list[int]:
    """Fractions of a load, as counts of its requests, in order."""
    return sorted(int(each * total) for each in numbers)
