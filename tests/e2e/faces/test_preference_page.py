"""The page behind links in mails, in a browser: from the mail that was sent to what is sent afterwards."""

import base64
import os
import re
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from hermodr_contracts.brands import Brand
from hermodr_templates import starter_texts
from hermodr_templates.branding import Branding
from tests.e2e.faces.conftest import Visit
from tests.support import chromium
from tests.support.chromium import AUDITED, DESKTOP, LOOKS, PHONE, PICTURES, Look, for_everybody, picture
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEWS = {"title": "Newsletter", "category": "News", "description": "What is in season, once a week."}
ORDERS = {"title": "Order updates", "category": "Your orders", "description": "When a box is on its way."}
RECEIPTS = {"title": "Receipts", "category": "Your orders", "description": "For every payment."}

LOGO = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAADAAAAAwCAYAAABXAvmHAAAAsUlEQVR42u3Z2w2AIAwFUDdyE1dzZJ2BeF/F24Rf7I"
    "kolB5Ho5ER5309q2Nk0hEYZOJyCDN5OmLlAVGIL5PaIYiJrAjU67QA0GtRimB8TLKlxPydSRCjAewNhb7RFeAEKM4k"
    "1PNSAQWAAWk78T8BCafRzwB3PQABuCoyKEBZE1MBCaOASMAUhP3mrYCE+09JUT8WkIqIvEqXXC+OTX4LgBsxrr0kaz"
    "O10bdbu7Wd+oYpXubJGYSY7yshAAAAAElFTkSuQmCC"
)
"""A leaf."""


class Reader:
    """Somebody with mails of ours; `link` is that of their last newsletter."""

    def __init__(self, id: str, link: str) -> None:
        self.id, self.link = id, link


async def verdict(installation: Installation, reader: Reader) -> str:
    """What would become of the next newsletter."""
    wanted = {"type": "newsletter", "to": {"recipient_id": reader.id}, "channels": ["email"]}
    found = await installation.create("/v1/notifications/simulate", wanted)
    return str(found["channels"][0]["verdict"])


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def types(installation: Installation) -> None:
    """What the project sends, and how people see it."""
    labels = {"newsletter": NEWS, "order_update": ORDERS, "receipt": RECEIPTS}
    for name, label in labels.items():
        texts = {"subject": label["title"], "body_text": "{{ unsubscribe_url }}|{{ preferences_url }}"}
        template = {"name": name, "critical": name == "receipt", "labels": {"en": label}}
        contents = {channel: {"en": texts} for channel in ("email", "in_app")}
        await installation.create("/v1/templates", template | {"contents": contents})
    brand = {"name": "Green Kitchen", "color": "#2f8f4e", "logo": LOGO}
    (await installation.api.patch("/v1/projects/me", json={"brand": brand})).raise_for_status()


@pytest_asyncio.fixture(loop_scope="session")
async def reader(installation: Installation) -> Reader:
    name = f"ada-{uuid.uuid4().hex[:8]}"
    email = f"{name}@faces.example.org"
    person = {"name": "Ada", "email": email, "user_id": name, "timezone": "Europe/Vienna"}
    made = await installation.create("/v1/recipients", person)
    group = await installation.create("/v1/groups", {"name": "Recipes of the week"})
    digest = {"recipient_id": made["id"], "group_id": group["id"], "frequency": "weekly", "delivery_day": 5}
    await installation.create("/v1/digest-schedules", digest)
    wanted = {"type": "newsletter", "to": {"recipient_id": made["id"]}, "channels": ["email"]}
    job_id = str((await installation.create("/v1/notifications", wanted))["job_id"])
    installation.asked.append(Asked(email, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    (mail,) = await installation.mails_to(email)
    path = mail["text"].partition("|")[0].partition("/u/")[2]
    return Reader(made["id"], f"{installation.fleet.api_url}/u/{path}")


@pytest.fixture
def opened(browser: Browser, installation: Installation) -> Visit:
    """The page of a link, for somebody without a login; judged at the end."""
    origin = installation.fleet.api_url

    @asynccontextmanager
    async def opening(link: str, look: Look = DESKTOP, refused: Collection[int] = ()) -> AsyncIterator[Page]:
        async with chromium.page(browser, look, origin, refused=refused) as page:
            await page.goto(link)
            yield page

    return opening


@pytest.mark.parametrize("look", LOOKS if os.environ.get(PICTURES) else AUDITED, ids=lambda look: look.name)
async def test_the_page_in_every_look(opened: Visit, reader: Reader, look: Look) -> None:
    async with opened(reader.link, look) as page:
        assert await page.get_by_role("heading", level=1).count() == 1
        assert await page.get_by_role("heading", name="Unsubscribe?").is_visible()
        await for_everybody(page)
        await picture(page, f"preferences/{look.name}", whole=True)


async def test_from_a_mail_to_no_more_of_them_and_back(
    opened: Visit, reader: Reader, installation: Installation
) -> None:
    async with opened(reader.link, PHONE) as page:
        await page.get_by_role("button", name="Unsubscribe", exact=True).click()
        assert "You are unsubscribed from emails" in await page.get_by_role("status").inner_text()
        await for_everybody(page)
        assert await verdict(installation, reader) == "skip"
        await page.get_by_role("button", name="Subscribe again").click()
        assert "again" in await page.get_by_role("status").inner_text()
    assert await verdict(installation, reader) == "send"


async def test_what_one_chooses_is_saved_told_and_undone(opened: Visit, reader: Reader) -> None:
    async with opened(reader.link, refused={422}) as page:
        orders = page.get_by_role("group", name="Order updates")
        await orders.get_by_role("checkbox", name="Email").uncheck()
        assert await page.get_by_role("group", name="Receipts").get_by_role("checkbox").count() == 0
        await page.get_by_label("Quiet hours").check()
        await page.get_by_label("to", exact=True).fill("22:00")
        await page.get_by_role("button", name="Save").click()
        assert "differ" in await page.get_by_role("alert").inner_text()
        assert not await orders.get_by_role("checkbox", name="Email").is_checked()
        await for_everybody(page)
        await page.get_by_label("to", exact=True).fill("06:30")
        await page.get_by_label("At most").select_option("3/7d")
        await page.get_by_role("button", name="Save").click()
        assert "Saved." in await page.get_by_role("status").inner_text()
        assert await page.get_by_label("to", exact=True).input_value() == "06:30"
        await page.get_by_role("button", name="Undo").click()
        assert await orders.get_by_role("checkbox", name="Email").is_checked()
        assert not await page.get_by_label("Quiet hours").is_checked()
        await page.get_by_role("button", name="Pause for a week").click()
        assert await page.get_by_role("button", name="Resume").is_visible()
        await page.get_by_role("button", name="Unsubscribe from everything").click()
        assert await page.get_by_role("checkbox", name="Email", checked=True).count() == 0


async def test_operators_see_it_and_revoke_its_links(opened: Visit, visit: Visit, reader: Reader) -> None:
    async with visit(f"/console/recipients/{reader.id}") as page:
        await page.get_by_role("link", name="Their preference page").click()
        assert "what Ada sees" in await page.get_by_role("complementary").inner_text()
        assert await page.get_by_role("button", name="Save").is_disabled()
        await for_everybody(page)
        await page.get_by_role("link", name="Back to the console").click()
        await page.get_by_role("link", name="revoke the links so far").click()
        await for_everybody(page)
        await page.get_by_role("button", name="Revoke them for good").click()
        assert await page.get_by_text("lead nowhere now").is_visible()
    async with opened(reader.link, PHONE, refused={404}) as page:
        assert await page.get_by_role("heading", name="This link does not work").is_visible()
        await for_everybody(page)


async def test_mails_look_as_the_page_does(installation: Installation) -> None:
    """What the sender may read of the project is enough, and the logo is where the mail says."""
    logo = '<img src="{{ brand_logo }}" alt="{{ brand_name }}">'
    html = f'<p style="background: {{{{ brand_color }}}}; color: {{{{ brand_on_color }}}}">Hello</p>{logo}'
    texts = {"subject": "{{ brand_name }} greets", "body_html": html}
    name = f"greeting-{uuid.uuid4().hex[:8]}"
    await installation.create("/v1/templates", {"name": name, "contents": {"email": {"en": texts}}})
    email = f"{name}@faces.example.org"
    job_id = str(
        (await installation.create("/v1/notifications", {"type": name, "to": {"email": email}}))["job_id"]
    )
    installation.asked.append(Asked(email, Answer.ACCEPTED, job_id))
    await installation.ended(job_id)
    (mail,) = await installation.mails_to(email)
    assert mail["subject"] == "Green Kitchen greets"
    assert 'style="background: #2f8f4e; color: #000000"' in mail["html"]
    (path,) = re.findall(r'src="http://[^/"]+(/brand/[^"]+)"', mail["html"])
    found = await installation.api.get(path)
    assert found.content == base64.b64decode(LOGO.partition(",")[2])


@pytest.mark.parametrize("color", ["#2f8f4e", "#ffe14d"], ids=["green", "pale"])
async def test_a_starter_in_a_brand_can_be_read(browser: Browser, color: str) -> None:
    brand = Branding().names(Brand(UUID(int=1), "Green Kitchen", color))
    data = {
        **brand,
        "brand_logo": LOGO,
        "name": "Ada",
        "inviter": "Grace",
        "group": "Sunday Table",
        "link": "https://shop.example/join",
        "message": "We cook together every other Sunday. Will you join us?",
    }
    html = starter_texts.rendered("invitation", "email", "en", data).html or ""
    async with chromium.page(browser, DESKTOP) as page:
        await page.set_viewport_size({"width": 760, "height": 640})
        await page.set_content(html)
        button = page.get_by_role("link", name="Accept the invitation")
        await button.wait_for()
        found = (await Axe().run(page, options={"runOnly": ["color-contrast"]})).response["violations"]
        assert found == []  # a mail has no landmarks
        if color == "#2f8f4e":
            await picture(page, "templates/branded")
