"""The list of messages and the overview that leads to it: what became of deliveries, subjects, times in one's zone."""

import re
from urllib.parse import urlencode

import pytest
from playwright.async_api import expect

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

KATHMANDU = "Asia/Kathmandu"
"""Five and three quarter hours before UTC, all year."""


async def sent(installation: Installation, address: str, **fields: object) -> str:
    request = {
        "to": {"email": address},
        "subject": "Your table is booked",
        "body_text": "At eight.",
        **fields,
    }
    job_id = str((await installation.create("/v1/notifications", request))["job_id"])
    installation.asked.append(Asked(address, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    return job_id


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_what_became_of_deliveries_is_a_click_away(
    visit: Visit, installation: Installation, look: Look
) -> None:
    job_id = await sent(installation, f"{look.name}@states.example.org", cancel_key=f"states-{look.name}")
    async with visit("/console", look) as page:
        channels = page.locator("section", has=page.get_by_role("heading", name="By channel"))
        link = channels.get_by_role("link", name=re.compile("sent")).first
        await expect(link).to_be_visible(timeout=30_000)  # its counts are kept for a while
        await link.click()
        await expect(page.get_by_label("Delivery")).to_have_value("sent")
        await expect(page.locator(f"#row-{job_id} .subject")).to_have_text("Your table is booked")
        await for_everybody(page)
        await page.get_by_label("Delivery").select_option("bounced")
        await expect(page.locator(f"#row-{job_id}")).to_have_count(0)
        await expect(page).to_have_url(re.compile("delivery=bounced"))


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_times_are_those_of_ones_zone(visit: Visit, installation: Installation, look: Look) -> None:
    key = f"zone-{look.name}"
    job_id = await sent(installation, f"{look.name}@zones.example.org", cancel_key=key)
    path = f"/console/messages?{urlencode({'cancel_key': key, 'after': '2026-01-01T00:00'})}"
    async with visit(path, look, zone=KATHMANDU) as page:
        time = page.locator(f"#row-{job_id} time")
        await expect(page.get_by_role("columnheader", name="Requested (local)")).to_be_visible()
        utc = ((await time.get_attribute("title")) or "").removesuffix(" UTC")
        assert await time.inner_text() == await page.evaluate(
            "utc => new Date(Date.parse(utc.replace(' ', 'T') + 'Z') + 345 * 60_000)"
            ".toISOString().slice(0, 19).replace('T', ' ')",
            utc,
        )
        after = page.get_by_label("Requested after (local)")
        await expect(after).to_have_value("2026-01-01T05:45")
        await after.fill("2026-02-01T05:45")
        await expect(page).to_have_url(re.compile("after=2026-02-01T00%3A00"))
        await expect(time).not_to_have_text(utc)  # the list was fetched again
        await for_everybody(page)
        await page.get_by_role("button", name=re.compile("Times: Asia")).click()
        await expect(page.get_by_role("button", name="Times: UTC")).to_be_visible()
        await expect(time).to_have_text(utc)
        await expect(page.get_by_label("Requested after (UTC)")).to_have_value("2026-02-01T00:00")


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_a_long_subject_leaves_the_list_within_the_window(
    visit: Visit, installation: Installation, look: Look
) -> None:
    key = f"long-{look.name}"
    address = f"somebody.with.a.long.name.{look.name}@customers.of.the.restaurant.example.org"
    subject = "Your table at the restaurant by the river is booked for eight in the evening " * 3
    job_id = await sent(installation, address, cancel_key=key, subject=subject)
    async with visit(f"/console/messages?cancel_key={key}", look) as page:
        shown = page.locator(f"#row-{job_id} .subject")
        await expect(shown).to_be_visible()
        box = await shown.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= look.width, "seen without scrolling"
        assert await page.evaluate("document.documentElement.scrollWidth") <= look.width
        await for_everybody(page)
