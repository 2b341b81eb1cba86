"""People and administration in the console, by hand."""

import re

import pytest

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody, picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOKS = pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)


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
