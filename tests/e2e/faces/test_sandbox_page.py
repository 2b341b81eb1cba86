"""The sandbox's page, in a browser: a mail, what it may suffer from, and how a phone shows it."""

import pytest
from playwright.async_api import Browser, expect

from tests.support import chromium
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = "lise@faces.example.org"
HTML = (
    "<style>@media (prefers-color-scheme: dark) { p { color: rgb(1, 2, 3) } }</style>"
    "<p style='display:flex'>At eight.</p><a href='javascript:x'>Here</a>"
)


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_a_mail_and_its_checks(browser: Browser, installation: Installation, look: Look) -> None:
    address = f"{look.name}-{ADDRESS}"
    request = {"to": {"email": address}, "subject": "YOUR TABLE IS BOOKED", "body_html": HTML}
    job_id = str((await installation.create("/v1/notifications", request))["job_id"])
    installation.asked.append(Asked(address, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    origin = str(installation.sandbox.base_url).rstrip("/")
    async with chromium.page(browser, look, origin) as page:
        await page.goto(origin)
        await page.get_by_role("option", name=address).click()
        timeline = page.get_by_role("link", name="its timeline in the console")
        assert str(await timeline.get_attribute("href")).endswith(f"/console/messages/{job_id}")
        await page.get_by_role("button", name="Phone width").click()
        frame = await page.locator("iframe").bounding_box()
        assert frame is not None
        assert frame["width"] <= 375
        await page.get_by_role("button", name="Dark").click()
        assert await page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
        text = page.frame_locator("iframe").locator("p")
        await expect(text).to_have_css("color", "rgb(1, 2, 3)")
        await page.get_by_role("tab", name="Checks").click()
        checks = page.get_by_role("tabpanel").get_by_role("listitem")
        await checks.first.wait_for()
        told = await checks.all_inner_texts()
        assert "A link that leads nowhere" in told[0]
        assert any("display: flex" in each and "Outlook for Windows" in each for each in told)
        assert any("in capitals" in each for each in told)
        await for_everybody(page)
