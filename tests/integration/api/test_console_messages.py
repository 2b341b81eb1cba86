"""The console's messages: narrowed by everything that is known of them, and asked for once more."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID

import pytest

from hermodr_api.console import subjects
from hermodr_contracts.vocabulary import Channel, JobState, OnUnknown
from hermodr_ledger.jobs import bulk_actions
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, record_decisions, requested_jobs
from hermodr_servicekit.ids import child_id
from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, asked, browsing, logged_in


async def test_by_everything_that_is_known_of_them(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="c-17", user_id="u-17", email="grace@example.com")
    group = (await api.http.post("/v1/groups", json={"name": "Family", "external_id": "g-1"})).json()["id"]
    to_group = await asked(api, to={"recipient_id": person["id"]}, group_id=group, cancel_key="trip-1")
    other = await asked(api, type="reset")
    soon = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")

        async def found(**fields: str) -> set[str]:
            query = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
            text = (await browser.get(f"/console/messages?{query}")).text
            return {each for each in (to_group, other) if f"/console/messages/{each}" in text}

        for fields in (
            {"recipient": "c-17"},
            {"recipient": "u-17", "kind": "notification"},
            {"group": "g-1"},
            {"group": group},
            {"cancel_key": "trip-1"},
            {"recipient": "c-17", "group": "g-1", "cancel_key": "trip-1", "search": "u-17"},
        ):
            assert await found(**fields) == {to_group}, fields
        assert await found(type="reset") == {other}
        assert await found(before=soon) == {to_group, other}
        assert await found(after=soon) == set()
        assert await found(type="reset", search="invoice") == set()
        assert await found(recipient="c-17", search="reset") == set()


@pytest.mark.parametrize(
    "query", ["batch=x", "after=x", "before=9999-12-31T23:59%2B99:99", "group=nobody", "recipient=nobody"]
)
async def test_what_nobody_is_called_is_told_with_what_was_typed(api: ApiUnderTest, query: str) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        answer = await browser.get(f"/console/messages?{query}")
        assert answer.status_code == 200
        assert 'class="flaw" role="alert"' in answer.text
        assert f'name="{query.partition("=")[0]}"' in answer.text
        assert '<details class="further" open>' in answer.text


async def test_what_is_typed_is_completed(api: ApiUnderTest) -> None:
    await api.recipient(external_id="cust-1", name=STRANGER)
    await api.recipient(user_id="cust-2")
    await api.recipient(external_id="else")
    await api.template(name="invoice")
    await api.http.post("/v1/groups", json={"name": "Family", "external_id": "g-1"})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")

        async def completed(word: str, typed: str) -> list[str]:
            answer = await browser.get(f"/console/messages/known/{word}?{word}={quote(typed)}")
            assert "<script>alert" not in answer.text
            return re.findall(r'<option value="([^"]*)"', answer.text)

        assert await completed("recipient", "cust") == ["cust-1", "cust-2"]
        assert await completed("type", "inv") == ["invoice"]
        assert await completed("group", "") == ["g-1"]
        assert await completed("recipient", "\x00") == []
        assert (await browser.get("/console/messages/known/secret")).status_code == 404


async def test_they_are_counted_as_far_as_that_is_cheap(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert "3 messages" in (await browser.get("/console/messages")).text
        for _ in range(50):
            await asked(api)
        monkeypatch.setattr(bulk_actions, "MOST_COUNTED", 52)
        assert "52+ messages" in (await browser.get("/console/messages")).text


async def test_the_request_is_shown_and_what_would_become_of_it_now(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="c-17", email="grace@example.com")
    await api.template(name="invoice")
    data = {"name": STRANGER, "magic_link": "https://example.com"}
    job = await asked(
        api,
        to={"recipient_id": person["id"]},
        type="invoice",
        subject=None,
        body_text=None,
        data=data,
        metadata={"order": 1},
        priority="low",
    )
    wishes = {"preferences": [{"type": "invoice", "enabled": False}]}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage", "send")
        page = f"/console/messages/{job}/request"
        text = (await browser.get(page)).text
        assert "magic_link" in text
        assert "<script>alert" not in text
        assert "<td>sent" in text
        await api.http.put(f"/v1/recipients/{person['id']}/preferences", json=wishes)
        assert "not sent: " in (await browser.get(page)).text
        looks = (await api.http.get("/v1/audit-log?action=job.look")).json()["data"]
        assert {each["subject"] for each in looks} == {job}
        await api.http.delete(f"/v1/recipients/{person['id']}")
        assert "Today it would be refused" in (await browser.get(page)).text


async def test_another_one_is_sent_once_for_each_page(api: ApiUnderTest) -> None:
    job = await asked(api, type="invoice", metadata={"order": 1}, reply_to=["help@example.com"])
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage", "send")
        page = f"/console/messages/{job}/request"
        text = (await browser.get(page)).text
        once = re.search(r'name="once" value="([0-9a-f-]+)"', text)
        assert once is not None
        csrf = await browser.csrf(page)
        first, second = [
            await browser.post(f"/console/messages/{job}/again", csrf=csrf, once=once[1]) for _ in range(2)
        ]
        assert first.headers["location"] == second.headers["location"] != f"/console/messages/{job}"
        assert await api.jobs() == 2
        made = first.headers["location"].rpartition("/")[2]
        assert (await api.http.get(f"/v1/jobs/{made}")).json()["job"]["metadata"] == {"order": 1}
        trail = (await api.http.get("/v1/audit-log?action=job.send_again")).json()["data"]
        assert [each["detail"]["job_id"] for each in trail] == [made], "once, with the job"


async def test_who_may_not_manage_or_send_does_neither(api: ApiUnderTest) -> None:
    job = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert "/request" not in (await browser.get(f"/console/messages/{job}")).text
        assert (await browser.get(f"/console/messages/{job}/request")).status_code == 403
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        page = f"/console/messages/{job}/request"
        assert "/again" not in (await browser.get(page)).text
        answer = await browser.post(f"/console/messages/{job}/again", csrf=await browser.csrf(page), once="a")
        assert answer.status_code == 403
        assert await api.jobs() == 1


async def test_subjects_are_shown_and_what_was_given_to_those_who_may_see_contents(api: ApiUnderTest) -> None:
    await api.template(
        name="invoice",
        contents={"email": {"en": {"subject": "Invoice {{ number | upper }} is here", "body_text": "Pay."}}},
    )
    told = await asked(api, type="invoice", subject=None, body_text=None, data={"number": "a-1"})
    given = await asked(api, type="reset", subject=f"For you {STRANGER}")
    await _delivered(api, told, email=("sent", None))
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        page = (await browser.get("/console/messages")).text
        assert "Invoice ‹number› is here" in _row(page, told)
        assert "For you" not in page
        await logged_in(api, browser, "read", "manage")
        for _ in range(3):
            page = (await browser.get("/console/messages")).text
        assert "Invoice ‹number› is here" in _row(page, told)
        assert "For you &lt;script&gt;" in _row(page, given)
        assert len(await _looks(api)) == 1


async def test_a_list_is_looked_at_again_after_an_hour(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked(api, subject="For you")
    async with browsing(api) as browser:
        for _ in range(2):  # of two keys
            await logged_in(api, browser, "read", "manage")
            await browser.get("/console/messages")
        assert len(await _looks(api)) == 2
        monkeypatch.setattr(subjects, "_LOOK", timedelta(0))
        await browser.get("/console/messages")
        assert len(await _looks(api)) == 3


async def test_by_the_state_of_a_delivery_and_its_error(api: ApiUnderTest) -> None:
    jobs = [await asked(api) for _ in range(3)]
    others = [await asked(api) for _ in range(2)]
    await _delivered(api, jobs[0], email=("bounced", "smtp_550"), sms=("sent", None))
    await _delivered(api, jobs[1], email=("sent", None), sms=("failed", "http_400"))
    await _delivered(api, jobs[2], email=("delivered", None), sms=("queued", None))
    await _delivered(api, others[0], email=("complained", None))
    await _reported(api, jobs[2], "opened")
    await _reported(api, others[0], "complained")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")

        async def found(**fields: str) -> set[str]:
            query = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
            page = (await browser.get(f"/console/messages?{query}")).text
            over_http = await api.http.get("/v1/jobs", params=_over_http(fields))
            shown = {each for each in (*jobs, *others) if f"/console/messages/{each}" in page}
            assert shown == {each["id"] for each in over_http.json()["data"]}, over_http.text
            return shown

        assert await found(delivery="bounced") == {jobs[0]}
        assert await found(delivery="bounced", channel="email") == {jobs[0]}
        assert await found(delivery="bounced", channel="sms") == set()
        assert await found(delivery="sent") == {jobs[0], jobs[1]}
        assert await found(delivery="sent", channel="email") == {jobs[1]}
        assert await found(delivery="queued") == {jobs[2]}
        assert await found(delivery="complained") == {others[0]}
        assert await found(delivery="suppressed") == set()
        assert await found(error="smtp_550") == {jobs[0]}
        assert await found(error="http_400", delivery="failed") == {jobs[1]}
        assert await found(error="http_400", channel="email") == set()
        assert await found(delivery="opened") == {jobs[2]}
        assert await found(delivery="clicked") == set()
        wrong = (await browser.get("/console/messages?delivery=lost")).text
        assert "is no delivery" in wrong
        many = (await browser.get("/console/act/messages?deed=cancel&delivery=queued")).text
        assert "delivery" in many


def _row(page: str, job_id: str) -> str:
    return page.partition(f'id="row-{job_id}"')[2].partition("</tr>")[0]


async def _looks(api: ApiUnderTest) -> list[object]:
    return list((await api.http.get("/v1/audit-log?action=job.look_many")).json()["data"])


async def _delivered(api: ApiUnderTest, job_id: str, **channels: tuple[str, str | None]) -> None:
    """Has the job a delivery on each of the channels, in a state and with an error."""
    (job,) = await requested_jobs(api.api.ledger, [UUID(job_id)])
    made = [
        NewDelivery(child_id(job.id, nth), Channel(name), "to", "", OnUnknown.HOLD, 3)
        for nth, name in enumerate(channels, 1)
    ]
    await record_decisions(api.api.ledger, [Decision(job, JobState.PROCESSING, tuple(made))])
    for each, (state, error) in zip(made, channels.values(), strict=True):
        await api.api.ledger.fetch(
            "UPDATE hermodr.deliveries SET state = $2, error = $3,"
            " wake_at = CASE WHEN $2 IN ('queued', 'retrying') THEN wake_at END WHERE id = $1",
            each.id,
            state,
            error,
        )


async def _reported(api: ApiUnderTest, job_id: str, kind: str) -> None:
    for _ in range(2):  # a mail is opened as often as somebody likes
        await api.api.ledger.fetch(
            "INSERT INTO hermodr.events (job_id, kind, detail) VALUES ($1, 'reported', $2)",
            UUID(job_id),
            json.dumps({"kind": kind}),
        )


def _over_http(fields: Mapping[str, str]) -> dict[str, str]:
    names = {"delivery": "delivery_state", "channel": "delivery_method"}
    if fields.get("delivery") in ("opened", "clicked"):
        names["delivery"] = "reported"
    return {names.get(name, name): value for name, value in fields.items()}
