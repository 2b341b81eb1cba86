"""Acting on many: a question, and a page that follows what the schedulers do."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody
from tests.support.installation import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_all_that_match_are_cancelled_while_one_looks(
    visit: Visit, installation: Installation, look: Look
) -> None:
    key = f"bulk-{look.name}"
    for number in range(3):
        await installation.create(
            "/v1/notifications",
            {
                "to": {"email": f"{key}-{number}@bulk.example.org"},
                "subject": "Soon",
                "body_text": "At eight.",
                "cancel_key": key,
                "scheduled_for": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
            },
        )
    async with visit(f"/console/messages?cancel_key={key}", look) as page:
        await page.get_by_role("link", name="Cancel all unfinished").click()
        await expect(page.get_by_text("3 messages match now")).to_be_visible()
        await for_everybody(page)
        await page.get_by_role("button", name="Yes, cancel all of them").click()
        await expect(page.get_by_text("3 cancelled.")).to_be_visible()
        await for_everybody(page)
        await page.get_by_role("link", name="All bulk actions").click()
        await expect(page.get_by_role("link", name="Cancel", exact=True).first).to_be_visible()
        await for_everybody(page)
