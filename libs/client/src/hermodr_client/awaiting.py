from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import httpx

from hermodr_client.exchange import Intake, Lost, Outcome, Overdue, Pause, Reply, Send, Steps, T
from hermodr_client.http import FAILURES, Wire, lost, making, steps_on, using
from hermodr_client.paging import Listing, Pages
from hermodr_client.retrying import Pace
from hermodr_client.streaming import SILENCE_SECONDS, Following

OK = 200


class Awaiting:
    """Tasks of one event loop may share one."""

    def __init__(self, wire: Wire, pace: Pace, transport: httpx.AsyncBaseTransport | None) -> None:
        self.pace = pace
        self._wire = wire
        with making():
            self._http = httpx.AsyncClient(transport=transport, **wire.options())

    async def run(self, plan: Steps[T]) -> T:
        outcome: Outcome = None
        while not isinstance(step := steps_on(plan, outcome), tuple):
            outcome = await self._carry_out(step)
        return step[0]

    def each(self, listing: Listing[T]) -> AsyncIterator[T]:
        return Rows(self, listing.pages(self.pace))

    async def follow(self, following: Following[T]) -> AsyncGenerator[T]:
        """See `blocking.Blocking.follow`."""
        while True:
            try:
                with using():
                    async with self._http.stream(**self._wire.call(following.opening())) as answer:
                        if answer.status_code == OK:
                            async for chunk in answer.aiter_raw():
                                for event in following.take(chunk):
                                    yield event
                            pause = following.ended()
                        else:
                            intake = Intake(SILENCE_SECONDS)
                            async for chunk in answer.aiter_bytes():
                                intake.take(chunk)
                            reply = intake.reply(answer.status_code, answer.headers.multi_items())
                            pause = following.failed(reply)
            except (*FAILURES, Overdue) as error:
                pause = following.failed(lost(error))
            await asyncio.sleep(pause)

    async def close(self) -> None:
        await self._http.aclose()

    async def _carry_out(self, step: Send | Pause) -> Outcome:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        return await self._send(step)

    async def _send(self, step: Send) -> Reply | Lost:
        try:
            with using():
                async with self._http.stream(**self._wire.call(step)) as answer:
                    intake = Intake(step.seconds)
                    async for chunk in answer.aiter_bytes():
                        intake.take(chunk)
                    return intake.reply(answer.status_code, answer.headers.multi_items())
        except (*FAILURES, Overdue) as error:
            return lost(error)


class Rows(AsyncIterator[T]):
    """See `blocking.Rows`."""

    def __init__(self, way: Awaiting, pages: Pages[T]) -> None:
        self._way = way
        self._pages = pages
        self._page: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        for row in self._page:
            return row
        while (page := await self._way.run(self._pages.following())) is not None:
            self._page = iter(page)
            for row in self._page:
                return row
        raise StopAsyncIteration
