"""Server-Sent Events (WHATWG HTML, §9.2), without I/O: what a stream says, and how it goes on when it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple

from hermodr_client.errors import NoAnswer
from hermodr_client.exchange import Lost, Overdue, Reply, Request, Send, T
from hermodr_client.retrying import Pace, judged

SILENCE_SECONDS = 45.0
"""A stream without a sign of life for so long is broken; the API gives one every 15 s."""
MOST_LINE = 1024 * 1024
"""Bytes of an event; more is no event of Hermodr's."""
_REMEMBERED = 1_000
"""Ids of events: what came last before a stream broke may come once more."""


class ServerEvent(NamedTuple):
    name: str
    data: str
    id: str | None = None


class Decoder:
    """Bytes as they come, in any pieces. Raises `Overdue` for a line that does not end."""

    def __init__(self) -> None:
        self.retry: float | None = None
        """Seconds to wait before coming back, if the server said so."""
        self._rest = b""
        self._name = ""
        self._data: list[str] = []
        self._id: str | None = None

    def take(self, chunk: bytes) -> Iterator[ServerEvent]:
        *lines, self._rest = (self._rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        if len(self._rest) > MOST_LINE:
            raise Overdue("a line of the stream does not end")
        for line in lines:
            if line:
                self._field(line.decode("utf-8", "replace"))
            elif self._data:
                yield ServerEvent(self._name or "message", "\n".join(self._data), self._id)
                self._name, self._data, self._id = "", [], None
            else:
                self._name, self._id = "", None

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = float(value[:9]) / 1000


class Following(Generic[T]):
    """A stream that is opened again whenever it breaks, from the last event on. What fails for `total_seconds` of
    `pace.retries` without an event in between is raised; at once, if that allows a single attempt."""

    def __init__(
        self, path: str, last_event_id: str | None, pace: Pace, read: Callable[[ServerEvent], T]
    ) -> None:
        self._path = path
        self._last = last_event_id
        self._pace = pace
        self._read = read
        self._told: dict[str, None] = {}
        self._decoder = Decoder()
        self._failures = 0
        self._failing_since: float | None = None

    def opening(self) -> Send:
        """To be sent now."""
        self._decoder = Decoder()
        headers = {"accept": "text/event-stream"}
        if self._last is not None:
            headers["last-event-id"] = self._last
        return Send(Request("GET", self._path, headers=headers), SILENCE_SECONDS)

    def take(self, chunk: bytes) -> Iterator[T]:
        """What is new."""
        for event in self._decoder.take(chunk):
            self._failures, self._failing_since = 0, None
            if event.id is not None:
                if event.id in self._told:
                    continue
                self._last = event.id
                self._told[event.id] = None
                if len(self._told) > _REMEMBERED:
                    del self._told[next(iter(self._told))]
            yield self._read(event)

    def ended(self) -> float:
        """Without a word: seconds until it is opened again."""
        return self._pause(NoAnswer("the stream ended", reached=True, attempts=self._failures + 1), None)

    def failed(self, outcome: Reply | Lost) -> float:
        """The same after a refusal or a broken connection. Raises what no other attempt mends."""
        error, again = judged(Request("GET", self._path), outcome, self._failures + 1)
        error.__cause__ = outcome.cause if isinstance(outcome, Lost) else None
        if not again:
            raise error
        return self._pause(error, getattr(error, "retry_after", None))

    def _pause(self, error: Exception, retry_after: float | None) -> float:
        retries, now = self._pace.retries, self._pace.clock()
        self._failures += 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        least = (self._decoder.retry or 0.0) * self._pace.dice()  # not all who were cut off come back at once
        pause = max(retries.pause(self._failures, self._pace.dice(), retry_after), least)
        if retries.attempts == 1 or now + pause > self._failing_since + retries.total_seconds:
            raise error
        return pause
