"""Socket.IO over the real server and the standard client, with a ledger made up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
import socketio
from prometheus_client import CollectorRegistry

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.access.quotas import Quotas
from hermodr_api.errors import UNAUTHENTICATED, Refused
from hermodr_api.realtime import sockets as sockets_module
from hermodr_api.realtime.feed import Feed
from hermodr_api.realtime.hub import Hub, User
from hermodr_api.realtime.places import Places
from hermodr_api.realtime.proof import BELIEVED_SECONDS
from hermodr_api.realtime.service import RealTime
from hermodr_api.realtime.sockets import Sockets
from hermodr_api.realtime.watching import Watching
from hermodr_contracts.messages import JobChange, JobsChanged
from hermodr_contracts.quotas import Limits
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.access.quotas import Standing
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.jobs.following import FollowedJob
from hermodr_servicekit.periodic import repeat, running
from hermodr_servicekit.web import serve
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until

SHOP = UUID(int=1)
ANN: User = (SHOP, "ann")


@dataclass
class Books:
    """The ledger."""

    jobs_there: dict[UUID, FollowedJob] = field(default_factory=dict)
    unread_ones: dict[User, int] = field(default_factory=dict)
    missed: list[tuple[UUID, Mapping[str, Any]]] | None = field(default_factory=list)
    away: bool = False
    """For who asks for jobs."""

    async def jobs(self, ids: Collection[UUID]) -> Mapping[UUID, FollowedJob]:
        if self.away:
            raise LedgerUnavailable
        return {each: self.jobs_there[each] for each in ids if each in self.jobs_there}

    async def tasks_of(self, user: User) -> Sequence[FollowedJob]:
        if self.away:
            raise LedgerUnavailable
        return [each for each in self.jobs_there.values() if (each.project_id, each.owner_id) == user]

    async def notifications(self, ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        return {each: {"id": str(each), "title": "Hi"} for each in ids}

    async def unread(self, users: Collection[User]) -> Mapping[User, int]:
        return {each: self.unread_ones.get(each, 0) for each in users}

    async def since(
        self, _user: User, _last: UUID, limit: int
    ) -> Sequence[tuple[UUID, Mapping[str, Any]]] | None:
        return None if self.missed is None else self.missed[:limit]

    def job(self, owner: str | None = "ann", state: JobState = JobState.QUEUED) -> UUID:
        job_id = uuid4()
        self.jobs_there[job_id] = FollowedJob(job_id, SHOP, owner, state, None, None, None)
        return job_id


@dataclass
class Door:
    """Knows tokens by heart."""

    tokens: dict[str, str] = field(default_factory=lambda: {"anns": "ann", "bobs": "bob"})
    expires_at: datetime | None = None

    async def user(self, token: str) -> Caller:
        if token not in self.tokens:
            raise Refused(UNAUTHENTICATED, "the token's signature does not hold")
        return Caller(None, SHOP, frozenset(), self.tokens[token], expires_at=self.expires_at)


class Allowances:
    """The quotas."""

    def __init__(self, sockets: int | None) -> None:
        self._limits = Limits(sockets=sockets)

    async def of(self, _project: UUID) -> Standing:
        return Standing(self._limits, 0, 0)


@dataclass
class House:
    url: str
    books: Books
    door: Door
    hub: Hub
    feed: Feed
    sockets: Sockets
    clock: FakeClock
    places: Places

    async def changed(self, job_id: UUID, state: JobState, **more: Any) -> None:
        self.books.jobs_there[job_id] = replace(self.books.jobs_there[job_id], state=state, **more)
        change = JobChange(job_id=job_id, project_id=SHOP, state=state, at=datetime.now(UTC), owner_id="ann")
        self.feed.jobs_changed(JobsChanged(changes=(change,)))
        await self.feed.drain()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    books, door, hub, clock = Books(), Door(), Hub(), FakeClock()
    real_time, feed = RealTime(hub, books), Feed(hub, books, Watching())
    places = Places(cast("Quotas", Allowances(2)))
    sockets = Sockets(
        hub,
        real_time,
        cast("Authenticator", door),
        places,
        clock,
        CollectorRegistry(),
        origins=None,
        ping_interval=25,
        ping_timeout=60,
    )

    async def nothing(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with serve(sockets.beside(nothing), "127.0.0.1", 0, grace=1, websockets=True) as port:
        yield House(f"http://127.0.0.1:{port}", books, door, hub, feed, sockets, clock, places)
        await sockets.close()


class Client:
    """What a client heard, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.io = socketio.AsyncClient(reconnection=False)
        self.io.on("*", self._hear)
        self.io.on("disconnect", self._left)

    async def _hear(self, name: str, *body: Any) -> None:
        self.heard.append((name, body[0] if body else None))

    async def _left(self, *_reason: object) -> None:
        self.heard.append(("disconnect", None))

    async def hears(self, name: str, count: int = 1) -> list[Any]:
        async def enough() -> list[Any]:
            found = [body for each, body in self.heard if each == name]
            return found if len(found) >= count else []

        bodies: list[Any] = await wait_until(enough, 5.0, name)
        return bodies


@contextlib.asynccontextmanager
async def client(house: House, auth: Any = None, transport: str = "websocket") -> AsyncIterator[Client]:
    made = Client()
    await made.io.connect(house.url, auth=auth, transports=[transport])
    try:
        yield made
    finally:
        await made.io.disconnect()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("in_handshake", [True, False])
async def test_a_user_follows_a_job(house: House, transport: str, in_handshake: bool) -> None:
    job_id = house.books.job()
    async with client(house, {"token": "anns"} if in_handshake else None, transport) as ann:
        if not in_handshake:
            await ann.io.emit("authenticate", {"token": "anns"})
        await ann.io.emit(
            "subscribe:job", {"job_id": str(job_id)}
        )  # at once, as the founding system's clients do
        assert await ann.hears("authenticated") == [{"user_id": "ann"}]
        await ann.hears("job:status")
        progress = {"current": 3, "total": 5, "percentage": 60, "message": "Writing rows"}
        await house.changed(job_id, JobState.PROCESSING, progress=progress)
        await house.changed(job_id, JobState.COMPLETED, result={"rows": 7})
        (update,) = await ann.hears("job:update")
        assert update == {"job_id": str(job_id), "event": "completed", "result": {"rows": 7}, "error": None}
        told = [(each["status"], each["progress"]) for each in await ann.hears("job:status", 3)]
        assert told == [("queued", None), ("processing", progress), ("completed", progress)]
        assert await ann.io.call("unsubscribe:job", {"job_id": str(job_id)}) == {"ok": True}
        assert not house.hub.awaits_job(job_id)


@pytest.mark.parametrize("how", ["handshake", "event"])
async def test_a_forged_token_is_told_so_and_joins_nothing(house: House, how: str) -> None:
    async with client(house, {"token": "forged"} if how == "handshake" else None) as mallory:
        if how == "event":
            await mallory.io.emit("authenticate", {"token": "forged"})
        assert await mallory.hears("unauthorized") == [{"detail": "the token's signature does not hold"}]
        await mallory.hears("disconnect")
        assert not any(name == "authenticated" for name, _ in mallory.heard)


async def test_nobody_hears_anything(house: House) -> None:
    job_id = house.books.job()
    async with client(house) as nobody:
        for name in ("subscribe:job", "subscribe:notifications"):
            answer = await nobody.io.call(name, {"job_id": str(job_id)})
            assert answer == {"ok": False, "error": "authenticate first"}
        assert len(await nobody.hears("refused", 2)) == 2
        assert not house.hub.awaits_job(job_id)
        assert not house.hub.awaits_user(ANN)
        house.clock.advance(sockets_module.NAMELESS_SECONDS + 1)
        await house.sockets.sweep()
        assert await nobody.hears("unauthorized") == [{"detail": "no token came"}]
        await nobody.hears("disconnect")


@pytest.mark.parametrize("whose", ["bob", None])
async def test_other_peoples_jobs_are_refused(house: House, whose: str | None) -> None:
    job_id = house.books.job(owner=whose)
    async with client(house, {"token": "anns"}) as ann:
        answer = await ann.io.call("subscribe:job", {"job_id": str(job_id)})
        unknown = await ann.io.call("subscribe:job", {"job_id": str(uuid4())})
        assert (answer["ok"], answer) == (False, unknown)
        await house.changed(job_id, JobState.COMPLETED)
        assert not any(name.startswith("job:") for name, _ in ann.heard)


async def test_the_inbox_is_heard_and_what_was_missed_is_told_again(house: House) -> None:
    house.books.unread_ones[ANN] = 4
    missed = uuid4()
    house.books.missed = [(missed, {"id": str(missed), "title": "While you were away"})]
    async with client(house, {"token": "anns", "last_event_id": str(uuid4())}) as ann:
        await ann.io.emit("subscribe:notifications")
        assert await ann.hears("notification:count") == [{"unread": 4}]
        (told,) = await ann.hears("notification")
        assert told["title"] == "While you were away"
    await wait_until(lambda: not house.hub.awaits_user(ANN), 5.0)
    house.books.missed = None
    async with client(house, {"token": "anns"}) as ann:
        await ann.io.emit("subscribe:notifications", {"last_event_id": str(uuid4())})
        assert await ann.hears("refetch") == [{}]


async def test_a_token_that_ends_ends_the_connection(house: House) -> None:
    house.door.expires_at = house.clock.now() + timedelta(seconds=60)
    async with client(house, {"token": "anns"}) as ann:
        await ann.hears("authenticated")
        await house.sockets.sweep()
        house.clock.advance(61)
        await house.sockets.sweep()
        assert await ann.hears("unauthorized") == [{"detail": "the token has expired"}]
        await ann.hears("disconnect")


async def test_a_user_who_is_revoked_is_cut_off(house: House) -> None:
    async with client(house, {"token": "anns"}) as ann:
        await ann.hears("authenticated")
        await ann.io.emit("subscribe:notifications")
        await ann.hears("notification:count")
        del house.door.tokens["anns"]
        house.clock.advance(BELIEVED_SECONDS + 1)
        await house.sockets.sweep()
        await ann.hears("unauthorized")
        await ann.hears("disconnect")
        assert not house.hub.awaits_user(ANN)


async def test_a_connection_stays_its_first_users(house: House) -> None:
    async with client(house, {"token": "anns"}) as ann:
        await ann.hears("authenticated")
        assert await ann.io.call("authenticate", {"token": "anns"}) == {"ok": True}
        await ann.io.emit("authenticate", {"token": "bobs"})
        assert await ann.hears("unauthorized") == [{"detail": "this connection is another user's"}]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("subscribe:job", None),
        ("subscribe:job", {"job_id": "7"}),
        ("subscribe:job", {"job_id": 7}),
        ("subscribe:job", ["x"]),
        ("unsubscribe:job", {}),
        ("shutdown", {}),
        ("x" * 200, {"a": [{}]}),
    ],
)
async def test_nonsense_is_refused_and_harmless(house: House, name: str, given: Any) -> None:
    async with client(house, {"token": "anns"}) as ann:
        assert (await ann.io.call(name, given))["ok"] is False
        assert await ann.io.call("subscribe:notifications") == {"ok": True}


async def test_a_flood_ends_the_connection(house: House) -> None:
    async with client(house, {"token": "anns"}) as ann:
        for _ in range(200):
            with contextlib.suppress(socketio.exceptions.SocketIOError):
                await ann.io.emit("subscribe:notifications")
        await ann.hears("disconnect")
        assert not house.hub.awaits_user(ANN)


async def test_it_follows_only_so_many_jobs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_module, "MOST_JOBS", 2)
    async with client(house, {"token": "anns"}) as ann:
        answers = [await ann.io.call("subscribe:job", {"job_id": str(house.books.job())}) for _ in range(3)]
        assert [each["ok"] for each in answers] == [True, True, False]


async def test_a_project_has_only_so_many(house: House) -> None:
    async with client(house, {"token": "anns"}) as one, client(house, {"token": "bobs"}) as two:
        await one.hears("authenticated")
        await two.hears("authenticated")
        assert house.places.of_projects() == {SHOP: 2}
        async with client(house, {"token": "anns"}) as three:
            (refused,) = await three.hears("unauthorized")
            assert refused["detail"] == "quota sockets: this project may have 2 connections"
        await two.io.disconnect()
        async with client(house, {"token": "anns"}) as four:
            await four.hears("authenticated")


async def test_pages_of_other_origins_do_not_connect(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.url) as http:
        asked = "/socket.io/?EIO=4&transport=polling"
        assert (await http.get(asked, headers={"origin": "https://evil.example"})).status_code == 400
        ours = await http.get(asked, headers={"origin": house.url})
        assert (ours.status_code, ours.headers["cache-control"]) == (200, "no-store")


async def test_connections_have_a_number(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_module, "MOST_SOCKETS", 1)
    async with client(house, {"token": "anns"}), httpx.AsyncClient(base_url=house.url) as http:
        full = await http.get("/socket.io/?EIO=4&transport=polling")
        assert (full.status_code, full.headers["retry-after"]) == (503, "5")
        with pytest.raises(socketio.exceptions.ConnectionError):
            await socketio.AsyncClient(reconnection=False).connect(house.url, transports=["websocket"])


async def test_who_says_nothing_is_hung_up(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.url) as http:
        await http.get("/socket.io/?EIO=4&transport=polling")
        await house.sockets.sweep()
        assert len(house.sockets._open) == 1
        house.clock.advance(sockets_module.NAMELESS_SECONDS + 1)
        await house.sockets.sweep()
        assert len(house.sockets._open) == 0


async def test_the_sweep_goes_on_by_itself(house: House) -> None:
    house.door.expires_at = house.clock.now() + timedelta(seconds=1)
    async with running(repeat("sockets", house.sockets.sweep)), client(house, {"token": "anns"}) as ann:
        await ann.hears("authenticated")
        house.clock.advance(2)
        await ann.hears("disconnect")
        await asyncio.sleep(0)
