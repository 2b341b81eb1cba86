"""`/docs`: from our own origin, and nobody else is asked for anything."""

import hashlib
import re

import httpx
import pytest
from starlette.applications import Starlette

from hermodr_api.reference.routes import reference_routes

BUNDLE = "swagger-ui-bundle.js"
AS_PUBLISHED = {
    BUNDLE: "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}


async def asked(path: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=reference_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://hermodr.test") as http:
        return await http.get(path)


async def test_the_page_loads_what_is_there_and_nothing_else() -> None:
    page = await asked("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 6
    for address in set(loaded) - {"data:,", "/openapi.json"}:
        answer = await asked(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].startswith(("text/css", "text/javascript"))
        assert ("immutable" in answer.headers["cache-control"]) == ("?v=" in address)


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", f"/docs/{BUNDLE}"])
async def test_the_browser_is_told_to_ask_nobody_else(path: str) -> None:
    headers = (await asked(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy.pop("default-src") == "'none'"
    assert {source for sources in policy.values() for source in sources.split()} == {
        "'self'",
        "'none'",
        "data:",
    }
    assert policy["script-src"] == "'self'"


@pytest.mark.parametrize("name", AS_PUBLISHED)
async def test_the_files_are_those_that_were_published(name: str) -> None:
    """Of the npm package swagger-ui-dist, whose licence lies beside them; a new version changes this on purpose."""
    assert hashlib.sha256((await asked(f"/docs/{name}")).content).hexdigest() == AS_PUBLISHED[name]


@pytest.mark.parametrize("path", ["/docs/LICENSE", "/docs/../app.py", "/docs/%2e%2e/app.py", "/docs/none"])
async def test_nothing_else_is_served(path: str) -> None:
    assert (await asked(path)).status_code == 404
