"""A browser at the console, as far as HTTP goes."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from uuid import UUID

import httpx

from hermodr_ledger.access import audit, keys
from hermodr_ledger.access.keys import Scope
from tests.support.api import MAIL, ApiUnderTest

STRANGER = "<script>alert(1)</script>\"'&"


class Browser:
    """Keeps the cookie that a `Secure` one would be over HTTPS, and follows nothing by itself."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.cookie = ""

    async def get(self, path: str, headers: Mapping[str, str] = MappingProxyType({})) -> httpx.Response:
        return self._kept(await self._http.get(path, headers={**self._headers, **headers}))

    async def post(
        self, path: str, headers: Mapping[str, str] = MappingProxyType({}), **fields: str
    ) -> httpx.Response:
        return self._kept(await self._http.post(path, data=fields, headers={**self._headers, **headers}))

    async def hidden(self, path: str, action: str | None = None) -> dict[str, str]:
        """What the page's form that posts to `action` (by default the page itself) holds besides what is typed."""
        return hidden_in((await self.get(path)).text, action or path)

    async def send(self, path: str, fields: Mapping[str, str]) -> httpx.Response:
        """Posts fields of whatever names."""
        return self._kept(await self._http.post(path, data=fields, headers=self._headers))

    async def upload(
        self,
        path: str,
        fields: Mapping[str, str],
        name: str,
        content: bytes,
        kind: str = "application/octet-stream",
    ) -> httpx.Response:
        """Posts fields and a file."""
        files = {name: ("file", content, kind)}
        return self._kept(await self._http.post(path, data=fields, files=files, headers=self._headers))

    @property
    def _headers(self) -> dict[str, str]:
        return {"cookie": f"hermodr_console={self.cookie}"} if self.cookie else {}

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        if (found := re.search(r"hermodr_console=([^;]*)", answer.headers.get("set-cookie", ""))) is not None:
            self.cookie = found[1].strip('"')
        return answer

    async def csrf(self, path: str = "/console") -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', (await self.get(path)).text)
        assert found is not None
        return found[1]


def hidden_in(text: str, action: str) -> dict[str, str]:
    """The hidden fields of the page's form that posts to `action`."""
    form = text.partition(f'method="post" action="{action}"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


@asynccontextmanager
async def browsing(api: ApiUnderTest) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(api.api.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="https://api") as http:
        yield Browser(http)


async def secret(api: ApiUnderTest, *scopes: Scope) -> tuple[UUID, str]:
    async with api.api.ledger.transaction() as transaction:
        record, made = await keys.create_in(transaction, api.project_id, scopes, "till", audit.CLI)
    return record.id, made


async def logged_in(api: ApiUnderTest, browser: Browser, *scopes: Scope) -> UUID:
    key_id, key = await secret(api, *scopes)
    answer = await browser.post("/console/login", key=key, next="/console")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    return key_id


async def asked(api: ApiUnderTest, **fields: object) -> str:
    answer = await api.http.post("/v1/notifications", json=MAIL | fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])
