"""What the api says became of a job, asked with a key that may read."""

from __future__ import annotations

from typing import Any

from hermodr_sandbox.asking import Api
from hermodr_sandbox.domain.message import Message, delivery_of, job_of
from hermodr_sandbox.domain.text import Text

_JOBS_LOOKED_AT = 10
_MOST_KNOWN = 10_000


class Timelines:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._jobs: dict[str, str] = {}
        """By delivery, of texts."""

    async def of(self, message: Message) -> tuple[str, dict[str, Any]] | None:
        """The job's id and its timeline; `None`: the message names no job. Raises `Unreadable`."""
        job = await self.job(message)
        return None if job is None else (job, await self._timeline(job))

    async def job(self, message: Message) -> str | None:
        """A text names its delivery only: its job is among the newest to that phone. Raises `Unreadable`."""
        if not isinstance(message, Text):
            return job_of(message)
        delivery = delivery_of(message)
        if delivery is None:
            return None
        if delivery in self._jobs:
            return self._jobs[delivery]
        wanted: dict[str, str | int] = {
            "address": message.phone,
            "created_before": message.at.isoformat(),
            "sort": "-created_at",
            "limit": _JOBS_LOOKED_AT,
        }
        for each in (await self._api.read("/v1/jobs", wanted))["data"]:
            events = (await self._timeline(each["id"]))["data"]
            if any(event.get("delivery_id") == delivery for event in events):
                if len(self._jobs) >= _MOST_KNOWN:
                    self._jobs.clear()
                self._jobs[delivery] = each["id"]
                return str(each["id"])
        return None

    async def _timeline(self, job: str) -> dict[str, Any]:
        return await self._api.read(f"/v1/jobs/{job}/timeline")
