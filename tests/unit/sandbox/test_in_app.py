"""Notifications of in-app inboxes in the sandbox's one list, as the api tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hermodr_sandbox.asking import Api
from hermodr_sandbox.domain.mail import Client
from hermodr_sandbox.inboxes import Inboxes
from hermodr_sandbox.routes.application import application
from hermodr_sandbox.timelines import Timelines
from tests.support.smtp_dialogue import House

BEGAN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
AWAY = "The api does not answer."


def job_id(turn: int) -> str:
    return f"01900000-0000-7000-8000-{turn:012d}"


@dataclass
class Api17:
    """An api by hand, with one user, `user-17`; `asked`: paths, in order."""

    items: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refuses: int | None = None
    silent: bool = False
    deleted: set[str] = field(default_factory=set)
    unread: int = 0

    def add(self, turn: int, **fields: Any) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": f"02900000-0000-7000-8000-{turn:012d}",
            "job_id": job_id(turn),
            "type": "booking_confirmation",
            "title": f"Booking {turn}",
            "message": "See you on Friday.",
            "data": {"url": "https://app.example/1"},
            "read": False,
            "read_at": None,
            "archived": False,
            "archived_at": None,
            "snoozed_until": None,
            "created_at": (BEGAN + timedelta(seconds=turn)).isoformat(),
        } | fields
        self.items.append(item)
        return item

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        self.asked.append(path)
        if self.silent:
            raise httpx.ConnectError("refused")
        if self.refuses is not None:
            return httpx.Response(self.refuses, json={})
        answer = self._jobs(path, query) if path.startswith("/v1/jobs") else self._inbox(path, query)
        return httpx.Response(404 if answer is None else 200, json=answer or {})

    def _jobs(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "/v1/jobs":
            assert (query["delivery_method"], query["delivery_state"]) == ("in_app", "delivered")
            newest = sorted(self.items, key=lambda each: each["created_at"], reverse=True)
            return {"data": [{"id": each["job_id"]} for each in newest][: int(query["limit"])]}
        if path.endswith("/timeline"):
            return {"data": [], "status": "completed"}
        mine = {"channel": "in_app", "address": "user-17"}
        return {
            "deliveries": [{"channel": "email", "address": "a@example.org"}, mine],
            "recipient": {"name": "Ada"},
        }

    def _inbox(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        there = [each for each in self.items if each["id"] not in self.deleted]
        if path == "/v1/inbox/unread-count":
            return {"unread_count": self.unread}
        if path == "/v1/inbox":
            assert query["user_id"] == "user-17"
            archived, snoozed = "archived" in query, "snoozed" in query
            mine = [
                each
                for each in there
                if each["archived"] == archived and (each["snoozed_until"] is not None) == snoozed
            ]
            return {"data": mine}
        return next((each for each in there if path.endswith(each["id"])), None)


@asynccontextmanager
async def told_by(house: House, hand: Api17) -> AsyncIterator[httpx.AsyncClient]:
    api = Api("http://api.test", "a-key", httpx.MockTransport(hand))
    inboxes = Inboxes(api, house.sandbox.in_app, house.clock)
    app = application(house.sandbox, {}, timelines=Timelines(api), inboxes=inboxes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        yield http
    await api.close()


async def get(http: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(path, params=query)).raise_for_status().json()
    return found


async def titles(http: httpx.AsyncClient, **query: Any) -> list[str]:
    return [each["title"] for each in (await get(http, "/v1/messages", **query))["data"]]


def mail(house: House, subject: str) -> None:
    raw = f"Subject: {subject}\r\n\r\nbody\r\n".encode()
    house.sandbox.accept("me@example.org", ("ada@example.org",), raw, Client("127.0.0.1", "x", tls=False))


async def test_they_stand_among_the_others_by_their_time(house: House) -> None:
    hand = Api17()
    hand.add(1)
    hand.add(3, type=None, title="")
    house.clock.present = BEGAN + timedelta(seconds=2)
    mail(house, "Between")
    async with told_by(house, hand) as http:
        assert await get(http, "/v1/in-app") == {"why": None}
        assert await titles(http) == ["See you on Friday.", "Between", "Booking 1"]
        first, _, last = (await get(http, "/v1/messages"))["data"]
        assert (last["channel"], last["to"], last["said"]) == ("in_app", ["Ada"], "type booking_confirmation")
        assert first["said"] == "without a type"
        assert await titles(http, channel="in_app", q="BOOKING") == ["Booking 1"]
        assert await titles(http, q="user-17") == ["See you on Friday.", "Booking 1"]
        assert await titles(http, channel="email") == ["Between"]
        told = await get(http, f"/v1/messages/{last['id']}/timeline")
        assert (told["job_id"], told["status"]) == (job_id(1), "completed")
        assert (await get(http, "/v1/stats"))["in_app"] == 2


async def test_pages_follow_on_each_other(house: House) -> None:
    hand = Api17()
    for turn in range(5):
        hand.add(turn)
        house.clock.present = BEGAN + timedelta(seconds=turn, milliseconds=500)
        mail(house, f"Mail {turn}")
    async with told_by(house, hand) as http:
        await get(http, "/v1/in-app")
        found: list[str] = []
        page: dict[str, Any] = {"next_cursor": ""}
        while page["next_cursor"] is not None:
            page = await get(http, "/v1/messages", limit=3, cursor=page["next_cursor"])
            found += [each["title"] for each in page["data"]]
    assert found == [f"{kind} {turn}" for turn in (4, 3, 2, 1, 0) for kind in ("Mail", "Booking")]


async def test_archived_and_snoozed_ones_are_there_and_deleted_ones_are_not(house: House) -> None:
    hand = Api17()
    hand.add(1, archived=True)
    hand.add(2, snoozed_until="2099-01-01T00:00:00Z")
    hand.deleted.add(hand.add(3)["id"])
    async with told_by(house, hand) as http:
        assert await titles(http, channel="in_app") == ["Booking 2", "Booking 1"]


async def test_it_asks_no_more_often_than_agreed_and_once_for_each_job(house: House) -> None:
    hand = Api17()
    hand.add(1)
    async with told_by(house, hand) as http:
        assert hand.asked == []  # nobody looks
        for _ in range(5):
            await get(http, "/v1/in-app")
        first = len(hand.asked)
        assert hand.asked == ["/v1/jobs", f"/v1/jobs/{job_id(1)}", "/v1/inbox"]
        house.clock.advance(1.5)
        await get(http, "/v1/in-app")
        assert hand.asked[first:] == ["/v1/jobs"]


async def test_very_many_come_some_at_a_time_and_the_newest_are_kept(house: House) -> None:
    hand = Api17()
    for turn in range(230):
        hand.add(turn)
    async with told_by(house, hand) as http:
        await get(http, "/v1/in-app")
        assert len(hand.asked) <= 25
        for _ in range(15):
            house.clock.advance(2)
            await get(http, "/v1/in-app")
        found = await titles(http, channel="in_app", limit=200)
    assert found == [f"Booking {turn}" for turn in range(229, 29, -1)]


async def test_one_is_shown_as_its_user_sees_it_and_followed_while_somebody_looks(house: House) -> None:
    hand = Api17()
    item = hand.add(1, title=HOSTILE)
    async with told_by(house, hand) as http:
        listed = (await get(http, "/v1/messages", channel="in_app"))["data"][0]
        path = f"/v1/in-app/{listed['id'].split('-')[1]}"
        shown = await get(http, path)
        assert (shown["title"], shown["user_id"], shown["name"]) == (HOSTILE, "user-17", "Ada")
        assert (shown["read"], shown["deleted"], shown["data"]) == (False, False, item["data"])
        house.clock.advance(2)
        await get(http, path)
        looks = hand.asked.count(f"/v1/inbox/{item['id']}")
        house.clock.advance(2)
        await get(http, path)
        assert (
            hand.asked.count(f"/v1/inbox/{item['id']}") == looks
        )  # looking is audited: only where it changed
        item["read"], hand.unread = True, 5
        house.clock.advance(2)
        assert (await get(http, path))["read"] is True
        hand.deleted.add(item["id"])
        hand.unread = 6
        house.clock.advance(2)
        assert (await get(http, path))["deleted"] is True
        house.clock.advance(10)
        before = len(hand.asked)
        await get(http, "/v1/in-app")
        assert hand.asked[before:] == ["/v1/jobs"]  # nobody looks at it any more


async def test_clearing_hides_them_and_shows_what_comes_later(house: House) -> None:
    hand = Api17()
    hand.add(1)
    async with told_by(house, hand) as http:
        assert await titles(http, channel="in_app") == ["Booking 1"]
        hand.add(2)  # not read yet
        await http.delete("/v1/mails")
        house.clock.advance(2)
        assert await titles(http, channel="in_app") == []
        hand.add(3, created_at=(house.clock.now()).isoformat())
        house.clock.advance(2)
        assert await titles(http, channel="in_app") == ["Booking 3"]


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, "refuses the key"), (403, "needs the scope read"), (500, "The api answered 500")],
)
async def test_why_there_are_none_is_said_and_all_else_goes_on(house: House, status: int, why: str) -> None:
    mail(house, "Here")
    async with told_by(house, Api17(refuses=status)) as http:
        assert why in (await get(http, "/v1/in-app"))["why"]
        assert await titles(http) == ["Here"]
        assert await titles(http, channel="in_app") == []


async def test_an_api_that_is_away_keeps_what_was_read(house: House) -> None:
    hand = Api17()
    hand.add(1)
    async with told_by(house, hand) as http:
        assert await titles(http, channel="in_app") == ["Booking 1"]
        hand.silent = True
        house.clock.advance(2)
        assert await get(http, "/v1/in-app") == {"why": AWAY}
        assert await titles(http, channel="in_app") == ["Booking 1"]
        hand.silent = False
        house.clock.advance(2)
        assert await get(http, "/v1/in-app") == {"why": None}


async def test_an_api_that_answers_something_else_is_said(house: House) -> None:
    hand = Api17()
    hand.add(1, created_at="yesterday")
    async with told_by(house, hand) as http:
        assert (await get(http, "/v1/in-app"))["why"] == "The api does not answer as expected."


async def test_without_a_key_that_is_said(house: House) -> None:
    told = await get(house.http, "/v1/in-app")
    assert "HERMODR_SANDBOX_API_KEY" in told["why"]
    assert (await house.http.get("/v1/in-app/1")).status_code == 404


@pytest.mark.parametrize("number", ["1", "x", "9" * 20])
async def test_one_that_is_not_there(house: House, number: str) -> None:
    async with told_by(house, Api17()) as http:
        assert (await http.get(f"/v1/in-app/{number}")).status_code == 404
