"""The console acts on many: after a question, by the schedulers, and never twice."""

import html
import re
from uuid import UUID, uuid4

import pytest

from hermodr_ledger.jobs import listing
from hermodr_ledger.jobs.bulk_actions import MOST_PAGES
from hermodr_scheduler.duties import bulk_actions
from hermodr_scheduler.duties.bulk_actions import BulkActions
from tests.support.api import ApiUnderTest
from tests.support.console import Browser, asked, browsing, logged_in
from tests.support.duties import Calls, SilentBell


async def cancelled(api: ApiUnderTest, jobs: list[str]) -> None:
    for each in jobs:
        assert (await api.http.delete(f"/v1/jobs/{each}")).status_code == 200


def hidden(text: str) -> dict[str, str]:
    """The fields of the page's form."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text.partition("<h1>")[2]))


async def posted(browser: Browser, text: str) -> str:
    """Where the page leads that says how far it has come."""
    answer = await browser.send("/console/act/messages", hidden(text))
    assert answer.status_code == 303, answer.text.partition("<main")[2]
    return answer.headers["location"]


async def worked(api: ApiUnderTest, rounds: int = 1) -> None:
    duty = BulkActions(api.api.ledger.cold, SilentBell(), Calls())
    for _ in range(rounds):
        await duty.tick()


def linked(text: str) -> list[str]:
    """The lists of messages that the page of a bulk action leads to."""
    return [html.unescape(each) for each in re.findall(r'quiet" href="(/console/messages\?[^"]*)"', text)]


async def listed(browser: Browser, path: str) -> set[str]:
    return set(re.findall(r'id="row-([0-9a-f-]{36})"', (await browser.get(path)).text))


async def states(api: ApiUnderTest, jobs: list[str]) -> set[str]:
    return {(await api.http.get(f"/v1/jobs/{each}")).json()["job"]["status"] for each in jobs}


async def test_all_that_match_are_tried_again_in_steps(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_actions, "TOGETHER", 2)
    meant = [await asked(api, type="invoice") for _ in range(5)]
    other = [await asked(api, type="reset")]
    await cancelled(api, [*meant, *other])
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "/console/act/messages?" in (await browser.get("/console/messages?status=cancelled")).text
        text = (await browser.get("/console/act/messages?deed=retry&status=cancelled&type=invoice")).text
        assert "<b>5</b> messages match" in text
        await worked(api)
        assert await states(api, meant) == {"cancelled"}, "a question changes nothing"
        later = [await asked(api, type="invoice")]
        await cancelled(api, later)
        path = await posted(browser, text)
        assert await posted(browser, text) == path, "the same form asks once"
        assert "<b>0</b> asked for again, of 5" in (await browser.get(path)).text
        await worked(api)
        assert "<b>2</b> asked for again, of 5" in (await browser.get(path)).text
        await worked(api, 2)
        text = (await browser.get(path)).text
        assert "<b>5</b> asked for again." in text
        assert f"{path}/stop" not in text
        assert await states(api, meant) == {"queued"}
        assert await states(api, other) == {"cancelled"}
        assert await states(api, later) == {"cancelled"}, "requested after the question"
        assert path in (await browser.get("/console/actions")).text
        all_of_them, _, _, still = linked(text)
        assert await listed(browser, all_of_them) == set(meant), "and not what came later"
        await cancelled(api, meant[:1])
        assert await listed(browser, still) == set(meant[:1])
        trail = (await api.http.get("/v1/audit-log?action=job.retry_many")).json()["data"]
        assert sorted(each["detail"]["retried"] for each in trail) == [1, 2, 2]


async def test_all_that_match_are_cancelled(api: ApiUnderTest) -> None:
    meant = [await asked(api, type="invoice") for _ in range(3)]
    other = [await asked(api, type="reset")]
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get("/console/act/messages?deed=cancel&type=invoice")).text
        assert "<b>3</b> messages match" in text
        path = await posted(browser, text)
        await worked(api)
        assert "<b>3</b> cancelled." in (await browser.get(path)).text
        assert await states(api, meant) == {"cancelled"}
        assert await states(api, other) == {"queued"}
        assert (await api.http.get("/v1/audit-log?action=job.cancel_many")).json()["data"]
        assert "Nothing matches" in (await browser.get("/console/act/messages?deed=cancel&type=invoice")).text


async def test_where_not_all_were_looked_at_one_may_go_on(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in (("FEW", 0), ("MOST_READ_OF_INDEX", 1)):
        monkeypatch.setattr(listing, name, most)
    old = await asked(api, type="invoice")
    for _ in range(MOST_PAGES + 1):
        await asked(api, type="reset")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        page = (await browser.get("/console/messages?type=invoice")).text
        assert "were not looked at yet" in page
        assert "/console/act/messages?type=invoice&amp;deed=cancel" in page
        text = (await browser.get("/console/act/messages?deed=cancel&type=invoice")).text
        assert "not all were looked at, and older ones may" in text
        path = await posted(browser, text)
        await worked(api, 2 * MOST_PAGES)
        assert "<b>1</b> cancelled." in (await browser.get(path)).text
    assert await states(api, [old]) == {"cancelled"}


async def test_what_is_stopped_stays_as_it_is(api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_actions, "TOGETHER", 2)
    jobs = [await asked(api, type="invoice") for _ in range(3)]
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        path = await posted(
            browser, (await browser.get("/console/act/messages?deed=cancel&status=queued")).text
        )
        await worked(api)
        fields = await browser.hidden(f"{path}/stop")
        assert (await browser.send(f"{path}/stop", fields)).headers["location"] == path
        await worked(api)
        text = (await browser.get(path)).text
        assert "stopped" in text
        assert "<b>2</b> cancelled." in text
        assert path in (await browser.get("/console/actions")).text
        assert await states(api, jobs[2:]) == {"queued"}
        assert (await browser.send(f"{path}/stop", fields)).status_code == 409


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("deed=retry&status=queued", 200),
        ("deed=cancel&status=completed", 200),
        ("deed=cancel&batch=x", 200),
        ("deed=cancel", 200),
        ("deed=cancel&before=2030-01-01T00:00", 200),
        ("deed=explode", 404),
        ("", 404),
    ],
)
async def test_what_cannot_be_done_is_told(api: ApiUnderTest, query: str, status: int) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        answer = await browser.get(f"/console/act/messages?{query}")
        assert answer.status_code == status
        assert status != 200 or 'class="flaw"' in answer.text
        assert '<form class="deeds"' not in answer.text


async def test_all_that_is_unfinished_is_neither_offered_nor_cancelled(api: ApiUnderTest) -> None:
    job = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        offered = "Cancel all unfinished"
        assert offered not in (await browser.get("/console/messages?before=2999-01-01T00:00")).text
        assert offered in (await browser.get("/console/messages?after=2001-01-01T00:00")).text
        answer = await browser.post("/console/act/messages", csrf=await browser.csrf(), deed="cancel")
        assert 'class="flaw"' in answer.text
        assert await states(api, [job]) == {"queued"}
        since = (await browser.get("/console/act/messages?deed=cancel&after=2001-01-01T00:00")).text
        assert "<b>1</b> message matches" in since


async def test_who_may_not_manage_is_not_asked(api: ApiUnderTest) -> None:
    await cancelled(api, [await asked(api)])
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert "/console/act/" not in (await browser.get("/console/messages?status=cancelled")).text
        assert (await browser.get("/console/act/messages?deed=retry")).status_code == 403
        assert (await browser.get("/console/act/dead-letters")).status_code == 403
        csrf = await browser.csrf()
        assert (await browser.post("/console/act/messages", csrf=csrf, deed="cancel")).status_code == 403
        assert (await browser.get("/console/actions")).status_code == 200
        assert (await browser.get(f"/console/actions/{uuid4()}")).status_code == 404
        assert (await browser.post(f"/console/actions/{uuid4()}/stop", csrf=csrf)).status_code == 403


async def died(api: ApiUnderTest, job: str) -> None:
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.dead_letters (id, queue, reason, project_id, job_id, job_type)"
        " SELECT $1, 'email.dead', 'attempts exhausted: smtp_451', project_id, id, type FROM hermodr.jobs"
        " WHERE id = $2",
        uuid4(),
        UUID(job),
    )


async def test_dead_letters_that_match_are_replayed(api: ApiUnderTest) -> None:
    jobs = [await asked(api, type="invoice") for _ in range(3)]
    for job in jobs:
        await died(api, job)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        page = "/console/dead-letters?reason=attempts"
        assert "/console/act/dead-letters?reason=attempts" in (await browser.get(page)).text
        assert "Nothing matches" in (await browser.get("/console/act/dead-letters?reason=unreadable")).text
        text = (await browser.get("/console/act/dead-letters?reason=attempts")).text
        assert "<b>3</b> dead letters match" in text
        await died(api, await asked(api, type="invoice"))  # after the question
        for _ in range(2):
            answer = await browser.send("/console/act/dead-letters", {**hidden(text), "rate": "10"})
            assert answer.headers["location"] == "/console/dead-letters"
        text = (await browser.get("/console/dead-letters")).text
        assert "<b>3</b> are being replayed" in text
        fields = await browser.hidden("/console/act/dead-letters/stop")
        assert (await browser.send("/console/act/dead-letters/stop", fields)).status_code == 303
        text = (await browser.get("/console/dead-letters")).text
        assert "being replayed" not in text
        assert text.count("attempts exhausted") >= 3
