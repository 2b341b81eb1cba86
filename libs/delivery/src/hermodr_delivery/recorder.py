"""Records results of attempts in batches and plans the retries."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from datetime import timedelta
from functools import partial
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog

from hermodr_contracts.ladder import Step
from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, Channel, DeliveryState, Priority
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.throughput import Throughput
from hermodr_ledger.deliveries.attempts import Attempt, Claim, Recorded, Settlement, settle
from hermodr_ledger.engine import Contested, LedgerUnavailable
from hermodr_ledger.engine.locked import RowsLocked
from hermodr_servicekit import tracing
from hermodr_servicekit.coalescer import Coalescer

log = structlog.get_logger()

_LONGEST_PAUSE_SECONDS = 1.0
_HELD_SECONDS = 0.5
"""The delay before a result with a locked row is tried again."""
_SPACING_SECONDS = 0.01
"""Short, because what is sent but not recorded when a sender is killed is sent twice."""


HELD = "held"
"""The code of an attempt that was not made, because an earlier one may have been accepted."""


class Result(NamedTuple):
    """One attempt. `retry_after`: seconds the provider asked for; `defect`: it failed because of an error of ours;
    `onward`: another provider takes over; `provable`: the provider can tell later whether it accepted."""

    claim: Claim
    attempt: Attempt
    retry_after: float | None = None
    defect: bool = False
    onward: bool = False
    provable: bool = False


class Records(Protocol):
    async def record(self, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]:
        """See `hermodr_ledger.deliveries.attempting.Attempts.record`. Raises `LedgerUnavailable`."""
        ...


class Bell(Protocol):
    def deliveries(
        self, channel: Channel, priority: Priority, ids: Iterable[UUID], *, after: Step | None = None
    ) -> None: ...
    async def drain(self) -> None: ...


class Recorder:
    """Records results also across an outage. A success counts after the lease too, if nobody claimed the delivery
    again."""

    def __init__(
        self,
        records: Records,
        announcer: Bell,
        metrics: SenderMetrics,
        *,
        ladder: Sequence[Step],
        throughput: Throughput | None = None,
    ) -> None:
        self._records = records
        self._announcer = announcer
        self._metrics = metrics
        self._ladder = ladder
        self._throughput = throughput
        self._held: set[asyncio.Future[None]] = set()
        self._line: Coalescer[Result, bool] = Coalescer(
            self._record, max_items=200, concurrency=1, spacing=_SPACING_SECONDS, split_on=(Exception,)
        )

    def submit(self, result: Result) -> asyncio.Future[None]:
        """The future is done when the result is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hand_in(result, done)
        return done

    def _hand_in(self, result: Result, done: asyncio.Future[None]) -> None:
        self._line.submit(result).add_done_callback(partial(self._handed_in, result, done))

    def _handed_in(self, result: Result, done: asyncio.Future[None], written: asyncio.Future[bool]) -> None:
        self._held.discard(done)
        if written.cancelled():
            done.cancel()
        elif (error := written.exception()) is not None:
            if not done.cancelled():
                done.set_exception(error)
        elif not written.result():
            self._held.add(done)
            asyncio.get_running_loop().call_later(_HELD_SECONDS, self._hand_in, result, done)
        elif not done.cancelled():
            done.set_result(None)

    async def drain(self) -> None:
        """Returns when everything submitted is committed and its retries are announced."""
        await self._line.drain()
        while self._held:
            await asyncio.wait(self._held)
            await self._line.drain()
        await self._announcer.drain()

    async def _record(self, results: Sequence[Result]) -> list[bool]:
        """Whether each is recorded, or known to be too late; `False` if its row is locked."""
        began = tracing.moment()
        pairs = [(result.attempt, self._settle(result)) for result in results]
        recorded, held = await self._commit(pairs)
        if held:
            log.warning("results wait for rows that somebody has locked", results=len(held))
        self._follow(
            [pair for pair in zip(results, pairs, strict=True) if pair[0].attempt.delivery_id not in held],
            recorded,
        )
        if began:
            for each in recorded:
                tracing.step("record", each.delivery_id, began, {"hermodr.state": each.state})
        return [result.attempt.delivery_id not in held for result in results]

    def _follow(
        self, made: Sequence[tuple[Result, tuple[Attempt, Settlement]]], all_recorded: Sequence[Recorded]
    ) -> None:
        accepted = {each.delivery_id: each for each in all_recorded}
        told: list[tuple[Result, Recorded]] = []
        retries: dict[tuple[Channel, Priority, Step], list[UUID]] = {}
        for result, (attempt, settlement) in made:
            recorded = accepted.get(attempt.delivery_id)
            if recorded is None:
                log.warning(
                    "an answer came too late", delivery_id=str(attempt.delivery_id), outcome=attempt.outcome
                )
                continue
            told.append((result, recorded))
            if settlement.onward:
                self._metrics.failovers.labels(attempt.provider).inc()
            if recorded.state is not DeliveryState.SENT:
                _tell(result.attempt, recorded)
            if settlement.state is DeliveryState.RETRYING and settlement.step is not None:
                lane = (recorded.channel, recorded.priority, settlement.step)
                self._metrics.retries.labels(recorded.channel, settlement.step.label).inc()
                if settlement.patience is None:
                    retries.setdefault(lane, []).append(recorded.delivery_id)
        self._count(told)
        for (channel, priority, step), group in retries.items():
            self._announcer.deliveries(channel, priority, group, after=step)

    async def _commit(
        self, pairs: Sequence[tuple[Attempt, Settlement]]
    ) -> tuple[Sequence[Recorded], Set[UUID]]:
        pause = 0.05
        while True:
            try:
                return await self._records.record(pairs), frozenset()
            except RowsLocked as error:
                return error.done, error.held
            except Contested:  # something else is locked: a singleton key
                return await self._commit_apart(pairs)
            except LedgerUnavailable as error:
                log.warning("results wait for the database", results=len(pairs), error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _commit_apart(
        self, pairs: Sequence[tuple[Attempt, Settlement]]
    ) -> tuple[Sequence[Recorded], Set[UUID]]:
        if len(pairs) == 1:
            return (), {pairs[0][0].delivery_id}
        middle = len(pairs) // 2
        first, first_held = await self._commit(pairs[:middle])
        second, second_held = await self._commit(pairs[middle:])
        return [*first, *second], first_held | second_held

    def _settle(self, result: Result) -> Settlement:
        if result.onward:
            return Settlement(DeliveryState.RETRYING, onward=True)
        claim, number = result.claim, result.attempt.number
        return settle(
            result.attempt.outcome,
            number=number,
            max_attempts=claim.max_attempts,
            on_unknown=claim.on_unknown,
            ladder=self._ladder,
            retry_after=result.retry_after,
            earlier=claim.earlier_attempts,
            defect=result.defect,
            provable=result.provable and result.attempt.code != HELD,
        )

    def _count(self, told: Sequence[tuple[Result, Recorded]]) -> None:
        waits: dict[tuple[Channel, Priority], list[timedelta]] = {}
        for of, each in told:
            if each.state is DeliveryState.SENT:
                waits.setdefault((each.channel, each.priority), []).append(
                    of.attempt.finished_at - of.claim.wanted_at
                )
        for (channel, priority), spans in waits.items():
            histogram = self._metrics.accept_to_sent.labels(channel, priority.lane)
            for span in spans:
                histogram.observe(max(span.total_seconds(), 0.0))
        kinds = Counter(
            (each.channel, each.priority, each.state, of.attempt.provider, of.attempt.outcome)
            for of, each in told
        )
        for (channel, priority, state, provider, outcome), number in kinds.items():
            self._metrics.deliveries.labels(channel, provider or "none", outcome).inc(number)
            if self._throughput is not None:
                self._throughput.count(channel, priority, number, sent=state is DeliveryState.SENT)
        ended = Counter(
            (each.job_kind, each.job_state) for _, each in told if each.job_state in TERMINAL_JOB_STATES
        )
        for (kind, job_state), number in ended.items():
            self._metrics.finished.labels(kind, job_state).inc(number)


def _tell(attempt: Attempt, recorded: Recorded) -> None:
    log.info(
        "attempt failed",
        job_id=str(recorded.job_id),
        delivery_id=str(recorded.delivery_id),
        attempt=attempt.number,
        provider=attempt.provider,
        code=attempt.code,
        becomes=recorded.state,
    )
