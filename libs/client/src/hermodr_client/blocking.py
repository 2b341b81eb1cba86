from __future__ import annotations

import time
from collections.abc import Generator, Iterator

import httpx

from hermodr_client.exchange import Intake, Lost, Outcome, Overdue, Pause, Reply, Send, Steps, T
from hermodr_client.http import FAILURES, Wire, lost, making, steps_on, using
from hermodr_client.paging import Listing, Pages
from hermodr_client.retrying import Pace
from hermodr_client.streaming import SILENCE_SECONDS, Following

OK = 200


class Blocking:
    """Threads may share one."""

    def __init__(self, wire: Wire, pace: Pace, transport: httpx.BaseTransport | None) -> None:
        self.pace = pace
        self._wire = wire
        with making():
            self._http = httpx.Client(transport=transport, **wire.options())

    def run(self, plan: Steps[T]) -> T:
        outcome: Outcome = None
        while not isinstance(step := steps_on(plan, outcome), tuple):
            outcome = self._carry_out(step)
        return step[0]

    def each(self, listing: Listing[T]) -> Iterator[T]:
        return Rows(self, listing.pages(self.pace))

    def follow(self, following: Following[T]) -> Generator[T]:
        """Until it fails for good, or nobody wants more."""
        while True:
            try:
                with using(), self._http.stream(**self._wire.call(following.opening())) as answer:
                    if answer.status_code == OK:
                        for chunk in answer.iter_raw():
                            yield from following.take(chunk)
                        pause = following.ended()
                    else:
                        intake = Intake(SILENCE_SECONDS)
                        for chunk in answer.iter_bytes():
                            intake.take(chunk)
                        reply = intake.reply(answer.status_code, answer.headers.multi_items())
                        pause = following.failed(reply)
            except (*FAILURES, Overdue) as error:
                pause = following.failed(lost(error))
            time.sleep(pause)

    def close(self) -> None:
        self._http.close()

    def _carry_out(self, step: Send | Pause) -> Outcome:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        return self._send(step)

    def _send(self, step: Send) -> Reply | Lost:
        try:
            with using(), self._http.stream(**self._wire.call(step)) as answer:
                intake = Intake(step.seconds)
                for chunk in answer.iter_bytes():
                    intake.take(chunk)
                return intake.reply(answer.status_code, answer.headers.multi_items())
        except (*FAILURES, Overdue) as error:
            return lost(error)


class Rows(Iterator[T]):
    """The rows of a list. A page that failed is asked for again by the next `next`; a generator would end at the
    exception."""

    def __init__(self, way: Blocking, pages: Pages[T]) -> None:
        self._way = way
        self._pages = pages
        self._page: Iterator[T] = iter(())

    def __next__(self) -> T:
        for row in self._page:
            return row
        while (page := self._way.run(self._pages.following())) is not None:
            self._page = iter(page)
            for row in self._page:
                return row
        raise StopIteration
