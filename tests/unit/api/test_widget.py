"""`/widget/hermodr-inbox.js`: one file, small, for pages of any origin."""

import re

import httpx
import pytest
from starlette.applications import Starlette

from hermodr_api.widget.routes import PATH, widget_routes

MOST_OCTETS = 25_000
"""Compressed."""


async def asked(path: str = PATH, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=widget_routes()))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://hermodr.test") as http:
        return await http.get(path, headers={"accept-encoding": "identity"} | named)


async def test_any_page_may_load_it() -> None:
    headers = (await asked(origin="https://shop.example")).headers
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-content-type-options"] == "nosniff"


async def test_it_is_small() -> None:
    answer = await asked(accept_encoding="br, gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < MOST_OCTETS
    assert answer.content == (await asked()).content


async def test_a_browser_that_has_it_gets_it_once() -> None:
    for encoding in ("identity", "gzip"):
        first = await asked(accept_encoding=encoding)
        again = await asked(accept_encoding=encoding, if_none_match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert (await asked(if_none_match='"another"')).status_code == 200


@pytest.mark.parametrize(("path", "immutable"), [(PATH, False), (f"{PATH}?v=0.1.0", True)])
async def test_only_a_version_is_kept_for_good(path: str, immutable: bool) -> None:
    assert ("immutable" in (await asked(path)).headers["cache-control"]) is immutable


async def test_it_is_one_file_that_needs_no_other() -> None:
    text = (await asked()).text
    assert not re.search(r"\bimport\b", text)
    assert set(re.findall(r"https?://[^\s\"'`]+", text)) == {"http://www.w3.org/2000/svg"}
    assert text.endswith("export { HermodrInbox, HermodrJob, InboxClient, InboxError, InboxEvent, Feed };\n")


async def test_nothing_of_it_needs_a_loose_policy() -> None:
    """No text becomes markup, script or a style attribute."""
    text = (await asked()).text
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text
    )
    assert not re.search(r"createElement\(.(?:script|style|iframe|link)|cssText|setAttribute\(.style", text)
