"""People who log in to the console at an identity provider, which is pretended, and lies."""

import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from hermodr_api.console.identity import Attempt
from hermodr_api.settings import ApiSettings
from tests.support.api import ApiUnderTest
from tests.support.hook_server import saying
from tests.support.house import NAME, NOTHING, House, house_over


@pytest_asyncio.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with house_over(database_url) as house:
        yield house


async def test_somebody_logs_in_acts_and_is_in_the_audit_log(house: House) -> None:
    async with house.browsing() as browser:
        assert "Log in with House Login" in (await browser.get("/console/login")).text
        answer = await browser.get(await house.back(browser, "/console/messages?status=failed"))
        assert answer.headers["refresh"] == "0; url=/console/messages?status=failed"
        cookies = answer.headers.get_list("set-cookie")
        session = next(each for each in cookies if each.startswith("hermodr_console="))
        assert "HttpOnly" in session
        assert "Secure" in session
        assert "SameSite=strict" in session
        assert any(each.startswith('hermodr_oidc=""') for each in cookies)
        page = (await browser.get("/console/queues")).text
        assert NAME in page
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
        assert csrf is not None
        await browser.post("/console/queues/email/pause", data={"csrf": csrf[1]})
        await browser.post("/console/queues/email/resume", data={"csrf": csrf[1]})
        (login,) = await house.log("console.login")
        assert (login["actor_id"], login["detail"]) == (NAME, {"role": "admins"})
        ended = await browser.post("/console/logout", data={"csrf": csrf[1]})
        assert ended.headers["location"] == "/console/login"
        assert (await browser.get("/console")).status_code == 303


async def test_what_a_role_may_not_is_refused(house: House) -> None:
    house.provider.claims["groups"] = "support"
    async with house.browsing() as browser:
        await house.logged_in(browser)
        assert (await browser.get("/console")).status_code == 200
        page = await browser.get("/console/recipients/new")
        assert page.status_code == 403
        assert "your role does not have it" in page.text


async def test_an_address_that_is_not_verified_names_nobody(house: House) -> None:
    house.provider.claims["email_verified"] = False
    async with house.browsing() as browser:
        await house.logged_in(browser)
    assert [each["actor_id"] for each in await house.log("console.login")] == ["1815"]


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "somebody else"},
    "many audiences": {"aud": ["hermodr", "somebody else"]},
    "another party": {"azp": "somebody else"},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": 1_000_000_000},
    "no end": {"exp": None},
    "an end that is no time": {"exp": "tomorrow"},
    "in the future": {"iat": 32_000_000_000, "exp": 33_000_000_000},
    "not yet": {"nbf": 32_000_000_000},
    "nobody": {"sub": None},
    "an empty name": {"sub": ""},
    "a name that is no text": {"sub": 17},
    "a name of two lines": {"sub": "1815\nadmin"},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_in_the_id_token_is_refused(house: House, lie: str) -> None:
    house.provider.lies = LIES[lie]
    await refused(house, 401)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_an_algorithm_that_proves_nothing_is_refused(house: House, algorithm: str) -> None:
    house.provider.algorithm = algorithm
    await refused(house, 401)


async def test_a_signature_by_another_key_is_refused(house: House) -> None:
    house.provider.signed_by = rsa.generate_private_key(65537, 2048)
    await refused(house, 401)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},  # the answer of another provider: mix-up
        {"iss": None},
        {"state": "x" * 43},
        {"state": None},
        {"code": None},
        {"code": "made up"},
        {"error": "access_denied"},
    ],
    ids=["another issuer", "no issuer", "another state", "no state", "no code", "another code", "an error"],
)
async def test_an_answer_that_was_changed_is_refused(house: House, changed: dict[str, str | None]) -> None:
    await refused(house, 401, changed)


async def refused(house: House, status: int, changed: Mapping[str, str | None] = NOTHING) -> str:
    async with house.browsing() as browser:
        answer = await browser.get(await house.back(browser, changed=changed))
        assert answer.status_code == status, answer.text
        assert 'role="alert"' in answer.text
        assert "hermodr_console" not in browser.cookies
    assert await house.log("console.login") == []
    return answer.text


async def test_an_answer_that_another_browser_asked_for_is_refused(house: House) -> None:
    async with house.browsing() as mine, house.browsing() as another:
        back = await house.back(mine)
        assert (await another.get(back)).status_code == 401
        await house.back(another)
        assert (await another.get(back)).status_code == 401
        assert (await mine.get(back)).status_code == 200
        assert (await mine.get(back)).status_code == 401, "once"


async def test_who_has_no_role_stays_outside_and_is_put_outside(house: House) -> None:
    async with house.browsing() as earlier:
        await house.logged_in(earlier)
        house.provider.claims["groups"] = ["staff"]
        async with house.browsing() as now:
            answer = await now.get(await house.back(now))
            assert answer.status_code == 403
            assert "none of the roles" in answer.text
        assert (await earlier.get("/console")).status_code == 303


async def test_another_role_at_the_next_login_ends_what_the_former_began(house: House) -> None:
    async with house.browsing() as earlier, house.browsing() as now:
        await house.logged_in(earlier)
        house.provider.claims["groups"] = ["support"]
        await house.logged_in(now)
        assert (await earlier.get("/console")).status_code == 303
        assert (await now.get("/console")).status_code == 200


async def test_a_role_that_is_configured_no_more_or_otherwise_holds_no_more(house: House) -> None:
    async with house.browsing() as browser:
        await house.logged_in(browser)
        house.grant("admins=HERE:read")
        assert (await browser.get("/console/recipients/new")).status_code == 403
        house.grant("support=HERE:read")
        assert (await browser.get("/console")).status_code == 303
        house.grant("admins=nowhere:admin")
        assert (await browser.get("/console")).status_code == 303


async def test_a_session_is_over_when_its_time_is(house: House) -> None:
    async with house.browsing() as browser:
        await house.logged_in(browser)
        await house.api.api.ledger.fetch(
            "UPDATE hermodr.person_sessions SET expires_at = now() - interval '1 s'"
        )
        assert (await browser.get("/console")).status_code == 303


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.example/token"},
        {"authorization_endpoint": "http://id.example/authorize"},
        {"jwks_uri": "http://10.0.0.1/jwks"},
    ],
)
async def test_a_description_of_another_is_not_followed(house: House, said: dict[str, Any]) -> None:
    house.provider.description = said
    async with house.browsing() as browser:
        answer = await browser.get("/console/oidc")
        assert answer.status_code == 503
        assert "cannot be reached" in answer.text


async def test_a_provider_that_is_away_leaves_the_key(house: House) -> None:
    async with house.browsing() as browser:
        back = await house.back(browser)
        house.provider.answer = {"id_token": "x" * 1_000_000}
        assert (await browser.get(back)).status_code == 503


async def test_an_answer_that_is_too_deep_is_refused(house: House) -> None:
    async with house.browsing() as browser:
        back = await house.back(browser)
        head = b"HTTP/1.1 200 X\r\ncontent-length: 200000\r\n\r\n"
        house.provider.server.answers["/token"] = saying(head + b"[" * 200_000)
        assert (await browser.get(back)).status_code == 503


async def test_the_provider_is_asked_about_no_login_that_nobody_began_here(house: House) -> None:
    identity = house.api.api.identity
    assert identity is not None
    began = identity.begin()
    for secret in ("made-up", f"{began.secret}0", f"9{began.secret}", "9999999999~x~y", ""):
        async with house.browsing() as browser:
            cookie = f"{secret}.{urlsafe_b64encode(b'/console').decode()}"
            answer = await browser.get(
                "/console/oidc/callback",
                params={"code": "c", "state": Attempt(secret).state, "iss": house.provider.issuer},
                headers={"cookie": f"hermodr_oidc={cookie}"},
            )
        assert answer.status_code == 401
    assert house.provider.server.came == []
    assert identity.begun(began.secret) == began


async def test_without_a_provider_there_is_no_way_to_one(api: ApiUnderTest) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(api.api.asgi), base_url="https://api"
    ) as browser:
        assert "oidc" not in (await browser.get("/console/login")).text
        assert (await browser.get("/console/oidc")).status_code == 404


@pytest.mark.parametrize("issuer", ["http://id.example", "http://10.0.0.1", "http://127.0.0.1.id.example"])
def test_a_provider_is_reached_by_https_but_on_this_machine(issuer: str) -> None:
    given: dict[str, Any] = {"oidc_client_id": "x", "oidc_client_secret": "x", "oidc_roles": "a=b:read"}
    for safe in ("https://id.example", "http://127.0.0.1:8080/realm", "http://[::1]", "http://localhost:1"):
        assert ApiSettings(database_url="postgresql://x/y", oidc_issuer=safe, **given).oidc is not None
    with pytest.raises(ValueError, match="HERMODR_OIDC_ISSUER has to be https"):
        ApiSettings(database_url="postgresql://x/y", oidc_issuer=issuer, **given)


def test_a_provider_is_configured_whole() -> None:
    with pytest.raises(ValueError, match="HERMODR_OIDC_CLIENT_SECRET, HERMODR_OIDC_ROLES"):
        ApiSettings(
            database_url="postgresql://x/y", oidc_issuer="https://id.example", oidc_client_id="hermodr"
        )
