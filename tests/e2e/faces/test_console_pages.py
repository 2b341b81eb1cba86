"""Every page that the console's menu leads to, for everybody, in every look."""

import pytest
import pytest_asyncio

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import AUDITED, DESKTOP_DARK, PHONE, Look, for_everybody
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = "grace@faces.example.org"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def message(installation: Installation) -> str:
    """A job whose mail was sent."""
    request = {"to": {"email": ADDRESS}, "subject": "Your table is booked", "body_html": "<p>At eight.</p>"}
    job_id = str((await installation.create("/v1/notifications", request))["job_id"])
    installation.asked.append(Asked(ADDRESS, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    return job_id


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_every_page_of_the_menu(visit: Visit, look: Look) -> None:
    async with visit("/console", look) as page:
        links = await page.locator("#menu a").evaluate_all("links => links.map(link => link.href)")
        assert len(links) >= 9
        for link in links:
            await page.goto(link)
            assert await page.locator("h1").count() == 1, link
            await for_everybody(page)


@pytest.mark.parametrize("look", [DESKTOP_DARK, PHONE], ids=lambda look: look.name)
async def test_a_message_and_how_it_was_sent(visit: Visit, message: str, look: Look) -> None:
    async with visit(f"/console/messages/{message}", look) as page:
        await for_everybody(page)
        await page.get_by_role("link", name="as it was sent").first.click()
        mail = page.frame_locator("iframe").first
        assert "At eight." in await mail.locator("body").inner_text()
        await for_everybody(page)


async def test_moving_by_keys(visit: Visit, message: str) -> None:
    async with visit("/console") as page:
        await page.keyboard.press("g")
        await page.keyboard.press("m")
        await page.wait_for_url("**/console/messages")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/console/messages/{message}")
        await page.keyboard.press("?")
        assert await page.get_by_role("dialog").is_visible()


async def test_the_menu_of_a_phone_opens_and_closes(visit: Visit) -> None:
    async with visit("/console", PHONE) as page:
        messages = page.get_by_role("link", name="Messages", exact=True)
        assert not await messages.is_visible()
        await page.get_by_role("button", name="Menu").click()
        await messages.click()
        await page.wait_for_url("**/console/messages")
