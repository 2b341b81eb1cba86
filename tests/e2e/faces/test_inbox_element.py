"""`<hermodr-inbox>` and `<hermodr-job>` in a page of another origin, under a strict policy, as a user meets them."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from hermodr_worker import TaskContext, task
from tests.support import chromium, frameworks, user_tokens
from tests.support.api import WEBHOOK_KEY
from tests.support.brokers import Broker
from tests.support.chromium import AUDITED, DESKTOP, LOOKS, PHONE, PICTURES, Look, for_everybody
from tests.support.embedding import address, embedder
from tests.support.installation import Installation, installed
from tests.support.tasks import working
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOKED_AT = LOOKS if os.environ.get(PICTURES) else AUDITED
TYPES = {"invitation": False, "lower_price": False, "new_device": True}
"""And whether they are critical."""
LABELS = {"lower_price": {"en": {"title": "Lower prices", "description": "Of what you liked."}}}
GUIDE = Path(__file__).parents[3] / "docs/guides/inbox-widget.md"
STRANGER = "<img src=x onerror=alert(1)>"


@dataclass
class Shop:
    """An application of another origin than its Hermodr."""

    installation: Installation
    browser: Browser
    origin: str
    project_id: UUID
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return self.installation.fleet.api_url

    async def user(self, name: str, lasts: timedelta = timedelta(hours=1)) -> str:
        """A new one, by their token."""
        await self.installation.create("/v1/recipients", {"user_id": name, "email": f"{name}@example.org"})
        self.tokens[name] = await user_tokens.signed(
            self.installation.database_url, WEBHOOK_KEY, self.project_id, name, lasts
        )
        return self.tokens[name]

    async def tell(self, name: str, title: str, text: str = "", data: Mapping[str, Any] | None = None) -> str:
        """Returns when it is in the inbox."""
        wanted = {
            "to": {"user_id": name},
            "channels": ["in_app"],
            "subject": title,
            "body_text": text or "News.",
        }
        made = await self.installation.create("/v1/notifications", wanted | {"data": data or {}})
        await self.installation.ended(made["job_id"])
        return str(made["job_id"])

    async def as_user(self, name: str, path: str) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[name]}"}
        async with httpx.AsyncClient(base_url=self.api, headers=headers, trust_env=False) as http:
            return (await http.get(path)).raise_for_status().json()

    async def inbox_of(self, name: str, query: str = "") -> list[str]:
        return [each["title"] for each in (await self.as_user(name, f"/v1/inbox{query}"))["data"]]

    @asynccontextmanager
    async def visited(
        self, name: str, look: Look = DESKTOP, jobs: tuple[str, ...] = (), **attributes: str
    ) -> AsyncIterator[Page]:
        """The shop's page as that user has it; judged at the end."""
        async with chromium.page(self.browser, look, self.origin, self.api) as page:
            await page.goto(address(self.origin, self.api, self.tokens[name], jobs, **attributes))
            await expect(bell(page)).to_be_visible()
            yield page


async def shown(page: Page, name: str) -> None:
    """A picture for the guide, if it has one of that name."""
    if f"/{name}.png" in GUIDE.read_text(encoding="utf-8"):
        await chromium.picture(page, name)


def bell(page: Page) -> Any:
    return page.locator("hermodr-inbox").locator(".bell")


def row(page: Page, title: str) -> Any:
    return page.locator("hermodr-inbox").get_by_role("listitem").filter(has_text=title)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(broker: Broker, database_url: str, logs: Path, browser: Browser) -> AsyncIterator[Shop]:
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        HERMODR_SECRET_KEY=WEBHOOK_KEY,
        HERMODR_CORS_ORIGINS="*",
    ) as installation:
        project_id = UUID((await installation.read("/v1/projects/me"))["id"])
        for name, critical in TYPES.items():
            texts = {"subject": "Hello", "body_text": "News."}
            contents = {
                "email": {"en": texts},
                "in_app": {"en": texts},
                "sms": {"en": {"body_text": "News."}},
            }
            template = {"name": name, "critical": critical, "contents": contents, "labels": LABELS.get(name)}
            await installation.create("/v1/templates", template)
        with embedder(installation.fleet.api_url) as origin:
            yield Shop(installation, browser, origin, project_id)


@pytest.mark.parametrize("look", LOOKED_AT, ids=lambda look: look.name)
async def test_reading_and_putting_away(shop: Shop, look: Look) -> None:
    name = f"ada-{look.name}"
    await shop.user(name)
    await shop.tell(name, "The lantern you liked costs less", "Now 39 €, until Sunday.", {"url": "/#lantern"})
    await shop.tell(name, "Order 4712 is packed", "Two parcels, on Friday at your door.")
    await shop.tell(name, "A new device signed in", "Firefox on Linux. Was that you?")
    async with shop.visited(name, look) as page:
        await expect(bell(page)).to_have_accessible_name("Notifications, Unread: 3")
        await bell(page).click()
        panel = page.get_by_role("dialog", name="Notifications")
        await expect(panel.get_by_role("listitem")).to_have_count(3)
        await expect(page.get_by_role("img", name="Live")).to_be_visible()
        await for_everybody(page)
        await shown(page, f"inbox-{look.name}")

        await row(page, "Order 4712").get_by_role("button", name="Mark as read").click()
        await expect(page).to_have_title("(2) A shop with an inbox")
        await row(page, "A new device").get_by_role("button", name="Archive").click()
        await expect(row(page, "A new device")).to_have_count(0)
        await page.get_by_role("button", name="Undo").click()
        await expect(row(page, "A new device")).to_be_visible()
        await panel.get_by_role("tab", name="Unread").click()
        await expect(panel.get_by_role("listitem")).to_have_count(2)

        await row(page, "A new device").get_by_role("button", name="More actions").click()
        await for_everybody(page)
        await page.get_by_role("menuitem", name="Snooze for an hour").click()
        await panel.get_by_role("tab", name="Snoozed").click()
        await expect(row(page, "A new device")).to_contain_text("Snoozed until")
        assert await shop.inbox_of(name, "?snoozed=true") == ["A new device signed in"]

        await panel.get_by_role("tab", name="All").click()
        await row(page, "The lantern").get_by_role("link").click()
        await expect(page).to_have_url(f"{shop.origin}/#lantern")
        await expect(page).to_have_title("A shop with an inbox")
    assert await shop.inbox_of(name, "?read=false") == []


async def test_deleting_asks_once_more(shop: Shop) -> None:
    await shop.user("dora")
    await shop.tell("dora", "Gone soon")
    async with shop.visited("dora") as page:
        await bell(page).click()
        await row(page, "Gone soon").get_by_role("button", name="More actions").click()
        await page.get_by_role("menuitem", name="Delete", exact=True).click()
        await page.get_by_role("menuitem", name="Delete for good?").click()
        await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    assert await shop.inbox_of("dora") == []


@pytest.mark.parametrize("look", LOOKED_AT, ids=lambda look: look.name)
async def test_what_happens_elsewhere_is_seen_at_once(shop: Shop, look: Look) -> None:
    name = f"bob-{look.name}"
    await shop.user(name)
    async with shop.visited(name, look) as page:
        await expect(page.locator("hermodr-inbox").locator(".connection")).to_have_attribute(
            "data-state", "live"
        )
        await shop.tell(name, STRANGER, "It happened just now.")
        await expect(page.locator("hermodr-inbox").locator(".toast")).to_contain_text(STRANGER)
        await expect(page.get_by_role("status")).to_have_text(f"New: {STRANGER}")
        await expect(page).to_have_title("(1) A shop with an inbox")
        await for_everybody(page)
        await shown(page, f"inbox-toast-{look.name}")
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(row(page, STRANGER)).to_be_visible()

        found = (await shop.as_user(name, "/v1/inbox"))["data"][0]["id"]
        headers = {"authorization": f"Bearer {shop.tokens[name]}"}
        async with httpx.AsyncClient(base_url=shop.api, headers=headers, trust_env=False) as another_device:
            (await another_device.patch(f"/v1/inbox/{found}/archive")).raise_for_status()
        await expect(row(page, STRANGER)).to_have_count(0)
        await expect(page).to_have_title("A shop with an inbox")


@pytest.mark.parametrize("look", LOOKED_AT, ids=lambda look: look.name)
async def test_wishes(shop: Shop, look: Look) -> None:
    name = f"cleo-{look.name}"
    await shop.user(name)
    async with shop.visited(name, look) as page:
        await bell(page).click()
        await page.get_by_role("button", name="Settings").click()
        wish = page.get_by_role("group", name="Invitation", exact=True)
        await expect(wish.get_by_role("checkbox", name="Email")).to_be_checked()
        await expect(wish.get_by_role("checkbox")).to_have_count(2)  # they have no phone number
        labelled = page.get_by_role("group", name="Lower prices", exact=True)
        await expect(labelled.get_by_text("Of what you liked.")).to_be_visible()
        await expect(labelled.get_by_role("checkbox", name="In the app")).to_be_checked()
        await expect(
            page.get_by_role("group", name="New device").get_by_role("checkbox").first
        ).to_be_disabled()
        await for_everybody(page)
        await shown(page, f"inbox-wishes-{look.name}")
        async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            await wish.get_by_role("checkbox", name="Email").uncheck()
        await page.get_by_role("button", name="Back").click()
        await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    found = (await shop.as_user(name, "/v1/inbox/preferences?limit=200"))["data"]
    assert {each["type"]: each["channels"]["email"] for each in found}["invitation"] is False


async def test_by_keys_alone(shop: Shop) -> None:
    await shop.user("kim")
    for title in ("First", "Second", "Third"):
        await shop.tell("kim", title)
    async with shop.visited("kim") as page:
        await bell(page).focus()
        await page.keyboard.press("Enter")
        await expect(row(page, "First")).to_be_visible()
        await expect(page.get_by_role("dialog")).to_be_focused()
        await row(page, "Third").get_by_role("button", name="Third", exact=True).focus()
        await page.keyboard.press("ArrowDown")
        await expect(row(page, "Second").get_by_role("button", name="Second", exact=True)).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(bell(page)).to_have_accessible_name("Notifications, Unread: 2")
        await row(page, "Second").get_by_role("button", name="Archive").press("Enter")
        await expect(row(page, "First").get_by_role("button", name="First", exact=True)).to_be_focused()
        await row(page, "First").get_by_role("button", name="More actions").press("Enter")
        await page.keyboard.press("ArrowUp")
        await expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(row(page, "First").get_by_role("button", name="More actions")).to_be_focused()
        await page.get_by_role("tab", name="All").focus()
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("tab", name="Unread")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(bell(page)).to_be_focused()


async def _without_a_token(shop: Shop) -> None:
    async with chromium.page(shop.browser, DESKTOP, shop.origin, shop.api) as page:
        async with page.expect_console_message(lambda said: "no token" in said.text):
            await page.goto(address(shop.origin, shop.api, ""))
        await expect(bell(page)).to_have_attribute("aria-label", "Notifications, Not connected")
        await for_everybody(page)


async def test_without_a_token_it_says_so(shop: Shop) -> None:
    with pytest.raises(AssertionError, match="warning: <hermodr-inbox> is not connected, it has no token"):
        await _without_a_token(shop)


@pytest.mark.parametrize(
    ("locale", "name", "empty"),
    [("de", "Mitteilungen", "Noch nichts da"), ("ar", "الإشعارات", "لا شيء هنا بعد")],
)
async def test_other_languages_and_directions(shop: Shop, locale: str, name: str, empty: str) -> None:
    await shop.user(f"lang-{locale}")
    async with shop.visited(f"lang-{locale}", PHONE, locale=locale, theme="dark", open="") as page:
        await expect(page.get_by_role("dialog", name=name)).to_contain_text(empty)
        await for_everybody(page)
        await shown(page, f"inbox-{locale}")


async def test_a_task_step_by_step(shop: Shop) -> None:
    steps: asyncio.Queue[str] = asyncio.Queue()

    @task("take-stock", users=True, retries=0)
    async def count(ctx: TaskContext, payload: dict[str, int]) -> dict[str, int]:
        for number in range(1, 5):
            if (step := await steps.get()) == "fall":
                raise ValueError("the shelf fell over")
            await ctx.progress(number, 4, step)
            ctx.raise_if_cancelled()
        return {"counted": 4}

    await shop.user("otto")
    installation = shop.installation
    environment = installation.fleet.environment
    place = {name: environment[f"HERMODR_{name.upper()}"] for name in ("amqp_url", "amqp_prefix")}
    async with working(installation.database_url, count, **place):
        headers = {"authorization": f"Bearer {shop.tokens['otto']}"}
        async with httpx.AsyncClient(base_url=shop.api, headers=headers, trust_env=False) as http:

            async def asked() -> Any:
                """Once the api knows that users may."""
                answer = await http.post("/v1/jobs", json={"type": "take-stock", "payload": {}})
                return str(answer.json()["job_id"]) if answer.status_code == httpx.codes.ACCEPTED else None

            job_id: Any = await wait_until(asked, 30, "a task that users may start")
        async with shop.visited("otto", jobs=(job_id,)) as page:
            job = page.locator("hermodr-job")
            for number in range(1, 3):
                steps.put_nowait(f"Shelf {number}")
                await expect(job).to_contain_text(f"{number} of 4 · Shelf {number}")
            await expect(job.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
            await for_everybody(page)
            await shown(page, "job-running")
            steps.put_nowait("fall")
            await expect(job).to_contain_text("Failed")
            await job.get_by_role("button", name="Try again").click()
            await expect(job).to_contain_text("Running")
            steps.put_nowait("Shelf 1")
            await expect(job).to_contain_text("1 of 4 · Shelf 1")
            await job.get_by_role("button", name="History").click()
            await expect(job.get_by_role("listitem").first).to_contain_text("Asked for")
            await job.get_by_role("button", name="Cancel").click()
            await expect(job).to_contain_text("Cancelled")
            await for_everybody(page)
            await shown(page, "job-cancelled")


@pytest.mark.parametrize("framework", frameworks.FRAMEWORKS)
async def test_a_page_made_with_a_framework(shop: Shop, framework: str, tmp_path: Path) -> None:
    """The example pages as they are, from node_modules and no other server."""
    name = f"page-of-{framework}"
    await shop.user(name)
    folder = await asyncio.to_thread(frameworks.site, framework, tmp_path)
    with embedder(shop.api, folder, strict=False) as origin:
        async with chromium.page(shop.browser, DESKTOP, origin, shop.api) as page:
            await page.goto(address(origin, shop.api, shop.tokens[name]))
            await expect(page.get_by_role("heading", name="Unread: 0")).to_be_visible()
            await expect(page.locator("hermodr-inbox").locator(".connection")).to_have_attribute(
                "data-state", "live"
            )
            await shop.tell(name, "Your table is ready", data={"url": "/table"})
            await expect(page.get_by_role("heading", name="Unread: 1")).to_be_visible()
            await bell(page).click()
            await row(page, "Your table is ready").get_by_role("link").click()
            await expect(page.get_by_role("heading", name="Unread: 0")).to_be_visible()
            await expect(page.locator("main p")).to_have_text("Your table is ready")
            assert page.url.startswith(f"{origin}/#")
