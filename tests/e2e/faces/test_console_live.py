"""Pages of the console that follow what happens, and messages narrowed while one types."""

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def sent(installation: Installation, address: str, **fields: object) -> str:
    """A job whose mail was sent. Each address gets one."""
    request = {"to": {"email": address}, "subject": "Soon", "body_text": "At eight.", **fields}
    job_id = str((await installation.create("/v1/notifications", request))["job_id"])
    installation.asked.append(Asked(address, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    return job_id


async def test_a_page_shows_what_comes_without_being_asked(visit: Visit, installation: Installation) -> None:
    async with visit("/console/messages") as page:
        await expect(page.locator("#follow")).to_have_text("Live")
        job_id = await sent(installation, "ada@live.example.org")
        row = page.locator(f"#row-{job_id}")
        await expect(row.locator(".good")).to_have_text("completed")


async def test_who_pauses_it_is_left_in_peace(visit: Visit, installation: Installation) -> None:
    async with visit("/console/messages") as page:
        await page.get_by_role("button", name="Live").click()
        await expect(page.locator("#follow")).to_have_text("Paused")
        job_id = await sent(installation, "bob@live.example.org")
        await page.reload()
        await expect(page.locator("#follow")).to_have_text("Paused")
        await page.get_by_role("button", name="Paused").click()
        await expect(page.locator(f"#row-{job_id}")).to_be_visible()


async def test_without_a_stream_it_asks(visit: Visit, installation: Installation) -> None:
    async with visit("/console") as page:
        await page.context.route("**/console/events", lambda route: route.abort())
        await page.goto(page.url.rstrip("/") + "/messages")
        await expect(page.locator("#follow")).to_have_text("Asking")
        job_id = await sent(installation, "eve@live.example.org")
        await expect(page.locator(f"#row-{job_id}")).to_be_visible()


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_messages_are_narrowed_while_one_types(
    visit: Visit, installation: Installation, look: Look
) -> None:
    key = f"live-{look.name}"
    message = await sent(installation, f"narrow-{look.name}@live.example.org", cancel_key=key)
    async with visit("/console/messages", look) as page:
        await page.get_by_text("More filters").click()
        await page.get_by_label("Cancel key").fill("live-nothing")
        await expect(page.get_by_text("Nothing matches.")).to_be_visible()
        await page.get_by_label("Cancel key").fill(key)
        await expect(page.locator(f"#row-{message}")).to_be_visible()
        await page.wait_for_url(f"**/console/messages?cancel_key={key}")
        await for_everybody(page)


async def test_what_was_asked_before_one_typed_does_not_come_back(
    visit: Visit, installation: Installation
) -> None:
    message = await sent(installation, "late@live.example.org")
    async with visit("/console/messages") as page:
        row = page.locator(f"#row-{message}")
        await expect(row).to_be_visible()
        held: asyncio.Queue[Route] = asyncio.Queue()
        await page.route(re.compile(r"/console/messages\??$"), held.put)
        await page.evaluate("document.body.dispatchEvent(new Event('live'))")
        async with asyncio.timeout(30):
            await held.get()
        await page.get_by_text("More filters").click()
        async with page.expect_event("requestfailed"):
            await page.get_by_label("Cancel key").fill("live-nothing")
        await expect(page.get_by_text("Nothing matches.")).to_be_visible()
        await expect(row).to_have_count(0)


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_another_one_like_it_goes_where_its_recipient_is_now(
    visit: Visit, installation: Installation, look: Look
) -> None:
    before, now = (f"{when}-{look.name}@live.example.org" for when in ("before", "now"))
    person = (await installation.create("/v1/recipients", {"email": before}))["id"]
    message = await sent(installation, before, to={"recipient_id": person})
    changed = await installation.api.patch(f"/v1/recipients/{person}", json={"email": now})
    assert changed.status_code == 200
    async with visit(f"/console/messages/{message}", look) as page:
        await page.get_by_role("link", name="Request, and send another").click()
        await for_everybody(page)
        await page.get_by_role("button", name="Send a new one like it").click()
        await page.wait_for_url(lambda url: url.rpartition("/")[2] not in (message, "request"))
        job_id = page.url.rpartition("/")[2]
        installation.asked.append(Asked(now, Answer.ACCEPTED, job_id))
        await expect(page.locator("h1 .state")).to_have_text("completed")
