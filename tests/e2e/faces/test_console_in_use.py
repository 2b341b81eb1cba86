"""The console of a shop that has sent some: the pages that are looked at most, with something on them."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support import chromium
from tests.support.chromium import (
    AUDITED,
    DESKTOP,
    DESKTOP_DARK,
    LOOKS,
    PHONE,
    PICTURES,
    Look,
    for_everybody,
    picture,
)
from tests.support.installation import Installation
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOMAIN = "kitchen.example"
PICTURED = MappingProxyType(
    {"overview": LOOKS, "messages": (DESKTOP,), "message": (DESKTOP, DESKTOP_DARK, PHONE)}
)
"""What the documentation shows."""
PEOPLE = ("Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Mary Jackson", "Dorothy Vaughan")
SUBJECTS = MappingProxyType(
    {
        "order_confirmed": "We have your order, {{ name }}",
        "box_on_its_way": "Your box is on its way",
        "recipe_of_the_week": "This week: pumpkin soup",
        "password_reset": "A new password for you",
    }
)


class Shop(NamedTuple):
    """Where it is, a login, and one of its messages."""

    origin: str
    cookie: StorageState
    message: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(browser: Browser, installation: Installation) -> AsyncIterator[Shop]:
    installation.judged_elsewhere = f"@{DOMAIN}"
    ledger = Ledger(installation.database_url, service="tests", pool_size=1)
    try:
        key = (await keys.create(ledger, "Green Kitchen", ("read", "send", "manage"), "Olga")).secret
    finally:
        await ledger.close()
    origin = installation.fleet.api_url
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=origin, headers=headers, trust_env=False, timeout=30) as api:
        message = await _sold(api)
    async with chromium.page(browser, DESKTOP, origin) as page:
        await page.goto(f"{origin}/console")
        await page.get_by_label("API key").fill(key)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{origin}/console")
        yield Shop(origin, await page.context.storage_state(), message)


async def _sold(api: httpx.AsyncClient) -> str:
    """People, what they are told, and what has become of it; returns one of the messages."""
    for name, subject in SUBJECTS.items():
        texts = {"subject": subject, "body_html": f"<h1>{subject}</h1>"}
        await _made(api, "templates", {"name": name, "contents": {"email": {"en": texts}}})
    ids = []
    for name in PEOPLE:
        email = f"{name.split()[0].lower()}@{DOMAIN}"
        person = {"name": name, "email": email, "timezone": "Europe/Vienna", "locale": "en"}
        ids.append((await _made(api, "recipients", person))["id"])
    await _made(api, "suppressions", {"address": f"dorothy@{DOMAIN}", "reason": "complaint"})
    sent = [
        await _told(api, kind, each) for each in ids for kind in ("order_confirmed", "recipe_of_the_week")
    ]
    sent.append(await _told(api, "box_on_its_way", ids[1]))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await _told(api, "password_reset", ids[0], scheduled_for=tomorrow)
    rule = {"name": "Recipe of the week", "cron": "0 9 * * 5", "timezone": "Europe/Vienna"}
    job = {"type": "recipe_of_the_week", "to": {"recipient_id": ids[0]}, "data": {"name": "Ada"}}
    await _made(api, "schedules", rule | {"job": job})

    async def all_ended() -> bool:
        found = [(await api.get(f"/v1/jobs/{each}")).json()["job"]["finished_at"] for each in sent]
        return all(found)

    ended: bool = await wait_until(all_ended, 60, "the end of the shop's messages", interval=0.1)
    assert ended
    return sent[-1]


async def _told(api: httpx.AsyncClient, kind: str, recipient_id: str, **more: str) -> str:
    wanted = {
        "type": kind,
        "to": {"recipient_id": recipient_id},
        "channels": ["email"],
        "data": {"name": "you"},
    }
    return str((await _made(api, "notifications", wanted | more))["job_id"])


async def _made(api: httpx.AsyncClient, noun: str, document: dict[str, Any]) -> Any:
    answer = await api.post(f"/v1/{noun}", json=document)
    assert answer.is_success, answer.text
    return answer.json()


@pytest.mark.parametrize("look", LOOKS if os.environ.get(PICTURES) else AUDITED, ids=lambda look: look.name)
async def test_the_pages_that_are_looked_at_most(browser: Browser, shop: Shop, look: Look) -> None:
    shown = {
        "overview": "/console",
        "messages": "/console/messages",
        "message": f"/console/messages/{shop.message}",
    }
    async with chromium.page(browser, look, shop.origin, state=shop.cookie) as page:
        for name, path in shown.items():
            await page.goto(shop.origin + path)
            assert await page.locator("h1").count() == 1
            await page.get_by_role("button", name="Live").wait_for()
            await for_everybody(page)
            if look in PICTURED[name]:
                await picture(page, f"console/{name}-{look.name}")
