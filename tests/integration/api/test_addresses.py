"""One table of addresses at every door: the same verdict, and one stored form."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from typer.testing import CliRunner

from hermodr_cli.main import app
from hermodr_cli.remote import connection
from hermodr_client import Hermodr, Invalid
from hermodr_contracts.addresses import email_address, mailbox
from hermodr_email_sender.errors import UnsendableMessage
from hermodr_email_sender.mime import build
from tests.support.addresses import ADDRESSES, NONE_OF_THEM
from tests.support.api import MAIL, ApiUnderTest, api_over
from tests.support.mails import SENDER, mail

LINKS = SecretStr("the secret of links in tests, long enough")
Door = Callable[[str], Awaitable[str | None]]


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, link_secret=LINKS) as under_test:
        yield under_test


class Doors:
    """Each takes an address and returns the form it was stored in; `None` when it refused."""

    def __init__(self, api: ApiUnderTest, database: asyncpg.Connection) -> None:
        self._api = api
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._recipient = ""

    def transport(self) -> httpx.MockTransport:
        """The way of a client on another thread to the API on this one."""

        async def there(request: httpx.Request) -> httpx.Response:
            answer = await self._api.http.request(
                request.method,
                request.url.path,
                content=request.content,
                headers={"content-type": request.headers["content-type"]},
            )
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

        return httpx.MockTransport(
            lambda request: asyncio.run_coroutine_threadsafe(there(request), self._loop).result(60)
        )

    async def single(self, address: str) -> str | None:
        answer = await self._api.http.post("/v1/notifications", json=MAIL | {"to": {"email": address}})
        return await self._stored(answer.json()["job_id"]) if _taken(answer, 202) else None

    async def bulk(self, address: str) -> str | None:
        items = [MAIL, MAIL | {"to": {"email": address}}]
        answer = await self._api.http.post("/v1/notifications/bulk", json=items)
        assert answer.status_code == 202
        found = answer.json()
        if [each["index"] for each in found["rejected"]] == [1]:
            return None
        rows = await self._database.fetch(
            "SELECT to_email FROM hermodr.jobs WHERE batch_id = $1 ORDER BY id", found["batch_id"]
        )
        stored: str = rows[1]["to_email"]
        return stored

    async def recipient(self, address: str) -> str | None:
        answer = await self._api.http.post("/v1/recipients", json={"email": address})
        return _email(answer) if _taken(answer, 201) else None

    async def change(self, address: str) -> str | None:
        return await self._changed(self._api.http, address)

    async def users_change(self, address: str) -> str | None:
        await self._api.api.ledger.fetch("TRUNCATE hermodr.rate_buckets")
        if not self._recipient:
            self._recipient = (await self._api.recipient(user_id="ada", email="before@example.com"))["id"]
        url, wanted = f"/v1/recipients/{self._recipient}", {"email": address}
        answer = await self._api.user("ada").patch(url, json=wanted)
        if not _taken(answer, 200):
            return None
        (pending,) = answer.json()["pending_addresses"]
        assert _email(answer) == "before@example.com"
        stored: str = pending["address"]
        return stored

    async def sql(self, address: str) -> str | None:
        try:
            job_id = await self._database.fetchval(
                'SELECT hermodr.queue_notification(\'hello\', $1, \'{"subject": "Hi", "body": "you"}\')',
                address,
            )
        except asyncpg.InvalidParameterValueError:
            return None
        return await self._stored(str(job_id))

    async def client(self, address: str) -> str | None:
        def send() -> str | None:
            with Hermodr("http://api", "hk_x", transport=self.transport()) as hermodr:
                try:
                    return str(hermodr.send(address, subject="Hello", body_text="It works.").job_id)
                except (Invalid, ValueError):
                    return None

        job_id = await asyncio.to_thread(send)
        return await self._stored(job_id) if job_id else None

    async def command(self, address: str) -> str | None:
        arguments = ("send", "--to", address, "--subject", "Hello", "--text", "It works.")
        environment = {"HERMODR_API_URL": "http://api", "HERMODR_API_KEY": "hk_x"}
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)
        if done.exit_code:
            return None
        said = re.search(r"^([0-9a-f-]{36}) queued$", done.stdout, re.MULTILINE)
        assert said, done.stdout
        return await self._stored(said[1])

    async def sender(self, address: str) -> str | None:
        try:
            build(mail(to_address=address), SENDER)
        except UnsendableMessage:
            return None
        return email_address(address)

    async def setting(self, address: str) -> str | None:
        try:
            return mailbox(f"Shop <{address}>")[1]
        except ValueError:
            return None

    async def _changed(self, http: httpx.AsyncClient, address: str) -> str | None:
        if not self._recipient:
            self._recipient = (await self._api.recipient(user_id="ada"))["id"]
        answer = await http.patch(f"/v1/recipients/{self._recipient}", json={"email": address})
        return _email(answer) if _taken(answer, 200) else None

    async def _stored(self, job_id: str) -> str:
        stored: str = await self._database.fetchval("SELECT to_email FROM hermodr.jobs WHERE id = $1", job_id)
        return stored


def _taken(answer: httpx.Response, status: int) -> bool:
    assert answer.status_code in (status, 422), answer.text
    return answer.status_code == status


def _email(answer: httpx.Response) -> str:
    email: str = answer.json()["email"]
    return email


@pytest.mark.parametrize(
    "name",
    [
        "single",
        "bulk",
        "recipient",
        "change",
        "users_change",
        "sql",
        "client",
        "command",
        "sender",
        "setting",
    ],
)
async def test_every_door_has_the_same_verdict(
    api: ApiUnderTest, database_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    database = await asyncpg.connect(database_url)
    await database.execute("SELECT set_config('hermodr.project', name, false) FROM hermodr.projects WHERE id = $1",
        api.project_id)  # fmt: skip
    doors = Doors(api, database)
    monkeypatch.setattr(connection, "Hermodr", partial(Hermodr, transport=doors.transport()))
    door: Door = getattr(doors, name)
    try:
        wrong = {
            address: found
            for address, kept in {**ADDRESSES, **dict.fromkeys(NONE_OF_THEM)}.items()
            if (found := await door(address)) != kept
        }
    finally:
        await database.close()
    assert wrong == {}


async def test_an_address_is_found_in_any_spelling(api: ApiUnderTest) -> None:
    made = await api.recipient(email="Ada@Example.COM")
    for spelling in ("Ada@Example.COM", "Ada@example.com"):
        found = (await api.http.get("/v1/recipients", params={"email": spelling})).json()["data"]
        assert [each["id"] for each in found] == [made["id"]]
