"""Auto-syncs in a browser: a group is asked, answers, and the page follows. And how people see a project."""

import base64

import pytest
from playwright.async_api import FilePayload

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import AUDITED, DESKTOP, Look, for_everybody, picture
from tests.support.installation import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")

GIF = base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAA=")
NAMES = ("Olga", "Ada", "Grace", "Katherine")


async def choir(installation: Installation) -> tuple[str, str, list[str]]:
    """Who asks, the group, and its members."""
    people = [
        (await installation.create("/v1/recipients", {"name": name, "email": f"{name.lower()}@example.com"}))[
            "id"
        ]
        for name in NAMES
    ]
    group = str((await installation.create("/v1/groups", {"name": "Choir"}))["id"])
    members = {"members": [{"recipient_id": each} for each in people[1:]]}
    added = await installation.create(f"/v1/groups/{group}/members", members)
    return str(people[0]), group, [str(each["id"]) for each in added["data"]]


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_a_group_is_asked_and_the_page_follows(
    visit: Visit, installation: Installation, look: Look
) -> None:
    organizer, group, members = await choir(installation)
    async with visit(f"/console/auto-syncs/new?organizer_id={organizer}&group_id={group}", look) as page:
        await for_everybody(page)
        await page.get_by_label("What it is about").fill("Summer party")
        await page.get_by_label("How many are to answer").select_option("percent")
        await page.get_by_label("Number, or percent").fill("60")
        await page.get_by_label("Time zone").fill("Europe/Vienna")
        await page.get_by_label("More for the template").fill('{"link": "https://example.com/party"}')
        await page.get_by_role("button", name="Ask them").click()
        await page.get_by_role("heading", name="Summer party running").wait_for()
        await for_everybody(page)
        await page.get_by_label("Of", exact=True).select_option(label="Grace")
        await page.get_by_label("Answer", exact=True).fill("I bring a cake")
        await page.get_by_role("button", name="Record it").click()
        await page.get_by_role("cell", name="I bring a cake").wait_for()
        await for_everybody(page)
        await picture(page, f"console/auto-sync-{look.name}")
        await page.get_by_role("button", name="Pause").click()
        await page.get_by_role("heading", name="Summer party paused").wait_for()
        await page.get_by_role("button", name="Resume").click()
        await page.get_by_role("heading", name="Summer party running").wait_for()
        await page.get_by_role("button", name="Do what is due now").click()
        await page.get_by_text("Nothing was due").wait_for()
        sync = page.url.partition("?")[0].rpartition("/")[2]
        await installation.create(
            f"/v1/auto-syncs/{sync}/responses", {"member_id": members[0], "response": "yes"}
        )
        await page.reload()
        await page.get_by_role("heading", name="Summer party completed").wait_for()
        await page.get_by_role("link", name="Delete").click()
        await for_everybody(page)
        await page.get_by_role("button", name="Delete").click()
        await page.wait_for_url("**/console/auto-syncs")
        await for_everybody(page)


async def test_what_is_typed_wrongly_stays_in_the_form(visit: Visit, installation: Installation) -> None:
    organizer, group, _ = await choir(installation)
    path = f"/console/auto-syncs/new?organizer_id={organizer}&group_id={group}"
    async with visit(path, DESKTOP, refused=[422]) as page:
        await page.get_by_label("What it is about").fill("Summer party")
        await page.get_by_label("Pauses after").fill("soon")
        await page.get_by_role("button", name="Ask them").click()
        await page.get_by_text("This was not saved").wait_for()
        assert await page.get_by_label("What it is about").input_value() == "Summer party"
        await for_everybody(page)


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_a_project_is_given_a_brand(visit: Visit, look: Look) -> None:
    async with visit("/console/project", look) as page:
        await page.get_by_role("link", name="Brand").click()
        await for_everybody(page)
        await page.get_by_label("Name", exact=True).fill("Bakery")
        await page.get_by_label("Choose the colour of buttons").fill("#2456d6")
        typed = page.get_by_label("Colour of buttons", exact=True)
        assert await typed.input_value() == "#2456d6"
        logo: FilePayload = {"name": "logo.gif", "mimeType": "image/gif", "buffer": GIF}
        await page.get_by_label("Logo").set_input_files(logo)
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("Bakery in #2456d6").wait_for()
        await for_everybody(page)
        await page.get_by_role("link", name="Brand").click()
        await page.get_by_alt_text("The logo").wait_for()
        await page.get_by_label("Without this logo").check()
        await page.get_by_label("Name", exact=True).fill("")
        await typed.fill("")
        await for_everybody(page)
        await page.get_by_role("button", name="Save").click()
        await page.wait_for_url("**/console/project")
        assert await page.get_by_text("Bakery").count() == 0
