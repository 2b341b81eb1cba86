"""Carrying out plans by blocking I/O."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx

from hermodr_client.exchange import Intake, Lost, Outcome, Overdue, Pause, Reply, Send, Steps, T
from hermodr_client.http import FAILURES, Wire, lost, steps_on
from hermodr_client.paging import Listing
from hermodr_client.retrying import Pace


class Blocking:
    """Threads may share one."""

    def __init__(self, wire: Wire, pace: Pace, transport: httpx.BaseTransport | None) -> None:
        self.pace = pace
        self._wire = wire
        self._http = httpx.Client(transport=transport, **wire.options())

    def run(self, plan: Steps[T]) -> T:
        """The plan's result. Raises what it raises."""
        outcome: Outcome = None
        while not isinstance(step := steps_on(plan, outcome), tuple):
            outcome = self._carry_out(step)
        return step[0]

    def each(self, listing: Listing[T]) -> Iterator[T]:
        """Every row of a list, fetched page by page as they are asked for."""
        pages = listing.pages(self.pace)
        while (page := self.run(pages.following())) is not None:
            yield from page

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _carry_out(self, step: Send | Pause) -> Outcome:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        return self._send(step)

    def _send(self, step: Send) -> Reply | Lost:
        try:
            with self._http.stream(**self._wire.call(step)) as answer:
                intake = Intake(step.seconds)
                for chunk in answer.iter_bytes():
                    intake.take(chunk)
                return intake.reply(answer.status_code, answer.headers.multi_items())
        except (*FAILURES, Overdue) as error:
            return lost(error)
