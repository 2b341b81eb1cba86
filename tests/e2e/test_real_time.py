"""Pages hear what happens, whichever api process they are connected to, and whatever dies meanwhile."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from hermodr_client import AsyncHermodr, Retries
from tests.support import api_process, javascript, pages, user_tokens
from tests.support.api import WEBHOOK_KEY
from tests.support.api_process import free_port, until_answers
from tests.support.brokers import Broker
from tests.support.installation import Installation, installed
from tests.support.pages import Page, opened
from tests.support.proxies import Proxy, proxied
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class House:
    """An installation whose api reaches the broker by a wire that can be cut."""

    installation: Installation
    wire: Proxy
    project_id: UUID

    @property
    def url(self) -> str:
        return self.installation.fleet.api_url

    async def user(self, name: str) -> str:
        """A new user with an inbox, by a token of theirs."""
        await self.installation.create("/v1/recipients", {"user_id": name})
        return await user_tokens.signed(self.installation.database_url, WEBHOOK_KEY, self.project_id, name)

    async def tell(self, name: str, title: str) -> str:
        """A notification in the inbox of that user."""
        wanted = {"to": {"user_id": name}, "channels": ["in_app"], "subject": title, "body_text": "News."}
        return str((await self.installation.create("/v1/notifications", wanted))["job_id"])

    @asynccontextmanager
    async def another_api(self, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
        """A second process of the same api, which hears the broker as the first does. Pages may come before that: they
        are told to read again then, and get no notification by name."""
        environment = self.installation.fleet.environment
        names = ("AMQP_URL", "AMQP_PREFIX", "SECRET_KEY")
        more = {name.lower(): environment[f"HERMODR_{name}"] for name in names}
        async with api_process.started(self.installation.database_url, port, **more) as process:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                await until_answers(http, "/health/ready")
                await until_answers(http, "/health/broker")
            yield process


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(broker: Broker, database_url: str, logs: Path) -> AsyncIterator[House]:
    pages.install()
    async with AsyncExitStack() as stack:
        wire, wired_url = await stack.enter_async_context(proxied(broker.amqp_url))

        async def wiring(_environment: object) -> dict[str, dict[str, str]]:
            return {"api": {"HERMODR_AMQP_URL": wired_url}}

        installation = await stack.enter_async_context(
            installed(
                logs,
                database_url=database_url,
                amqp_url=broker.amqp_url,
                prefix=broker.prefix,
                wiring=wiring,
                HERMODR_SECRET_KEY=WEBHOOK_KEY,
            )
        )
        project_id = UUID((await installation.read("/v1/projects/me"))["id"])
        yield House(installation, wire, project_id)


def titles(page: Page) -> list[str]:
    return [each["title"] for each in page.bodies("notification")]


@pytest.mark.parametrize("transports", [("websocket",), ("polling",), ("polling", "websocket")])
@pytest.mark.parametrize("handshake", [True, False])
async def test_a_page_hears_its_inbox(house: House, transports: tuple[str, ...], handshake: bool) -> None:
    name = f"ann-{'-'.join(transports)}-{handshake}"
    token = await house.user(name)
    async with opened(house.url, token, transports=transports, handshake=handshake) as page:
        assert await page.hears("notification:count") == [{"unread": 0}]
        await house.tell(name, "Hello")
        (heard,) = await page.hears("notification")
        counts = await page.hears("notification:count", 2)
        assert (heard["title"], counts[-1]) == ("Hello", {"unread": 1})
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=house.url, headers=headers) as http:
            (await http.patch(f"/v1/inbox/{heard['id']}/read")).raise_for_status()
        assert (await page.hears("notification:count", 3))[-1] == {"unread": 0}


async def test_a_page_follows_a_job_of_its_user_and_no_others(house: House) -> None:
    ann, bob = await house.user("ann"), await house.user("bob")
    wanted = {
        "to": {"user_id": "ann"},
        "channels": ["in_app"],
        "subject": "Soon",
        "body_text": "News.",
        "delay_seconds": 3600,
    }
    job_id = (await house.installation.create("/v1/notifications", wanted))["job_id"]
    async with opened(house.url, ann, jobs=[job_id]) as hers, opened(house.url, bob, jobs=[job_id]) as his:
        assert (await hers.hears("job:status"))[0]["status"] == "scheduled"
        assert (await his.hears("refused"))[0]["event"] == "subscribe:job"
        (await house.installation.api.delete(f"/v1/jobs/{job_id}")).raise_for_status()
        (update,) = await hers.hears("job:update")
        assert (update["job_id"], update["event"]) == (job_id, "cancelled")
        assert not his.bodies("job:status")
        assert not his.bodies("job:update")


async def test_a_page_at_each_of_two_processes_and_one_of_them_dies(house: House) -> None:
    token, port = await house.user("eve"), free_port()
    other = f"http://127.0.0.1:{port}"
    async with opened(house.url, token) as one, opened(other, token) as two:
        async with house.another_api(port) as process:
            for page in (one, two):
                await page.hears("notification:count")
            await house.tell("eve", "first")
            for page in (one, two):
                await page.hears("notification")
            process.send_signal(signal.SIGKILL)
            await two.hears("disconnect")
            await house.tell("eve", "missed")
            await one.hears("notification", 2)
        async with house.another_api(port):
            await wait_until(lambda: "missed" in titles(two), 30, "what was missed")
            await house.tell("eve", "last")
            await wait_until(lambda: titles(two)[-1] == "last" and titles(one)[-1] == "last", 30)
    assert titles(one) == ["first", "missed", "last"]


async def test_pages_read_again_after_the_broker_was_away(house: House) -> None:
    token = await house.user("joe")
    async with opened(house.url, token) as page:
        await page.hears("notification:count")
        before = len(page.bodies("refetch"))
        await house.wire.block()
        await house.tell("joe", "unheard")
        await house.wire.mend()
        await page.hears("refetch", before + 1)
        await house.tell("joe", "heard")
        await wait_until(lambda: "heard" in titles(page), 30)
        assert not page.bodies("disconnect")


def _logged_more(installation: Installation, before: int) -> bool:
    return installation.logged("api", "broker connected") > before


async def test_a_page_comes_back_to_an_api_that_was_restarted(house: House) -> None:
    token = await house.user("ida")
    async with opened(house.url, token) as page:
        await page.hears("notification:count")
        connected = house.installation.logged("api", "broker connected")
        await house.installation.fleet.restart("api")
        await page.hears("connect", 2)
        # until it hears the broker, an api that has just started tells nothing by name; then it says: read again
        again = partial(_logged_more, house.installation, connected)
        await wait_until(again, 30, "the api hears the broker again")
        await house.tell("ida", "back")
        assert (await page.hears("notification"))[0]["title"] == "back"


async def test_the_client_hears_each_once_though_the_api_is_restarted(house: House) -> None:
    token = await house.user("zoe")
    heard: list[str] = []
    counts: list[int] = []

    async def listen(hermodr: AsyncHermodr) -> None:
        async for event in hermodr.inbox.stream():
            if event.notification is not None:
                heard.append(event.notification.title)
            elif event.unread_count is not None:
                counts.append(event.unread_count)

    async with AsyncHermodr(house.url, token, retries=Retries(total_seconds=300)) as hermodr:
        listening = asyncio.create_task(listen(hermodr))
        await wait_until(lambda: counts == [0], 30, "the stream")
        await house.tell("zoe", "first")
        await wait_until(lambda: "first" in heard, 30, "the first one")
        await house.installation.fleet.restart("api")
        await house.tell("zoe", "missed")  # it comes back after a second at the earliest
        await wait_until(lambda: "missed" in heard, 30, "what was missed")
        await house.tell("zoe", "last")
        await wait_until(lambda: "last" in heard, 30, "the last one")
        listening.cancel()
    assert heard == ["first", "missed", "last"]


async def test_the_client_hears_of_its_users_jobs_and_no_others(house: House) -> None:
    token, _ = await house.user("liv"), await house.user("lex")
    heard: list[tuple[str, str]] = []
    listening = asyncio.Event()

    async def listen(hermodr: AsyncHermodr) -> None:
        async for event in hermodr.inbox.stream():
            listening.set()
            if event.job is not None:
                heard.append((str(event.job.job_id), f"{event.event} {event.job.status}"))

    async with AsyncHermodr(house.url, token) as hermodr, asyncio.TaskGroup() as group:
        stream = group.create_task(listen(hermodr))
        async with asyncio.timeout(30):
            await listening.wait()
        wanted = {"channels": ["in_app"], "subject": "Soon", "body_text": "News.", "delay_seconds": 3600}
        made = [
            (await house.installation.create("/v1/notifications", wanted | {"to": {"user_id": name}}))[
                "job_id"
            ]
            for name in ("lex", "liv")
        ]
        for job_id in made:
            (await house.installation.api.delete(f"/v1/jobs/{job_id}")).raise_for_status()
        last = (made[1], "job:update cancelled")
        await wait_until(lambda: last in heard, 30, "the end of the job")
        stream.cancel()
    assert {job_id for job_id, _ in heard} == {made[1]}


async def test_a_stream_hears_and_ends_when_the_api_stops(house: House) -> None:
    token = await house.user("tom")
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=house.url, headers=headers, timeout=30) as http,
        http.stream("GET", "/v1/inbox/stream") as stream,
    ):
        lines = stream.aiter_lines()
        assert stream.headers["content-type"].startswith("text/event-stream")
        heard: list[str] = []

        async def until(word: str) -> None:
            async for line in lines:
                heard.append(line)
                if word in line:
                    return

        async with asyncio.timeout(30):
            await until('{"unread":0}')
            await house.tell("tom", "Streamed")
            await until("Streamed")
            await house.installation.fleet.restart("api")
            heard += [line async for line in lines]
    assert any(line.startswith("id: ") for line in heard)


async def test_the_javascript_client_hears_an_inbox_as_it_changes(house: House, tmp_path: Path) -> None:
    await asyncio.to_thread(
        javascript.run_tests,
        javascript.installed(tmp_path / "application", "client"),
        "client/inbox",
        HERMODR_API_URL=house.url,
        HERMODR_API_KEY=house.installation.key,
        HERMODR_USER="jan",
        HERMODR_USER_TOKEN=await house.user("jan"),
    )
