"""What tasks logged, as the api shows it."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from hermodr_ledger.tasks import claiming, logs, recording
from hermodr_ledger.tasks.claiming import Claim, Offer, Turn
from hermodr_ledger.tasks.logs import Line, Logged
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_worker.domain import Ended, settled
from tests.support.api import ApiUnderTest, problem
from tests.support.console import browsing, logged_in

AT = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)


async def begun(api: ApiUnderTest) -> tuple[str, Claim]:
    """A job, and the claim of a worker that runs it."""
    job_id = (await api.http.post("/v1/jobs", json={"type": "count", "payload": {}})).json()["job_id"]
    await enqueue(api.api.ledger, [UUID(job_id)])
    (claim,) = await claiming.claim(api.api.ledger, "me:1", [Offer("count", 1, False)], 1, 30.0, Turn())
    return job_id, claim


async def kept(api: ApiUnderTest, claim: Claim, **texts: str) -> None:
    """By the number of the line, behind an `n`."""
    lines = [Line(int(name[1:]), AT, text) for name, text in texts.items()]
    await logs.keep(api.api.ledger, "me:1", [Logged(claim.job_id, claim.claimed_at, lines)])


async def over(api: ApiUnderTest, claim: Claim) -> None:
    result = settled(claim, Ended("completed", result="1"), 1.0, None)
    assert result is not None
    await recording.record(api.api.ledger, "me:1", [result])


async def test_lines_are_read_in_pages_and_say_what_is_missing(api: ApiUnderTest) -> None:
    job_id, claim = await begun(api)
    await kept(api, claim, n1="begun", n2="two rows", n7="done")
    page = (await api.http.get(f"/v1/jobs/{job_id}/logs", params={"limit": 2})).json()
    at = "2026-05-04T12:00:00.250000Z"
    assert page["data"] == [
        {"attempt": 1, "number": 1, "at": at, "text": "begun", "left_out": 0},
        {"attempt": 1, "number": 2, "at": at, "text": "two rows", "left_out": 0},
    ]
    rest = await api.http.get(f"/v1/jobs/{job_id}/logs", params={"cursor": page["next_cursor"]})
    assert rest.json() == {
        "data": [{"attempt": 1, "number": 7, "at": at, "text": "done", "left_out": 4}],
        "next_cursor": None,
    }
    assert (await api.http.get(f"/v1/jobs/{job_id}/logs", params={"attempt": 2})).json()["data"] == []


async def test_a_task_is_followed_until_it_has_ended(api: ApiUnderTest) -> None:
    job_id, claim = await begun(api)

    async def page(cursor: str | None = None) -> tuple[list[str], str | None]:
        asked = {"follow": "true"} | ({"cursor": cursor} if cursor else {})
        answer = (await api.http.get(f"/v1/jobs/{job_id}/logs", params=asked)).json()
        return [each["text"] for each in answer["data"]], answer["next_cursor"]

    texts, cursor = await page()
    assert (texts, cursor is not None) == ([], True)
    await kept(api, claim, n1="begun")
    texts, cursor = await page(cursor)
    assert (texts, cursor is not None) == (["begun"], True)
    await kept(api, claim, n2="done")
    await over(api, claim)
    assert await page(cursor) == (["done"], None)


async def test_a_cursor_is_good_for_its_own_list_only(api: ApiUnderTest) -> None:
    job_id, claim = await begun(api)
    await kept(api, claim, n1="a", n2="b")
    cursor = (await api.http.get(f"/v1/jobs/{job_id}/logs", params={"limit": 1})).json()["next_cursor"]
    other, _ = await begun(api)
    for path, more in ((f"/v1/jobs/{other}/logs", {}), (f"/v1/jobs/{job_id}/logs", {"attempt": 1})):
        refused = await api.http.get(path, params={"cursor": cursor} | more)
        assert problem(refused, 422, "invalid-request")["errors"][0]["loc"] == ["query", "cursor"]
    for odd in ("x", cursor[:-4], "A" * 40):
        refused = await api.http.get(f"/v1/jobs/{job_id}/logs", params={"cursor": odd})
        assert problem(refused, 422, "invalid-request")["errors"][0]["loc"] == ["query", "cursor"]
    problem(await api.http.get(f"/v1/jobs/{uuid4()}/logs"), 404, "not-found")


async def test_notifications_log_nothing(api: ApiUnderTest) -> None:
    mail = {"to": {"email": "ada@example.com"}, "subject": "x", "body_text": "x"}
    job_id = (await api.http.post("/v1/notifications", json=mail)).json()["job_id"]
    assert (await api.http.get(f"/v1/jobs/{job_id}/logs")).json() == {"data": [], "next_cursor": None}


async def test_the_page_of_a_task_has_its_last_lines_and_leads_to_all(api: ApiUnderTest) -> None:
    job_id, claim = await begun(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert "<h2>Log</h2>" not in (await browser.get(f"/console/messages/{job_id}")).text
        assert "ctx.log(" in (await browser.get(f"/console/messages/{job_id}/log")).text
        await kept(
            api, claim, **{f"n{number}": f"<b>row {number}</b>" for number in range(1, 251) if number != 249}
        )
        text = (await browser.get(f"/console/messages/{job_id}")).text
        assert "&lt;b&gt;row 250&lt;/b&gt;" in text
        assert "12:00:00.250" in text
        assert "1 line was not kept" in text
        assert "row 200&lt;" not in text
        first = (await browser.get(f"/console/messages/{job_id}/log")).text
        assert ("Attempt 1" in first, "row 1&lt;" in first, "row 200&lt;" in first) == (True, True, True)
        assert "row 201&lt;" not in first
        further = first.partition('href="/console/messages/' + job_id + "/log?")[2].partition('"')[0]
        assert "row 201&lt;" in (await browser.get(f"/console/messages/{job_id}/log?{further}")).text


async def test_the_page_of_a_task_that_has_ended_shows_its_attempts(api: ApiUnderTest) -> None:
    job_id, claim = await begun(api)
    await kept(api, claim, n1="its last words")
    await over(api, claim)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        answer = await browser.get(f"/console/messages/{job_id}")
        assert answer.status_code == 200
        assert "<h2>Attempts</h2>" in answer.text
        assert "its last words" in answer.text


async def test_a_line_turns_no_writing_around_on_the_page(api: ApiUnderTest) -> None:
    job_id, claim = await begun(api)
    await kept(api, claim, n1="paid \u202e00.1 \u2066\tand\nאבג")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        for path in (f"/console/messages/{job_id}", f"/console/messages/{job_id}/log"):
            assert "paid \\u202e00.1 \\u2066\tand\nאבג</span>" in (await browser.get(path)).text
