"""One browser for all pages; whoever needs a login has one without typing a key again."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest_asyncio
from playwright.async_api import Browser, Page, StorageState

from tests.support import chromium
from tests.support.chromium import DESKTOP, Look
from tests.support.installation import Installation

Visit = Callable[..., AbstractAsyncContextManager[Page]]
"""`visit(path, look=DESKTOP, refused=(), zone="UTC")`: the page of the console at that path, as a key with all scopes
sees it. It is judged at the end (`tests.support.chromium.page`)."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cookie(browser: Browser, common_installation: Installation) -> StorageState:
    """Of a session."""
    origin = common_installation.fleet.api_url
    async with chromium.page(browser, DESKTOP, origin) as page:
        await page.goto(f"{origin}/console")
        await page.get_by_label("API key").fill(common_installation.key)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{origin}/console")
        return await page.context.storage_state()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, cookie: StorageState, installation: Installation) -> Visit:
    origin = installation.fleet.api_url

    @asynccontextmanager
    async def visiting(
        path: str, look: Look = DESKTOP, refused: Collection[int] = (), zone: str = "UTC"
    ) -> AsyncIterator[Page]:
        async with chromium.page(browser, look, origin, state=cookie, refused=refused, zone=zone) as page:
            await page.goto(f"{origin}{path}")
            yield page

    return visiting
