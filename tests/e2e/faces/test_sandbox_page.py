"""The sandbox's page, in a browser: one list of all channels, a mail, what it may suffer from, how a phone shows it,
and why it was sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from hermodr_sandbox.asking import Api
from hermodr_sandbox.domain.mail import Client
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.inboxes import Inboxes
from hermodr_sandbox.routes.application import application
from hermodr_sandbox.timelines import Timelines
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.web import serve
from tests.support import chromium
from tests.support.chromium import DESKTOP, PHONE_DARK, Look, for_everybody, picture
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked
from tests.support.smtp_dialogue import House, sandbox_house

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
        if look is PHONE_DARK:  # where there is no room for it beside the mail
            await page.get_by_text("Timeline", exact=True).click()
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


async def tell(installation: Installation, user: str, title: str) -> None:
    """Returns when it is in their inbox."""
    request = {
        "to": {"user_id": user},
        "channels": ["in_app"],
        "subject": title,
        "body_text": "By the window, until nine.",
    }
    data = {"url": "https://app.example/tables/7"}
    job_id = str((await installation.create("/v1/notifications", request | {"data": data}))["job_id"])
    await installation.ended(job_id)


@asynccontextmanager
async def of_one_house(
    house: House, installation: Installation, address: str, user: str
) -> AsyncIterator[str]:
    """The page of a sandbox that has taken a mail of a real job, a text, a WhatsApp message and a webhook, and may read
    the job's timeline. The user has a notification in their inbox."""
    request = {"to": {"email": address}, "subject": "At eight", "body_text": "Your table is booked."}
    job_id = str((await installation.create("/v1/notifications", request))["job_id"])
    installation.asked.append(Asked(address, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    house.clock.present = SystemClock().now()
    house.sandbox.clear()  # hides what other tests left in inboxes
    await tell(installation, user, "Your table is free")
    api = Api(installation.fleet.api_url, installation.key)
    inboxes = Inboxes(api, house.sandbox.in_app, SystemClock())
    info = {
        "smtp": {"host": "127.0.0.1", "port": 1025},
        "address_tags": True,
        "console": "http://127.0.0.1:1/console",
    }
    app = application(house.sandbox, info, timelines=Timelines(api), inboxes=inboxes)
    async with serve(app, "127.0.0.1", 0, grace=1) as port:
        origin = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=origin, trust_env=False) as http:
            text = {
                "channel": "sms",
                "message_type": "text",
                "to": "15550100123",
                "from": "12345",
                "text": "Code 4711",
            }
            auth = ("abcd1234", "s3cret4horse")
            (await http.post("/v1/messages", json=text, auth=auth)).raise_for_status()
            (await http.post("/hooks/orders", json={"type": "job.completed"})).raise_for_status()
        wrote = ("wamid.1", house.clock.now(), "10000", "+15550100124", "+15550100000", "Are you open?")
        number = house.sandbox.texts.next_number()
        house.sandbox.texts.keep(Text(number, *wrote, inbound=True, status="received", provider="whatsapp"))
        raw = f"Message-ID: <{job_id}@e2e.example>\r\nSubject: At eight\r\n\r\nYour table is booked.\r\n"
        house.sandbox.accept(
            "house@e2e.example", (address,), raw.encode(), Client("127.0.0.1", "x", tls=False)
        )
        yield origin
        house.sandbox.close()
    await api.close()


async def follow_an_inbox(page: Page, origin: str, look: Look, installation: Installation, user: str) -> None:
    """What is in it is opened among the others, read by the user, and followed by another."""
    rows = page.get_by_role("option")
    told = page.get_by_role("group").filter(has_text="Timeline")
    channels = page.get_by_role("navigation", name="Channel")
    await page.goto(f"{origin}/")
    await expect(rows).to_have_count(6)
    await rows.filter(has_text="Your table is free").click()
    app = page.get_by_role("article", name="The user's inbox")
    await expect(app).to_contain_text("By the window, until nine.")
    await expect(app).to_contain_text("unread")
    await expect(app.get_by_role("link")).to_have_attribute("href", "https://app.example/tables/7")
    await expect(told).to_contain_text("completed")
    await for_everybody(page)
    if look is DESKTOP:
        await picture(page, "sandbox-in-app-desktop-light")
    read = await installation.api.patch("/v1/inbox/read-all", params={"user_id": user})
    read.raise_for_status()
    await expect(app.get_by_text("read", exact=True)).to_be_visible()  # live
    await tell(installation, user, "Your table <b>waits</b>")
    if look is PHONE_DARK:
        await page.get_by_role("button", name="All messages").click()
    await expect(rows).to_have_count(7)  # live
    await channels.get_by_role("link", name="In app").click()
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("Your table <b>waits</b>")


@pytest.mark.parametrize("look", [DESKTOP, PHONE_DARK], ids=lambda look: look.name)
async def test_all_channels_are_one_inbox(browser: Browser, installation: Installation, look: Look) -> None:
    user = f"user-{look.width}"
    await installation.create("/v1/recipients", {"user_id": user, "name": "Mira"})
    async with (
        sandbox_house() as house,
        of_one_house(house, installation, f"mira.{look.scheme}@faces.example.org", user) as origin,
        chromium.page(browser, look, origin) as page,
    ):
        await page.goto(origin)
        rows = page.get_by_role("option")
        await expect(rows).to_have_count(5)
        await for_everybody(page)
        await rows.filter(has_text="At eight").click()
        told = page.get_by_role("group").filter(has_text="Timeline")
        await expect(told).to_contain_text("completed")
        if look is PHONE_DARK:
            await told.get_by_text("Timeline", exact=True).click()
        await expect(page.get_by_role("list", name="What happened")).to_contain_text("attempted")
        await for_everybody(page)

        channels = page.get_by_role("navigation", name="Channel")
        back = page.get_by_role("button", name="All messages")
        if look is PHONE_DARK:
            await back.click()
        await channels.get_by_role("link", name="Texts").click()
        await expect(rows).to_have_count(1)
        await rows.click()
        phone = page.get_by_role("article", name="The phone")
        await expect(phone).to_contain_text("Code 4711")
        await phone.get_by_role("textbox").fill("STOP")
        await page.keyboard.press("Enter")
        await expect(phone.get_by_role("listitem")).to_have_count(2)  # live
        await for_everybody(page)
        assert page.url.startswith(f"{origin}/texts")

        await follow_an_inbox(page, origin, look, installation, user)

        await page.goto(f"{origin}/webhooks")
        await expect(rows).to_have_count(1)
        await rows.click()
        await expect(page.get_by_role("heading", name="/hooks/orders")).to_be_visible()
        await expect(page.locator("#why-none")).to_have_text("It names no job of Hermodr's.")
        await for_everybody(page)

        if look is PHONE_DARK:
            await back.click()
        await channels.get_by_role("link", name="All").click()
        await expect(rows).to_have_count(7)
        await page.get_by_role("searchbox").fill("are you open")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("WhatsApp")
        await page.get_by_role("searchbox").fill("")
        await expect(rows).to_have_count(7)
        house.clock.present = SystemClock().now()
        house.sandbox.clear()
        await expect(rows).to_have_count(0)
        await expect(page.get_by_role("heading", name="No message yet")).to_be_visible()
