"""A real browser, and what nobody may ever meet on a page of ours."""

import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    StorageState,
    async_playwright,
)

from hermodr_devkit.backing.distribution import CHROMIUM, ensure, find_chromium

PICTURES = "PICTURES"
"""A variable: where pages have pictures in the documentation, they are taken anew (`make pictures`)."""
IMAGES = Path(__file__).parents[2] / "docs/images"
_WITHOUT_ADDRESS = ("data", "blob", "about")


@dataclass(frozen=True)
class Look:
    """A window and a colour scheme."""

    width: int
    height: int
    scheme: str

    @property
    def name(self) -> str:
        return f"{'phone' if self.width < 500 else 'desktop'}-{self.scheme}"


DESKTOP = Look(1280, 800, "light")
DESKTOP_DARK = Look(1280, 800, "dark")
PHONE = Look(375, 812, "light")
PHONE_DARK = Look(375, 812, "dark")
LOOKS = (DESKTOP, DESKTOP_DARK, PHONE, PHONE_DARK)
AUDITED = (DESKTOP, PHONE_DARK)
"""Both widths and both schemes, in half the time."""
_PATIENCE_MILLISECONDS = 10_000


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's, installed at first use. Raises Unavailable."""
    ensure(CHROMIUM, print)
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox does not start as root
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page(
    browser: Browser,
    look: Look,
    *origins: str,
    state: StorageState | None = None,
    refused: Collection[int] = (),
    zone: str = "UTC",
) -> AsyncIterator[Page]:
    """A page in a window of its own, in a time zone; its requests may go to `origins` alone.

    Raises AssertionError at the end if a script failed, something was refused by the Content-Security-Policy, a request
    went elsewhere, or an answer was an error whose status is not in `refused`.
    """
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.scheme == "dark" else "light",
        storage_state=state,
        locale="en-GB",
        timezone_id=zone,
        reduced_motion="reduce",
    )
    flaws = _watched(context, origins, refused)
    try:
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        yield await context.new_page()
        if flaws:
            raise AssertionError("\n".join(flaws))
    finally:
        await context.close()


def _watched(context: BrowserContext, origins: Collection[str], refused: Collection[int]) -> list[str]:
    flaws: list[str] = []

    def said(message: ConsoleMessage) -> None:
        status_is_judged_below = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not status_is_judged_below:
            flaws.append(f"{message.type}: {message.text}")

    def asked(request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in _WITHOUT_ADDRESS and f"{url.scheme}://{url.netloc}" not in origins:
            flaws.append(f"asks {request.url}")

    def answered(response: Response) -> None:
        if response.status >= 400 and response.status not in refused:
            flaws.append(f"{response.status} from {response.url}")

    context.on("console", said)
    context.on("weberror", lambda error: flaws.append(str(error.error)))
    context.on("request", asked)
    context.on("response", answered)
    return flaws


async def for_everybody(page: Page) -> None:
    """axe-core finds nothing, and nothing is wider than the window. Raises AssertionError with what and where."""
    await page.wait_for_load_state("load")  # before its styles are there, a page has no contrast
    found = (await Axe().run(page, options={"resultTypes": ["violations"]})).response["violations"]
    if found:
        raise AssertionError(f"{page.url}\n" + "\n".join(_told(each) for each in found))
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        raise AssertionError(f"{page.url} is {wide} px wider than the window")


def _told(violation: dict[str, object]) -> str:
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    places = "; ".join(f"{node['html'][:160]} {node['failureSummary']}" for node in nodes[:3])
    return f"{violation['id']}: {violation['help']}: {places}"


async def picture(page: Page, name: str, whole: bool = False) -> None:
    """From the top, for the documentation, as `docs/images/{name}.png`; only where pictures are taken."""
    if os.environ.get(PICTURES):
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=IMAGES / f"{name}.png", full_page=whole)
