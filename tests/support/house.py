"""An installation whose console people enter by an identity provider, which is pretended."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from hermodr_api.console import roles
from tests.support.api import ApiUnderTest, api_over
from tests.support.pretended_provider import PretendedProvider, pretended_provider

ADA: dict[str, Any] = {
    "sub": "1815",
    "email": "ada@example.com",
    "email_verified": True,
    "groups": ["staff", "admins"],
}
NOTHING: Mapping[str, str | None] = MappingProxyType({})
NAME = "ada@example.com (1815)"


@dataclass
class House:
    api: ApiUnderTest
    provider: PretendedProvider
    project: str

    def grant(self, text: str) -> None:
        """As if the api was started anew with these roles of its project."""
        identity = self.api.api.identity
        assert identity is not None
        identity.client = replace(identity.client, roles=roles.parse(text.replace("HERE", self.project)))

    @asynccontextmanager
    async def browsing(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.api.api.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="https://api") as browser:
            yield browser

    async def back(
        self, browser: httpx.AsyncClient, next: str = "/console", changed: Mapping[str, str | None] = NOTHING
    ) -> str:
        """Begins a login, logs in at the provider, and tells where the browser is led, changed as a liar would."""
        begun = await browser.get("/console/oidc", params={"next": next})
        assert begun.status_code == 303, begun.text
        back = urlsplit(self.provider.visited(begun.headers["location"]))
        answer: dict[str, str | None] = {**dict(parse_qsl(back.query)), **changed}
        query = {name: value for name, value in answer.items() if value is not None}
        return f"{back.path}?{urlencode(query)}"

    async def logged_in(self, browser: httpx.AsyncClient) -> None:
        answer = await browser.get(await self.back(browser))
        assert (answer.status_code, "hermodr_console" in browser.cookies) == (200, True), answer.text

    async def log(self, action: str) -> list[dict[str, Any]]:
        found = await self.api.http.get("/v1/audit-log", params={"action": action, "actor": "person"})
        data: list[dict[str, Any]] = found.json()["data"]
        return data


@asynccontextmanager
async def house_over(database_url: str) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(pretended_provider(**ADA))
        given: dict[str, Any] = {**provider.settings("admins=nowhere:admin")}
        api = await stack.enter_async_context(api_over(database_url, **given))
        house = House(api, provider, (await api.http.get("/v1/projects/me")).json()["name"])
        house.grant("admins=HERE:admin; support=HERE:read")
        yield house
