"""Rate limits of callers, shared by all API processes. A process takes tokens from the ledger's bucket in slices, at
most `SLICE_SECONDS` of the rate, and keeps them for `HELD_SECONDS`: at most the burst and one slice per process pass at
once, never more than the rate in the long run."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from hermodr_api.answers import patience
from hermodr_api.errors import RATE_LIMITED, Refused
from hermodr_contracts.rates import Limit
from hermodr_ledger.access.rates import BucketRequest, Granted
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

SLICE_SECONDS = 0.1
HELD_SECONDS = 1.0
_PAUSE_SECONDS = 0.02
"""The least time before an empty bucket is asked again: at most fifty statements a second."""
_MOST_REMEMBERED = 10_000


Take = Callable[[Sequence[BucketRequest]], Awaitable[Mapping[str, Granted]]]


@dataclass(slots=True)
class _Purse:
    """What this process holds of a bucket; `left` is what the bucket held at `asked_at`."""

    tokens: int = 0
    left: float = 0.0
    size: int = 1
    asked_at: float = -math.inf
    empty_until: float = -math.inf
    waiting: int = 0
    asking: asyncio.Task[None] | None = None


class Limiter:
    def __init__(self, take: Take, clock: Clock) -> None:
        self._take = take
        self._clock = clock
        self._purses: dict[str, _Purse] = {}
        self._takes: Coalescer[BucketRequest, Granted] = Coalescer(self._flush, max_items=100, concurrency=1)

    async def take(self, subject: str, limit: Limit) -> dict[str, str]:
        """Uses a token and returns the `RateLimit-*` headers. Raises `Refused` (429) and `LedgerUnavailable`."""
        purse = self._purse(subject)
        if purse.tokens and self._clock.monotonic() - purse.asked_at < HELD_SECONDS:
            purse.tokens -= 1
            return self._headers(purse, limit)
        purse.waiting += 1
        try:
            async with patience():
                await self._wait_for_a_token(subject, purse, limit)
        finally:
            purse.waiting -= 1
        purse.tokens -= 1
        return self._headers(purse, limit)

    async def _wait_for_a_token(self, subject: str, purse: _Purse, limit: Limit) -> None:
        while True:
            now = self._clock.monotonic()
            if purse.tokens and now - purse.asked_at < HELD_SECONDS:
                return
            if now < purse.empty_until:
                raise self._refused(purse, limit)
            if purse.asking is None:
                purse.asking = asyncio.create_task(self._ask(subject, purse, limit))
            await asyncio.shield(purse.asking)

    async def _ask(self, subject: str, purse: _Purse, limit: Limit) -> None:
        try:
            now = self._clock.monotonic()
            most = max(1, int(limit.rate * SLICE_SECONDS))
            quick = now - purse.asked_at < SLICE_SECONDS
            purse.size = min(most, purse.size * 2) if quick else max(1, min(purse.size // 2, most))
            wanted = min(max(purse.size, purse.waiting), limit.burst)
            returned, purse.tokens = purse.tokens, 0
            granted = await self._takes.submit(BucketRequest(subject, limit, wanted, returned))
            purse.asked_at = self._clock.monotonic()
            purse.tokens, purse.left = granted.tokens, granted.left
            if not granted.tokens:
                fills = (1 - granted.left) / limit.rate
                purse.empty_until = purse.asked_at + max(
                    fills, min(_PAUSE_SECONDS, limit.burst / limit.rate / 2)
                )
        finally:
            purse.asking = None

    def _purse(self, subject: str) -> _Purse:
        purse = self._purses.get(subject)
        if purse is None:
            if len(self._purses) >= _MOST_REMEMBERED:
                self._purses = {name: each for name, each in self._purses.items() if each.asking}
            purse = self._purses[subject] = _Purse()
        return purse

    async def _flush(self, requests: Sequence[BucketRequest]) -> list[Granted]:
        found = await self._take(requests)
        return [found[each.subject] for each in requests]

    def _remaining(self, purse: _Purse, limit: Limit) -> float:
        since = self._clock.monotonic() - purse.asked_at
        return min(limit.burst, purse.left + since * limit.rate + purse.tokens)

    def _headers(self, purse: _Purse, limit: Limit) -> dict[str, str]:
        remaining = self._remaining(purse, limit)
        return {
            "ratelimit-limit": str(limit.burst),
            "ratelimit-remaining": str(int(remaining)),
            "ratelimit-reset": str(math.ceil((limit.burst - remaining) / limit.rate)),
        }

    def _refused(self, purse: _Purse, limit: Limit) -> Refused:
        seconds = max(1, math.ceil(purse.empty_until - self._clock.monotonic()))
        allowed = f"{limit.requests} requests in {limit.seconds} s, {limit.burst} at once"
        headers = self._headers(purse, limit) | {"retry-after": str(seconds)}
        return Refused(
            RATE_LIMITED, f"this caller may make {allowed}; try again in {seconds} s", headers=headers
        )
