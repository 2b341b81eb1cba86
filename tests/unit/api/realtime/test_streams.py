"""Server-Sent Events: whose jobs a stream tells of."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from starlette.responses import StreamingResponse

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.access.quotas import Quotas
from hermodr_api.errors import RATE_LIMITED, Refused
from hermodr_api.realtime.feed import Feed
from hermodr_api.realtime.hub import Hub, User
from hermodr_api.realtime.places import MOST_OF_A_USER, Places
from hermodr_api.realtime.service import RealTime
from hermodr_api.realtime.stream import Streams
from hermodr_api.realtime.watching import Watching
from hermodr_contracts.messages import JobChange, JobsChanged, TaskProgressed
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import LedgerUnavailable
from tests.support.clocks import FakeClock
from tests.unit.api.realtime.test_sockets import ANN, SHOP, Allowances, Books, Door

BOB: User = (SHOP, "bob")


class House:
    """`books` is the ledger."""

    def __init__(self, sockets: int | None = None) -> None:
        """`sockets`: the quota."""
        self.books, self.hub = Books(), Hub()
        self.places = Places(cast("Quotas", Allowances(sockets)))
        self.feed = Feed(self.hub, self.books, Watching())
        door = cast("Authenticator", Door())
        self.streams = Streams(
            self.hub, RealTime(self.hub, self.books), door, FakeClock(), CollectorRegistry(), self.places
        )

    async def opened(self, user: User = ANN) -> StreamingResponse:
        caller = Caller(None, user[0], frozenset(), user[1], expires_at=None)
        return await self.streams.inbox(caller, f"{user[1]}s", None)

    async def changed(self, job_id: UUID, state: JobState, **more: Any) -> None:
        job = self.books.jobs_there[job_id] = replace(self.books.jobs_there[job_id], state=state, **more)
        now = datetime.now(UTC)
        change = JobChange(job_id=job_id, project_id=SHOP, state=state, at=now, owner_id=job.owner_id)
        self.feed.jobs_changed(JobsChanged(changes=(change,)))
        await self.feed.drain()


async def said(house: House, stream: StreamingResponse) -> list[tuple[str, Any]]:
    """Names and bodies of what it tells until it ends, which it does now."""
    house.streams.close()
    lines: list[str] = []
    async for each in cast("AsyncIterator[bytes]", stream.body_iterator):
        lines += each.decode().splitlines()
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    bodies = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return list(zip(names, bodies, strict=True))


@pytest.fixture
def house() -> House:
    return House()


async def test_a_user_hears_of_each_job_of_theirs_and_of_no_others(house: House) -> None:
    stream = await house.opened()
    hers, his, nobodys = (house.books.job(owner=name) for name in ("ann", "bob", None))
    for job_id in (hers, his, nobodys):
        await house.changed(job_id, JobState.PROCESSING)
        await house.changed(job_id, JobState.COMPLETED, result={"rows": 7})
    told = await said(house, stream)
    assert [name for name, _ in told] == ["notification:count", "job:status", "job:status", "job:update"]
    assert {body["job_id"] for name, body in told if name.startswith("job:")} == {str(hers)}
    assert told[-1][1] == {"job_id": str(hers), "event": "completed", "result": {"rows": 7}, "error": None}


async def test_progress_is_told(house: House) -> None:
    stream = await house.opened()
    job_id = house.books.job()
    progress = {"current": 3, "total": 5, "percentage": 60, "message": "Writing rows"}
    house.books.jobs_there[job_id] = replace(house.books.jobs_there[job_id], progress=progress)
    now = datetime.now(UTC)
    message = TaskProgressed(job_id=job_id, project_id=SHOP, current=3, total=5, at=now, owner_id="ann")
    house.feed.progressed(message)
    house.feed.progressed(message.model_copy(update={"owner_id": "bob"}))
    await house.feed.drain()
    ((_, body),) = [each for each in await said(house, stream) if each[0] == "job:status"]
    assert (body["event"], body["progress"]) == ("progress", progress)


async def test_tasks_that_run_are_told_of_when_it_opens(house: House) -> None:
    job_id = house.books.job(state=JobState.PROCESSING)
    house.books.job(owner="bob")
    told = await said(house, await house.opened())
    assert [(name, body["job_id"]) for name, body in told[1:]] == [("job:status", str(job_id))]


async def test_who_reads_what_somebody_else_follows_hears_it_too_and_once(house: House) -> None:
    first = await house.opened()
    job_id = house.books.job()
    listener = Deaf()
    house.hub.hear_jobs_of(ANN, listener)
    house.hub.hear_job(job_id, listener)
    await house.changed(job_id, JobState.PROCESSING)
    assert listener.heard == 1
    assert len(await said(house, first)) == 2


async def test_nothing_is_read_for_users_without_a_stream(house: House) -> None:
    stream = await house.opened(BOB)
    house.books.away = True
    job_id = house.books.job()
    await house.changed(job_id, JobState.PROCESSING)
    assert [name for name, _ in await said(house, stream)] == ["notification:count"]


async def test_a_stream_that_ended_is_forgotten(house: House) -> None:
    stream = await house.opened()
    house.streams.close()

    async def send(message: Any) -> None:
        assert message["type"].startswith("http.response")

    async def receive() -> Any:
        raise AssertionError("nothing is read of it")

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    await stream(scope, receive, send)
    assert not house.hub.awaits_user(ANN)
    assert not house.hub.awaits_job(house.books.job(), ANN)


async def test_a_user_has_so_many_streams_and_no_more(house: House) -> None:
    first, *_ = [await house.opened() for _ in range(MOST_OF_A_USER)]
    with pytest.raises(Refused) as refused:
        await house.opened()
    assert refused.value.kind is RATE_LIMITED
    assert "retry-after" in refused.value.headers
    await house.opened(BOB)
    house.streams.close()

    async def send(_: Any) -> None: ...

    async def receive() -> Any:
        raise AssertionError("nothing is read of it")

    await first({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    await house.opened()


async def test_streams_and_sockets_share_the_projects_quota() -> None:
    house = House(sockets=2)
    await house.opened()
    await house.places.take(BOB)  # by Socket.IO
    assert house.places.of_projects() == {SHOP: 2}
    with pytest.raises(Refused, match="quota sockets: this project may have 2 connections"):
        await house.opened()
    await house.opened((UUID(int=7), "eve"))
    house.places.leave(BOB)
    await house.opened()


async def test_what_cannot_begin_takes_no_place(house: House) -> None:
    house.books.away = True
    for _ in range(MOST_OF_A_USER + 1):
        with pytest.raises(LedgerUnavailable):
            await house.opened()


async def test_one_that_cannot_begin_leaves_nobody_listening(house: House) -> None:
    house.books.away = True
    with pytest.raises(LedgerUnavailable):
        await house.opened()
    assert not house.hub.awaits_user(ANN)
    assert not house.hub.awaits_job(house.books.job(), ANN)


async def test_when_the_ledger_is_away_it_is_to_be_read_again(house: House) -> None:
    stream = await house.opened()
    job_id = house.books.job()
    house.books.away = True
    await house.changed(job_id, JobState.PROCESSING)
    assert [name for name, _ in await said(house, stream)] == ["notification:count", "refetch"]


class Deaf:
    def __init__(self) -> None:
        self.heard = 0

    async def tell(self, _event: object) -> None:
        self.heard += 1
