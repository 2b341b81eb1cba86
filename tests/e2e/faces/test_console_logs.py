"""What a task logs, as somebody follows it in the console."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks import claiming, logs, recording
from hermodr_ledger.tasks.claiming import Claim, Offer, Turn
from hermodr_ledger.tasks.logs import Line, Logged
from hermodr_worker.domain import Ended, settled
from tests.e2e.faces.conftest import Visit
from tests.support.chromium import for_everybody
from tests.support.installation import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)
_SEEN = """
text => {
  const box = document.querySelector(".log-box").getBoundingClientRect();
  const line = [...document.querySelectorAll(".log li")].find((each) => each.innerText.endsWith(text));
  const {top, bottom} = line.getBoundingClientRect();
  return top >= box.top - 1 && bottom <= box.bottom + 1;
}
"""
"""Whether a line is within what is shown of the box."""


async def claimed(ledger: Ledger, of: str) -> Claim:
    async with asyncio.timeout(20):
        while True:
            if found := await claiming.claim(ledger, "me:1", [Offer(of, 1, False)], 1, 300.0, Turn()):
                return found[0]
            await asyncio.sleep(0.1)


async def kept(ledger: Ledger, claim: Claim, numbers: range) -> None:
    lines = [Line(number, AT, f"row {number}") for number in numbers]
    await logs.keep(ledger, "me:1", [Logged(claim.job_id, claim.claimed_at, lines)])


async def read_again(page: Page, text: str) -> None:
    await expect(page.locator(".log li").last).to_contain_text(text, timeout=30_000)


async def test_the_end_of_a_log_is_followed_in_ones_zone(visit: Visit, installation: Installation) -> None:
    of = f"count-{uuid4()}"
    job_id = (await installation.create("/v1/jobs", {"type": of, "payload": {}}))["job_id"]
    ledger = Ledger(installation.database_url, service="tests", pool_size=1)
    try:
        claim = await claimed(ledger, of)
        await kept(ledger, claim, range(1, 81))
        async with visit(f"/console/messages/{job_id}", zone="Asia/Kathmandu") as page:
            time = page.locator(".log time").last
            await expect(time).to_have_text("17:45:00.250")
            await expect(time).to_have_attribute("title", "2026-05-04 12:00:00 UTC")
            assert await page.evaluate(_SEEN, "row 80"), "it is opened at its end"
            await kept(ledger, claim, range(81, 86))
            await read_again(page, "row 85")
            assert await page.evaluate(_SEEN, "row 85"), "who is at the end stays there"
            await page.locator(".log li", has_text="row 60").first.scroll_into_view_if_needed()
            await kept(ledger, claim, range(86, 91))
            await read_again(page, "row 90")
            assert await page.evaluate(_SEEN, "row 60"), "who looks at something goes on looking at it"
            await expect(time).to_have_text("17:45:00.250")
            await for_everybody(page)
        result = settled(claim, Ended("completed", result="1"), 1.0, None)
        assert result is not None
        await recording.record(ledger, "me:1", [result])
    finally:
        await ledger.close()
