"""What messages are made of, in a browser: templates are written with a preview that follows, tried, and compared."""

from itertools import count

import pytest

from tests.e2e.faces.conftest import Visit
from tests.support.chromium import AUDITED, DESKTOP, Look, for_everybody, picture
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

MJML = """<mjml>
  <mj-body background-color="#eef2f7">
    <mj-section background-color="#ffffff">
      <mj-column>
        <mj-text font-size="20px">Hello {{ name }},</mj-text>
        <mj-text>your order {{ order.number }} is on its way.</mj-text>
        <mj-button href="{{ tracking_url }}">Follow it</mj-button>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_TO = "grace@faces.example.org"
_NUMBERS = count(1)
"""For names that are in pictures."""


async def template(installation: Installation) -> str:
    """Its page."""
    email = {
        "en": {"subject": "Order {{ order.number }} is on its way", "body_mjml": MJML},
        "de": {"subject": "Deine Bestellung", "body_text": "Hallo {{ name }}"},
    }
    sms = {"en": {"body_text": "Order {{ order.number }} is on its way: {{ tracking_url }}"}}
    number = next(_NUMBERS)
    name = "order_shipped" if number == 1 else f"order_shipped_{number}"
    request = {"name": name, "contents": {"email": email, "sms": sms}}
    made = await installation.create("/v1/templates", request)
    return f"/console/templates/{made['id']}"


async def test_a_template_is_edited_with_a_preview_that_follows(
    visit: Visit, installation: Installation
) -> None:
    path = await template(installation)
    async with visit(f"{path}/edit?channel=email&locale=en") as page:
        mail = page.frame_locator("#mail").locator("body")
        await mail.get_by_text("your order 3 is on its way").wait_for()
        await for_everybody(page)
        await picture(page, "console/editor-desktop-light")
        mjml = page.get_by_label("MJML", exact=True)
        await mjml.fill(MJML.replace("is on its way", "left {% if today %}"))
        spot = page.get_by_role("button", name="line 7")
        await spot.wait_for()
        await for_everybody(page)
        await spot.click()
        assert await mjml.evaluate("area => area === document.activeElement && area.selectionStart > 0")
        await mjml.fill(MJML.replace("is on its way", "has left our house"))
        await mail.get_by_text("your order 3 has left our house").wait_for()
        assert await spot.count() == 0
        await page.get_by_label("Phone", exact=True).check()
        await page.get_by_label("Dark", exact=True).check()
        assert await page.locator("#mail").evaluate("frame => frame.clientWidth") == 375
        await page.get_by_role("button", name="Save as a new version").click()
        await page.wait_for_url(f"**{path}?channel=email&locale=en")
        assert "version 2" in (await page.locator("main").inner_text()).lower()
        await page.get_by_role("link", name="Versions").click()
        await page.get_by_role("button", name="Side by side").click()
        assert await page.locator("mark", has_text="house").count() == 1
        await for_everybody(page)
        await picture(page, "console/compare-desktop-light")


async def test_the_later_of_two_editors_is_told(visit: Visit, installation: Installation) -> None:
    path = await template(installation)
    async with visit(f"{path}/edit?channel=email&locale=de", refused=[409]) as page:
        theirs = {"email": {"de": {"subject": "Ihre Bestellung", "body_text": "Guten Tag"}}}
        answer = await installation.api.patch(path.replace("/console", "/v1"), json={"contents": theirs})
        assert answer.status_code == 200
        await page.get_by_label("Subject").fill("Unterwegs")
        await page.get_by_role("button", name="Save as a new version").click()
        await page.get_by_role("heading", name="Somebody else has changed this template").wait_for()
        assert await page.get_by_label("Subject").input_value() == "Unterwegs"
        await for_everybody(page)
        await page.get_by_role("button", name="Save over version 2").click()
        await page.wait_for_url(f"**{path}?channel=email&locale=de")


async def test_a_new_template_is_written_and_tried(visit: Visit, installation: Installation) -> None:
    name = f"welcome_{next(_NUMBERS)}"
    async with visit("/console/templates") as page:
        await page.get_by_role("link", name="New template").click()
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Subject").fill("Welcome, {{ name }}")
        await page.get_by_label("Text", exact=True).fill("Good that you are here.")
        await page.get_by_label("Example data").fill('{"name": "Grace"}')
        await page.get_by_text("Welcome, Grace").wait_for()
        await page.get_by_text("Send a test", exact=True).click()
        await page.get_by_label("To", exact=True).fill(_TO)
        await page.get_by_role("button", name="Send what is written here").click()
        message = page.get_by_role("link", name="its message")
        job_id = str(await message.get_attribute("href")).rpartition("/")[2]
        installation.asked.append(Asked(_TO, Answer.ACCEPTED, job_id))
        await installation.ended(job_id)
        await page.get_by_role("button", name="Add the template").click()
        await page.get_by_role("heading", name=name).wait_for()
        await for_everybody(page)


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_every_page_of_a_template(visit: Visit, installation: Installation, look: Look) -> None:
    path = await template(installation)
    shown = (
        path,
        f"{path}?channel=sms",
        f"{path}/edit?channel=email&locale=en",
        f"{path}/edit?channel=whatsapp",
        f"{path}/versions",
        f"{path}/settings",
        f"{path}/labels",
        "/console/templates/new",
    )
    async with visit("/console/templates", look) as page:
        origin = page.url.partition("/console")[0]
        for each in shown:
            await page.goto(origin + each)
            assert await page.locator("h1").count() == 1
            await for_everybody(page)


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_a_schedule_is_made_and_its_calendar_read(
    visit: Visit, installation: Installation, look: Look
) -> None:
    async with visit("/console/schedules", look) as page:
        await page.get_by_role("link", name="New schedule").click()
        await for_everybody(page)
        await page.get_by_label("Name", exact=True).fill(f"Weekly report {next(_NUMBERS)}")
        await page.get_by_label("Cron", exact=True).fill("30 2 * * 7,1-3")
        await page.get_by_label("Time zone").fill("Europe/Vienna")
        await page.get_by_label("A task").check()
        await page.get_by_label("Task", exact=True).fill("report")
        await page.get_by_label("Payload").fill('{"format": "csv"}')
        await for_everybody(page)
        await page.get_by_role("button", name="Add the schedule").click()
        await page.get_by_role("heading", name="What became of it").wait_for()
        assert await page.locator("time:visible", has_text="02:30").count() > 0
        for _ in range(12):
            if await page.locator(".turned:visible").count():
                break
            await page.get_by_role("link", name="Later").click()
        assert "clock 60 min" in await page.locator(".turned:visible").first.inner_text()
        await for_everybody(page)
        if look is DESKTOP:
            await picture(page, "console/schedule-desktop-light")
        await page.get_by_role("button", name="Pause").click()
        await page.get_by_text("It is paused").wait_for()
        await page.get_by_role("link", name="Delete").click()
        await for_everybody(page)
        await page.get_by_role("button", name="Delete").click()
        await page.wait_for_url("**/console/schedules")


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_a_schedule_sends_a_template_to_a_recipient(
    visit: Visit, installation: Installation, look: Look
) -> None:
    name, cook = ("autumn_recipe", "dorothy") if look is DESKTOP else ("winter_recipe", "mary")
    texts = {"subject": "Recipe of {{ week }}", "body_text": "{{ recipe.link }}"}
    await installation.create("/v1/templates", {"name": name, "contents": {"email": {"en": texts}}})
    person = {"external_id": cook, "name": "Dorothy Vaughan", "email": "dorothy@example.com"}
    await installation.create("/v1/recipients", person)
    async with visit("/console/schedules/new", look, refused=[422]) as page:
        await page.get_by_label("Name", exact=True).fill(name.replace("_", " ").capitalize())
        await page.get_by_label("Cron", exact=True).fill("0 9 * * 5")
        await page.get_by_label("Who").fill(cook)
        await page.locator(f"#known-anybody option[value='{cook}']").wait_for(state="attached")
        await page.get_by_label("Template", exact=True).fill(name)
        await page.get_by_label("Priority").first.focus()
        await page.get_by_label("week").fill("48")
        await page.get_by_label("recipe.link").fill("https://example.com/soup")
        if look is DESKTOP:
            await picture(page, "console/schedule-form-desktop-light")
        await page.get_by_label("recipe.link").fill("")
        await page.get_by_role("button", name="Add the schedule").click()
        await page.get_by_text("This was not saved").wait_for()
        assert await page.get_by_label("week").input_value() == "48"
        await for_everybody(page)
        await page.get_by_label("recipe.link").fill("https://example.com/soup")
        await page.get_by_label("email", exact=True).check()
        await for_everybody(page)
        await page.get_by_role("button", name="Go on with this as JSON").click()
        await page.get_by_label("The job").wait_for()
        assert f'"external_id": "{cook}"' in await page.get_by_label("The job").input_value()
        await for_everybody(page)
        await page.get_by_role("button", name="Add the schedule").click()
        await page.get_by_role("heading", name="What became of it").wait_for()


@pytest.mark.parametrize("look", AUDITED, ids=lambda look: look.name)
async def test_a_digest_is_made_and_seen_before_it_is_sent(
    visit: Visit, installation: Installation, look: Look
) -> None:
    reader = (await installation.create("/v1/recipients", {"name": "Grace", "timezone": "Europe/Vienna"}))[
        "id"
    ]
    group = (await installation.create("/v1/groups", {"name": "Mia"}))["id"]
    await installation.create(f"/v1/groups/{group}/members", {"members": [{"recipient_id": reader}]})
    async with visit(f"/console/digests/new?recipient_id={reader}&group_id={group}", look) as page:
        await for_everybody(page)
        await page.get_by_role("button", name="Add the digest").click()
        await page.get_by_role("heading", name="Digest of Mia for Grace").wait_for()
        await for_everybody(page)
        await page.get_by_role("link", name="See what would be sent now").click()
        await page.get_by_role("heading", name="Nothing would be sent").wait_for()
        await for_everybody(page)
        await page.goto(page.url.partition("/console")[0] + "/console/digests")
        assert await page.get_by_role("link", name="Grace").count() == 1
        await for_everybody(page)
        await page.get_by_role("link", name="Grace").click()
        await page.get_by_role("link", name="Delete").click()
        await page.get_by_role("button", name="Delete").click()
        await page.wait_for_url("**/console/digests")
