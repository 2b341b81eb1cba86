"""Sends what waits in the ledger."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog

from hermodr_contracts.ladder import Step
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.engine.recording import Recording
from hermodr_ledger.webhooks.attempting import Claim, Result
from hermodr_ledger.webhooks.sharing import Limits
from hermodr_servicekit import tracing
from hermodr_servicekit.cancellation import obey_cancellation
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets
from hermodr_webhook_sender.domain import Answer, settle
from hermodr_webhook_sender.metrics import WebhookMetrics

log = structlog.get_logger()

_LONGEST_SLEEP_SECONDS = 30.0
_SHORTEST_SLEEP_SECONDS = 0.05
"""When it is somebody's turn whom another sender holds, or when no call is free for endpoints that fail."""
_AFTER_ERROR_SECONDS = 1.0
ENDPOINT_HEADER = "hermodr-endpoint"
"""Tells a receiver of several endpoints whose secret to check with."""

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
"""See `Caller.post`."""


class Claims(Protocol):
    """`hermodr_ledger.webhooks.attempting` with its ledger and owner."""

    async def claim(self, limits: Limits) -> list[Claim]: ...
    async def record(self, results: Sequence[Result]) -> None: ...
    async def give_back(self, ids: Sequence[UUID]) -> None: ...
    async def next_turn(self) -> float | None: ...


class Bounds(NamedTuple):
    """Calls at a time, in all and of one endpoint; `patience`: seconds for which a record is tried."""

    calls: int
    each: int
    patience: float


class Posting:
    """Claims as many messages as there are free calls, and sends each at once."""

    def __init__(
        self,
        claims: Claims,
        post: Post,
        secrets: WebhookSecrets,
        ladder: Sequence[Step],
        clock: Clock,
        metrics: WebhookMetrics,
        bounds: Bounds,
    ) -> None:
        self.wake = asyncio.Event()
        """Set when there may be something to do."""
        self._claims = claims
        self._post = post
        self._secrets = secrets
        self._ladder = ladder
        self._clock = clock
        self._metrics = metrics
        self._bounds = bounds
        self._leaving = False
        self._calls: dict[asyncio.Task[None], Claim] = {}
        self._results: Recording[Result] = Recording(claims.record, clock, bounds.patience)
        metrics.sending.set_function(lambda: len(self._calls))

    async def run(self) -> None:
        """Until it is cancelled."""
        while not self._leaving:
            self.wake.clear()
            try:
                pause = await self._round()
            except LedgerUnavailable as error:
                obey_cancellation()
                log.warning("no messages claimed", error=type(error).__name__)
                pause = _AFTER_ERROR_SECONDS
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self.wake.wait()

    async def stop(self) -> None:
        """No further message is claimed; returns when those that are being sent are recorded."""
        self._leaving = True
        self.wake.set()
        while self._calls:
            await asyncio.wait(self._calls)
        await self._results.drain()

    async def _round(self) -> float:
        """Claims once. Returns the seconds until that may bring something again."""
        room = self._bounds.calls - len(self._calls)
        if room <= 0:
            return _LONGEST_SLEEP_SECONDS
        failing = max(0, self._bounds.calls // 2 - sum(call.failing for call in self._calls.values()))
        busy = Counter(call.project_id for call in self._calls.values())
        claims = await self._claims.claim(Limits(room, min(room, failing), self._bounds.each, busy))
        if self._leaving:
            await self._claims.give_back([claim.id for claim in claims])
            return 0.0
        for claim in claims:
            call = asyncio.create_task(self._send(claim))
            self._calls[call] = claim
            call.add_done_callback(self._done)
        if claims:
            return 0.0
        seconds = await self._claims.next_turn()
        longest = _LONGEST_SLEEP_SECONDS
        return longest if seconds is None else min(max(seconds, _SHORTEST_SLEEP_SECONDS), longest)

    def _done(self, call: asyncio.Task[None]) -> None:
        claim = self._calls.pop(call)
        self.wake.set()
        if not call.cancelled() and (error := call.exception()) is not None:
            log.error(
                "a message is sent again when its lease ends",
                message_id=str(claim.id),
                error=type(error.__cause__ or error).__name__,
            )

    async def _send(self, claim: Claim) -> None:
        at, began, traced = self._clock.now(), self._clock.monotonic(), tracing.moment()
        versions = [claim.secret_version] + [claim.secret_version - 1] * claim.two_secrets
        secrets = [SecretOf(Purpose.ENDPOINT, claim.endpoint_id, version) for version in versions]
        body = claim.body.encode()
        headers = self._secrets.headers(str(claim.id), body, at, secrets)
        headers[ENDPOINT_HEADER] = str(claim.endpoint_id)
        answer = await self._answer(claim, headers, body)
        seconds = self._clock.monotonic() - began
        settled = settle(answer, claim.step, self._ladder)
        self._metrics.messages.labels(settled.outcome).inc()
        self._metrics.seconds.observe(seconds)
        if traced:
            _trace(claim, traced, answer, settled.outcome)
        await self._results.submit(
            Result(
                claim.id,
                claim.attempt,
                at,
                round(seconds * 1000),
                answer.status,
                settled.outcome,
                settled.error,
                settled.state,
                settled.delay,
            )
        )

    async def _answer(self, claim: Claim, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            return await self._post(claim.url, headers, body)
        except Exception as error:  # noqa: BLE001 - else it would be sent for ever, and its endpoint never fail
            log.error("a call failed unexpectedly", message_id=str(claim.id), error=type(error).__name__)
            return Answer(error="internal_error")


def _trace(claim: Claim, began: int, answer: Answer, outcome: str) -> None:
    """In the trace of the job that the message tells of; some tell of none."""
    job_id = json.loads(claim.body).get("data", {}).get("job_id")
    if job_id is None:
        return
    values: tracing.Values = {
        "hermodr.endpoint.id": str(claim.endpoint_id),
        "hermodr.event": claim.event,
        "hermodr.attempt": claim.attempt,
        "hermodr.outcome": outcome,
        "http.response.status_code": answer.status,
    }
    failed = None if outcome == "delivered" else answer.error or str(answer.status)
    tracing.step("call endpoint", UUID(job_id), began, values, kind="client", failed=failed)
