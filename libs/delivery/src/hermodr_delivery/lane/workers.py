import asyncio
from functools import partial

import structlog

from hermodr_delivery.claimed import AtHand, Held, Message, TakesLong, Withheld
from hermodr_delivery.lane.aside import Aside
from hermodr_delivery.lane.leases import Leases
from hermodr_delivery.lane.queue import AGAIN_SECONDS, Queue
from hermodr_delivery.recorder import Recorder, Result
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_servicekit.cancellation import cancelled_from_outside
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()


class Workers:
    """Each worker makes one provider call at a time; what must not be sent goes back to the queue."""

    def __init__(
        self,
        ready: asyncio.Queue[AtHand],
        queue: Queue,
        aside: Aside,
        leases: Leases,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._ready = ready
        self._queue = queue
        self._aside = aside
        self._leases = leases
        self._recorder = recorder
        self._clock = clock

    async def work_always(self) -> None:
        while True:
            claimed, send, message, good_until = await self._ready.get()
            if self._queue.paused or self._clock.monotonic() > good_until:
                await self._give_up(claimed, message)
                continue
            held = Held(message)
            call = self._leases.begin(claimed, good_until, held.let_go)
            try:
                result = await send()
            except Withheld as withheld:
                await self._wait_again(claimed, held.message, withheld)
            except TakesLong as long:
                held.let_go()
                await self._aside.add(claimed, long.get_ready, held.message, good_until)
                self._queue.went_aside()
            except (Exception, asyncio.CancelledError) as error:
                # A defect in one delivery, or a stray cancellation by a library, must not end the others.
                if cancelled_from_outside():
                    raise
                log.error("sending failed; its lease will run out", error=type(error).__name__)
                self._queue.settled(held.message)
            else:
                self._recorder.submit(result).add_done_callback(partial(self._recorded, result, held.message))
            finally:
                self._leases.end(call)

    def _recorded(self, result: Result, message: Message, future: asyncio.Future[None]) -> None:
        if future.cancelled():
            self._queue.settled(message)
        elif (error := future.exception()) is not None:
            log.error("a result could not be recorded; its lease will run out", error=type(error).__name__)
            self._queue.settled(message)
        elif result.onward and not self._queue.stopping:
            self._queue.in_line_again(result.claim, message)
        else:
            self._queue.settled(message)

    async def _give_up(self, claimed: Claim, message: Message) -> None:
        """The channel is paused, the claim is too old, or the delivery has expired."""
        queue = self._queue
        log.warning("claim given back unsent", delivery_id=str(claimed.id), paused=queue.paused)
        await queue.release([claimed])
        if queue.paused and not queue.stopping:
            queue.in_line_again(claimed, message)
        else:
            queue.settled(message)

    async def _wait_again(self, claimed: Claim, message: Message, withheld: Withheld) -> None:
        """The delivery itself is fine: it waits here, and the scheduler need not announce it."""
        queue = self._queue
        if queue.stopping or withheld.seconds is not None:
            await queue.release([claimed], held_seconds=withheld.seconds)
            queue.settled(message)
        else:
            await queue.release([claimed], held_seconds=None if queue.paused else AGAIN_SECONDS)
            queue.in_line_again(claimed, message, last=withheld.last)
