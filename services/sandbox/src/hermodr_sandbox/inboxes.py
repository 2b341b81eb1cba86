"""What is in people's in-app inboxes, asked of the api while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from hermodr_sandbox.asking import Api, Unknown, Unreadable
from hermodr_sandbox.domain.in_app import InApp, InAppItems
from hermodr_servicekit.clock import Clock

SECONDS = 1.5
"""Between two rounds of questions, at least."""
MOST = 200
"""Jobs looked at, the newest; a page of the api has no more."""
_READ_TOGETHER = 20
"""New jobs of one round: the others wait for the next."""
_WATCHED = 5
_WATCHED_SECONDS = 5.0
_ROUND_SECONDS = 15.0
_DELIVERED: dict[str, str | int] = {
    "delivery_method": "in_app",
    "delivery_state": "delivered",
    "sort": "-created_at",
    "limit": MOST,
}
_PLACES: tuple[dict[str, str | int], ...] = ({}, {"archived": "true"}, {"snoozed": "true"})


class _Addressee(NamedTuple):
    user: str
    name: str


class Inboxes:
    """Keeps what it reads in `items`. Looking into an inbox is audited, so it looks where something is new only."""

    def __init__(self, api: Api, items: InAppItems, clock: Clock) -> None:
        self._api = api
        self._items = items
        self._clock = clock
        self._turn = asyncio.Lock()
        self._asked: float | None = None
        self._known: set[str] = set()
        """Jobs whose notifications are read, of those listed last."""
        self._watched: dict[int, float] = {}
        """By number: until when somebody looks at it."""
        self._signs: dict[int, object] = {}
        """By number, of those watched: what was told when it was read last."""
        self.why: str | None = None
        """Why the last round told nothing, for people."""

    async def refresh(self) -> None:
        """A round of questions, unless there was one just now. Never raises: `why` says what is amiss."""
        async with self._turn:
            now = self._clock.monotonic()
            if self._asked is not None and now - self._asked < SECONDS:
                return
            self._asked = now
            try:
                async with asyncio.timeout(_ROUND_SECONDS):
                    await self._read_new()
                    await self._read_watched(now)
            except Unreadable as error:
                self.why = str(error)
            except (TimeoutError, KeyError, TypeError, ValueError):
                self.why = "The api does not answer as expected."
            else:
                self.why = None

    async def look(self, number: int) -> InApp | None:
        """That item, its state followed for as long as somebody looks."""
        if self._items.get(number) is not None:
            self._watched[number] = self._clock.monotonic() + _WATCHED_SECONDS
        await self.refresh()
        return self._items.get(number)

    async def _read_new(self) -> None:
        listed = [str(each["id"]) for each in (await self._api.read("/v1/jobs", _DELIVERED))["data"]]
        self._known &= set(listed)
        wanted = [job for job in listed if job not in self._known][:_READ_TOGETHER]
        users = {job: await self._addressee(job) for job in wanted}
        for addressee in dict.fromkeys(each for each in users.values() if each is not None):
            await self._read_inbox(addressee, {job for job in wanted if users[job] == addressee})
        self._known.update(wanted)

    async def _addressee(self, job: str) -> _Addressee | None:
        """`None`: erased meanwhile."""
        try:
            told = await self._api.read(f"/v1/jobs/{job}")
        except Unknown:
            return None
        user = next((each["address"] for each in told["deliveries"] if each["channel"] == "in_app"), "")
        name = (told.get("recipient") or {}).get("name") or ""
        return _Addressee(str(user), str(name)) if user else None

    async def _read_inbox(self, addressee: _Addressee, jobs: set[str]) -> None:
        """Keeps the notifications of these jobs; what its user deleted is nowhere."""
        for place in _PLACES:
            if not jobs:
                return
            query: dict[str, str | int] = {"user_id": addressee.user, "limit": MOST, **place}
            found = (await self._api.read("/v1/inbox", query))["data"]
            for each in found:
                if each["job_id"] in jobs:
                    self._items.keep(_item(each, addressee))
            jobs = jobs - {each["job_id"] for each in found}

    async def _read_watched(self, now: float) -> None:
        self._watched = {number: until for number, until in self._watched.items() if until > now}
        self._signs = {number: told for number, told in self._signs.items() if number in self._watched}
        for number in _newest(self._watched):
            item = self._items.get(number)
            if item is None or item.deleted:
                continue
            try:
                events = (await self._api.read(f"/v1/jobs/{item.job}/timeline"))["data"]
                unread = await self._api.read("/v1/inbox/unread-count", {"user_id": item.user})
                signs = (events, unread["unread_count"])
                if signs != self._signs.get(number):
                    item.shown = await self._api.read(f"/v1/inbox/{item.id}")
                    self._signs[number] = signs
            except Unknown:
                item.deleted = True


def _newest(watched: Iterable[int]) -> list[int]:
    return sorted(watched, reverse=True)[:_WATCHED]


def _item(shown: dict[str, Any], addressee: _Addressee) -> InApp:
    """Raises `KeyError`, `TypeError` or `ValueError` for what is no notification."""
    at = datetime.fromisoformat(shown["created_at"])
    return InApp(
        number=int(at.timestamp() * 1000),
        at=at,
        id=str(shown["id"]),
        job=str(shown["job_id"]),
        user=addressee.user,
        name=addressee.name,
        type=str(shown["type"] or ""),
        title=str(shown["title"]),
        message=str(shown["message"]),
        shown=shown,
    )
