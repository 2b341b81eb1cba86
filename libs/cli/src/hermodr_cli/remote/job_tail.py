import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rich.text import Text

from hermodr_cli.remote.showing import state
from hermodr_client import NotFound
from hermodr_client.blocking import Blocking
from hermodr_client.models.answer import Page
from hermodr_client.models.jobs import Job
from hermodr_client.parts.jobs import Jobs
from hermodr_contracts.visible import visible

WINDOW = 200
"""The newest jobs, one page at each request."""
MOST_NEW = 5000
"""More than this waits for the next request."""
TYPE_WIDTH, CHANNEL_WIDTH = 20, 8
"""Longer values move only their own line."""
MOST_ASKED = 50
"""Unfinished jobs older than the window, requested one by one in turn."""


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is None for a new job."""

    at: datetime
    job: Job
    before: str | None

    def line(self) -> Text:
        """`12:03:04  <id>  magic_link  email  queued → completed`."""
        job = self.job
        what = f"{visible(job.type or job.kind):<{TYPE_WIDTH}}  {job.delivery_method or '':<{CHANNEL_WIDTH}}"
        text = Text.assemble((f"{self.at.astimezone():%H:%M:%S}", "dim"), f"  {job.id}  {what}  ")
        if self.before is not None:
            text.append(f"{self.before} → ", "dim")
        text.append_text(state(job.status))
        return text.append(f"  {visible(job.error)}", "red") if job.error else text

    def document(self) -> dict[str, Any]:
        return {"at": self.at.isoformat(), "before": self.before, "job": self.job.model_dump(mode="json")}


class Tail:
    """Shows each job that is committed, however late, and its changes. Two requests a round, more under load only."""

    def __init__(self, jobs: Jobs[Blocking], *, type: str | None = None, kind: str | None = None) -> None:
        self._jobs = jobs
        self._type = type
        self._kind = kind
        self._known: dict[UUID, str] = {}
        self._waiting: dict[UUID, None] = {}
        self._cursor = "now"

    def beginning(self, lines: int) -> list[Change]:
        """The newest `lines` jobs, newest last. The rest of the window counts as known."""
        self._cursor = self._arrivals().next_cursor or "now"
        rows = self._newest()
        for job in rows:
            self._remember(job)
        return [Change(job.created_at, job, None) for job in reversed(rows[:lines])]

    def changes(self) -> list[Change]:
        """Known jobs first, then new ones. The window is read after all new ones, so that it holds known jobs only."""
        now = datetime.now(UTC)
        new, all_of_it = self._new()
        seen = list(reversed(self._newest())) if all_of_it else []
        older = self._older(seen) if all_of_it else []
        changed = []
        for job in [*older, *(each for each in seen if each.id in self._known), *new, *seen]:
            if self._known.get(job.id) != job.status:
                changed.append(Change(now, job, self._known.get(job.id)))
            self._remember(job)
        if all_of_it:
            self._forget(seen)
        return changed

    def _new(self) -> tuple[list[Job], bool]:
        """The jobs committed since, and whether these are all."""
        new: list[Job] = []
        while len(new) < MOST_NEW:
            page = self._arrivals()
            new += page.data
            self._cursor = page.next_cursor or self._cursor
            if len(page.data) < WINDOW:
                return new, True
        return new, False

    def _arrivals(self) -> Page[Job]:
        return self._jobs.arrivals(self._cursor, type=self._type, kind=self._kind, page_size=WINDOW)

    def _newest(self) -> list[Job]:
        rows = self._jobs.list(type=self._type, kind=self._kind, sort="-created_at", page_size=WINDOW)
        return list(itertools.islice(rows, WINDOW))

    def _older(self, seen: list[Job]) -> list[Job]:
        """Unfinished ones older than the window, those first that were not requested longest."""
        there = {job.id for job in seen}
        found = []
        for job_id in [each for each in self._waiting if each not in there][:MOST_ASKED]:
            del self._waiting[job_id]
            try:
                found.append(self._jobs.get(job_id).job)
            except NotFound:
                self._known.pop(job_id, None)
        return found

    def _remember(self, job: Job) -> None:
        self._known[job.id] = job.status
        if job.finished:
            self._waiting.pop(job.id, None)
        else:
            self._waiting[job.id] = None

    def _forget(self, seen: list[Job]) -> None:
        there = {job.id for job in seen}
        self._known = {
            each: status for each, status in self._known.items() if each in there or each in self._waiting
        }
