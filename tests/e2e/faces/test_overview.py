"""The overview: how long messages took, as a picture and for those who do not see it."""

import pytest

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_times_are_drawn_and_told(visit: Visit, installation: Installation, look: Look) -> None:
    address = f"{look.name}@overview.example.org"
    request = {"to": {"email": address}, "subject": "Your table is booked", "body_text": "At eight."}
    job_id = str((await installation.create("/v1/notifications", request))["job_id"])
    installation.asked.append(Asked(address, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    async with visit("/console", look) as page:
        card = page.locator("section", has=page.get_by_role("heading", name="Time until sent"))
        picture = card.get_by_role("img")
        assert "50 % within" in (await picture.get_attribute("aria-label") or "")
        assert (await card.locator("path.p50").get_attribute("d") or "").startswith("M")
        inside = await card.evaluate("card => card.scrollWidth <= card.clientWidth")
        assert inside, "the picture is wider than its card"
        await card.get_by_text("As a table").focus()
        await page.keyboard.press("Enter")
        assert await card.get_by_role("columnheader", name="95 %").is_visible()
        await for_everybody(page)
