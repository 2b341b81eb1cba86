"""Logging in at an identity provider, in a real browser: it decides which cookie comes back from a stranger's page."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support import api_process, chromium
from tests.support.chromium import AUDITED, Look
from tests.support.pretended_provider import PretendedProvider, pretended_provider

pytestmark = pytest.mark.asyncio(loop_scope="session")


class House(NamedTuple):
    origin: str
    provider: PretendedProvider


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(database_url: str) -> AsyncIterator[House]:
    ledger = Ledger(database_url, service="tests", pool_size=1)
    try:
        await keys.create(ledger, "shop", ("read",), "tests")
    finally:
        await ledger.close()
    claims = {"sub": "1815", "email": "ada@example.com", "email_verified": True, "groups": ["admins"]}
    async with pretended_provider(**claims) as provider:
        provider.description = {"end_session_endpoint": f"{provider.issuer}/logout"}
        settings = provider.settings("admins=shop:admin")
        async with api_process.answering(database_url, **settings) as origin:
            yield House(origin, provider)


async def test_a_login_and_a_logout_lead_to_the_provider_and_back(browser: Browser, house: House) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{house.origin}/console/messages?status=failed")
    await page.get_by_role("link", name="Log in with House Login").click()
    await page.wait_for_url(f"{house.origin}/console/messages?status=failed")
    assert "ada@example.com (1815)" in await page.inner_text("body")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url(f"{house.origin}/console/login")
    assert house.provider.gone == ["1815"]
    await page.goto(f"{house.origin}/console")
    assert page.url == f"{house.origin}/console/login"
    await context.close()


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_the_page_to_log_in_is_for_everybody(browser: Browser, house: House, look: Look) -> None:
    async with chromium.page(browser, look, house.origin) as page:
        await page.goto(f"{house.origin}/console/login")
        await page.get_by_role("link", name="Log in with House Login").wait_for()
        await page.get_by_label("API key").wait_for()
