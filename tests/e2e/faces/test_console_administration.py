"""People and administration in the console, by hand."""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Page

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.e2e.faces.conftest import Visit
from tests.support import chromium
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody, picture
from tests.support.installation import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")

URL = "http://127.0.0.1:8099/hook"
LOOKS = pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)


@pytest_asyncio.fixture(loop_scope="session")
async def administer(browser: Browser, installation: Installation) -> Visit:
    """As `visit`, for a key with the scope `admin`."""
    ledger = Ledger(installation.database_url, service="tests", pool_size=1)
    try:
        key = (await keys.create(ledger, "e2e", ("admin",), "administration")).secret
    finally:
        await ledger.close()
    origin = installation.fleet.api_url

    @asynccontextmanager
    async def visiting(path: str, look: Look = DESKTOP, refused: Collection[int] = ()) -> AsyncIterator[Page]:
        async with chromium.page(browser, look, origin, refused=refused) as page:
            await page.goto(f"{origin}{path}")
            await page.get_by_label("API key").fill(key)
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{origin}{path}")
            yield page

    return visiting


@LOOKS
async def test_a_recipient_from_first_to_last(visit: Visit, look: Look) -> None:
    async with visit("/console/recipients/new", look, refused=(422,)) as page:
        await page.get_by_label("Name").fill("Ada Lovelace")
        await page.get_by_label("Time zone").fill("Mars/Base")
        await page.get_by_role("button", name="Add the recipient").click()
        await page.get_by_role("alert").get_by_role("link", name="timezone").click()
        assert await page.get_by_label("Time zone").get_attribute("aria-invalid") == "true"
        assert await page.get_by_label("Name").input_value() == "Ada Lovelace"
        await for_everybody(page)
        await page.get_by_label("Time zone").fill("Europe/London")
        await page.get_by_role("button", name="Add the recipient").click()
        await page.wait_for_url(re.compile("/console/recipients/[0-9a-f-]{36}$"))
        await page.get_by_role("link", name="Change wishes").click()
        await page.get_by_label("From").fill("22:00")
        await page.get_by_label("Until", exact=True).fill("07:00")
        await for_everybody(page)
        await picture(page, f"console/wishes-{look.name}")
        await page.get_by_role("button", name="Save").click()
        assert "22:00 – 07:00" in await page.get_by_role("main").inner_text()
        await for_everybody(page)
        await page.get_by_role("link", name="Erase").click()
        await for_everybody(page)
        await page.get_by_role("button", name="Erase for good").click()
        await page.wait_for_url("**/console/recipients")


@LOOKS
async def test_a_group_and_a_suppression(visit: Visit, look: Look) -> None:
    async with visit("/console/groups/new", look, refused=(422,)) as page:
        await page.get_by_label("Name").fill("The Lovelaces")
        await page.get_by_role("button", name="Add the group").click()
        await page.wait_for_url(re.compile("/console/groups/[0-9a-f-]{36}$"))
        await page.get_by_label("Who").fill("nobody-17")
        await page.get_by_role("button", name="Add", exact=True).click()
        assert "there is no such recipient" in await page.get_by_role("alert").inner_text()
        await for_everybody(page)
        await page.get_by_role("link", name="Updates").click()
        await page.get_by_role("link", name="Post an update").click()
        await page.get_by_label("Title").fill("First steps")
        await for_everybody(page)
        await page.get_by_role("button", name="Post it").click()
        assert "First steps" in await page.get_by_role("table").inner_text()
        await for_everybody(page)
        await page.goto(page.url.partition("/console")[0] + "/console/suppressions/import")
        file: FilePayload = {
            "name": "some.csv",
            "mimeType": "text/csv",
            "buffer": b"address\nghost@faces.example.org\nx\n",
        }
        await page.get_by_label("File").set_input_files(file)
        await page.get_by_role("button", name="Import").click()
        assert "1 refused" in await page.get_by_role("status").first.inner_text()
        await for_everybody(page)
        await page.get_by_role("link", name="To the suppressions").click()
        assert "ghost@faces.example.org" in await page.get_by_role("table").inner_text()
        await for_everybody(page)


@LOOKS
async def test_a_webhook_and_its_secret(visit: Visit, look: Look) -> None:
    async with visit("/console/webhooks/new", look) as page:
        await page.get_by_label("URL").fill(URL)
        await page.get_by_label("job.failed").check()
        await for_everybody(page)
        await page.get_by_role("button", name="Add it").click()
        assert (await page.locator("#secret").inner_text()).startswith("whsec_")
        await for_everybody(page)
        await page.get_by_role("link", name="I have it").click()
        await page.get_by_role("button", name="Send a test").click()
        await page.get_by_role("link", name="webhook.test").click()
        assert await page.get_by_role("heading", name="Attempts").is_visible()
        await for_everybody(page)
        await page.get_by_role("link", name="To the endpoint").click()
        await for_everybody(page)
        await picture(page, f"console/webhook-{look.name}")
        await page.get_by_role("link", name="Delete").click()
        await page.get_by_role("button", name="Delete").click()
        await page.wait_for_url("**/console/webhooks")


@LOOKS
async def test_a_key_is_made_and_revoked(administer: Visit, look: Look) -> None:
    async with administer("/console/keys/new", look) as page:
        await page.get_by_label("Name").fill(f"till on a {look.name}")
        await for_everybody(page)
        await page.get_by_role("button", name="Make it").click()
        assert (await page.locator("#secret").inner_text()).startswith("hk_")
        await page.get_by_role("link", name="I have it").click()
        await page.get_by_role("link", name=f"Revoke … till on a {look.name}").click()
        await for_everybody(page)
        await page.get_by_role("button", name="Revoke").click()
        await page.wait_for_url("**/console/keys")
        assert "revoked" in await page.get_by_role("table").inner_text()
        for path in ("tokens", "tokens/keys/new", "project", "project/edit", "project/senders/new", "audit"):
            await page.goto(page.url.partition("/console")[0] + f"/console/{path}")
            await for_everybody(page)
