"""What the api says became of a job, asked with a key that may read."""

from __future__ import annotations

from typing import Any

import httpx

from hermodr_sandbox.domain.message import Message, delivery_of, job_of
from hermodr_sandbox.domain.text import Text

_SECONDS = 5.0
_JOBS_LOOKED_AT = 10
_MOST_KNOWN = 10_000


class Unreadable(Exception):
    """Why there is no timeline, for people."""


class Timelines:
    """`url`: the api's. Asks on behalf of whoever looks at the page: the sandbox knows no users."""

    def __init__(self, url: str, key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"},
            timeout=_SECONDS,
            trust_env=False,
            transport=transport,
        )
        self._jobs: dict[str, str] = {}
        """By delivery, of texts."""

    async def close(self) -> None:
        await self._client.aclose()

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
        for each in (await self._read("/v1/jobs", wanted))["data"]:
            events = (await self._timeline(each["id"]))["data"]
            if any(event.get("delivery_id") == delivery for event in events):
                if len(self._jobs) >= _MOST_KNOWN:
                    self._jobs.clear()
                self._jobs[delivery] = each["id"]
                return str(each["id"])
        return None

    async def _timeline(self, job: str) -> dict[str, Any]:
        return await self._read(f"/v1/jobs/{job}/timeline")

    async def _read(self, path: str, query: dict[str, str | int] | None = None) -> dict[str, Any]:
        try:
            answer = await self._client.get(path, params=query)
            if answer.is_success:
                read: dict[str, Any] = answer.json()
                return read
        except (httpx.HTTPError, ValueError):
            raise Unreadable("The api does not answer.") from None
        if answer.status_code in (401, 403):
            raise Unreadable("The api refuses the key in HERMODR_SANDBOX_API_KEY: it needs the scope read.")
        if answer.status_code == 404:
            raise Unreadable("The key in HERMODR_SANDBOX_API_KEY sees no such job: it is of another project.")
        raise Unreadable(f"The api answered {answer.status_code}.")
