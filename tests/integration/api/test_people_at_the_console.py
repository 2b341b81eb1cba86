"""What people who logged in at an identity provider leave behind: keys, and how they log out."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import nullcontext
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from hermodr_ledger.access import audit, keys, makers, people
from tests.support.house import NAME, House, house_over


@pytest_asyncio.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with house_over(database_url) as house:
        yield house


async def test_keys_know_a_person_whose_address_has_changed(house: House) -> None:
    async with house.browsing() as browser, house.browsing() as other:
        for number, address in enumerate(("ada@example.com", "lovelace@example.com")):
            house.provider.claims["email"] = address
            await house.logged_in((browser, other)[number])
            assert (await made_key((browser, other)[number])).status_code == 200
        made = [each["made_by"] for each in (await house.api.http.get("/v1/api-keys")).json()["data"]]
        made = [each for each in made if each["actor"] == "person"]
        identity = f"{house.provider.issuer} 1815"
        assert {each["actor_id"] for each in made} == {identity}
        assert {each["name"] for each in made} == {NAME, "lovelace@example.com (1815)"}
        house.provider.claims["sub"] = "1816"
        async with house.browsing() as stranger:
            await house.logged_in(stranger)
            answer = await house.api.http.post("/v1/api-keys/revoke", json={"actor_id": identity})
            assert len(answer.json()["revoked"]) == 2
            assert [(await each.get("/console")).status_code for each in (browser, other, stranger)] == [
                303,
                303,
                200,
            ]


async def test_a_session_that_is_over_makes_no_key(house: House) -> None:
    """Even if it ends between the look at it and the key."""
    ledger, project = house.api.api.ledger, house.api.project_id
    async with house.browsing() as browser:
        await house.logged_in(browser)
        session = keys.hash_of(browser.cookies["hermodr_console"])
        for held in (True, False):
            async with ledger.transaction() as transaction:
                ada = audit.Actor("person", NAME, session)
                with nullcontext() if held else pytest.raises(makers.Ended):
                    await keys.create_in(transaction, project, ["read"], "", ada)
            await people.end(ledger, session)


async def made_key(browser: httpx.AsyncClient) -> httpx.Response:
    page = (await browser.get("/console/keys/new")).text
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    return await browser.post("/console/keys/new", data={**hidden, "name": "till", "scope.read": "yes"})


async def logged_out(browser: httpx.AsyncClient) -> httpx.Response:
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', (await browser.get("/console/queues")).text)
    assert csrf is not None
    answer = await browser.post("/console/logout", data={"csrf": csrf[1]})
    assert (await browser.get("/console")).status_code == 303
    assert "hermodr_oidc_token" not in browser.cookies
    return answer


async def test_who_logs_out_does_so_at_the_provider(house: House) -> None:
    house.provider.description = {"end_session_endpoint": f"{house.provider.issuer}/logout?realm=house"}
    async with house.browsing() as browser:
        answer = await browser.get(await house.back(browser))
        (kept,) = (
            each for each in answer.headers.get_list("set-cookie") if each.startswith("hermodr_oidc_token=")
        )
        assert all(part in kept for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/console/logout"))
        shown = await logged_out(browser)
        address = shown.headers["refresh"].removeprefix("0; url=")
        assert address.startswith(f"{house.provider.issuer}/logout?realm=house&")
        assert html.escape(address) in shown.text
        back, who = house.provider.left(address)
        assert (urlsplit(back).path, who) == ("/console/login", "1815")


async def test_who_logs_out_late_does_so_at_the_provider(house: House) -> None:
    house.provider.description = {"end_session_endpoint": f"{house.provider.issuer}/logout"}
    async with house.browsing() as browser:
        await house.logged_in(browser)
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', (await browser.get("/console/queues")).text)
        assert csrf is not None
        await house.api.api.ledger.fetch(
            "UPDATE hermodr.person_sessions SET expires_at = now() - interval '1 s'"
        )
        elsewhere = await browser.post("/console/logout", headers={"sec-fetch-site": "cross-site"})
        assert (elsewhere.status_code, "hermodr_oidc_token" in browser.cookies) == (403, True)
        shown = await browser.post("/console/logout", data={"csrf": csrf[1]})
        assert house.provider.left(shown.headers["refresh"].removeprefix("0; url="))[1] == "1815"
        assert not {"hermodr_oidc_token", "hermodr_console"} & set(browser.cookies)
        again = await browser.post("/console/logout", data={"csrf": csrf[1]})
        assert again.headers["location"] == "/console/login"


async def test_a_token_too_long_for_a_browser_stays_out(house: House) -> None:
    house.provider.description = {"end_session_endpoint": f"{house.provider.issuer}/logout"}
    house.provider.claims["groups"] = ["admins", *(f"group {n}" for n in range(500))]
    async with house.browsing() as browser:
        await house.logged_in(browser)
        shown = await logged_out(browser)
        assert house.provider.left(shown.headers["refresh"].removeprefix("0; url="))[1] is None


@pytest.mark.parametrize("page", [None, "http://id.example/logout", "javascript:alert(1)", 17])
async def test_a_provider_without_such_a_page_is_left_alone(house: House, page: object) -> None:
    house.provider.description = {"end_session_endpoint": page}
    async with house.browsing() as browser:
        await house.logged_in(browser)
        assert (await logged_out(browser)).headers["location"] == "/console/login"


async def test_a_provider_that_is_away_holds_nobody(house: House) -> None:
    async with house.browsing() as browser:
        await house.logged_in(browser)
        identity = house.api.api.identity
        assert identity is not None
        identity._heard = float("-inf")
        house.provider.description = {"issuer": "https://evil.example"}
        assert (await logged_out(browser)).headers["location"] == "/console/login"
