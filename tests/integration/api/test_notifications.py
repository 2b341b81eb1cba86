"""Single notifications are committed once, also when repeated concurrently."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.api import MAIL, ApiUnderTest, problem

URL = "/v1/notifications"


async def test_what_is_accepted_is_committed_and_can_be_followed(api: ApiUnderTest) -> None:
    answer = await api.http.post(URL, json=MAIL | {"metadata": {"order": 7}})
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "queued"
    assert body["message_id"] == f"<{body['job_id']}@hermodr.localhost>"
    job = (await api.http.get(body["status_url"])).json()
    assert job["job"]["status"] == "queued"
    assert job["job"]["metadata"] == {"order": 7}
    assert job["job"]["message_id"] == body["message_id"]
    assert job["recipient"] == {
        "email": "ada@example.com",
        "phone": None,
        "name": None,
        "locale": None,
    }


async def test_a_bare_address_may_have_a_name_and_a_locale(api: ApiUnderTest) -> None:
    to = {"email": "ada@example.com", "name": "Ada Lovelace", "locale": "de-AT"}
    answer = await api.http.post(URL, json=MAIL | {"to": to})
    job = (await api.http.get(answer.json()["status_url"])).json()
    assert job["recipient"] == to | {"phone": None}
    bulk = await api.http.post(f"{URL}/bulk", json=[MAIL | {"to": to}])
    assert bulk.json()["accepted"] == 1
    recipient = await api.recipient(external_id="customer-18")
    for field in ("name", "locale"):
        for target in ({"recipient_id": recipient["id"]}, {"external_id": "customer-18"}):
            refused = await api.http.post(URL, json=MAIL | {"to": target | {field: "en"}})
            (flaw,) = problem(refused, 422, "invalid-request")["errors"]
            assert flaw["loc"] == ["body", "to"]
            assert flaw["msg"].startswith(f"{field} goes with a bare email or phone")
    for wrong in ({"locale": "german"}, {"locale": "??"}, {"name": ""}, {"name": "A\nBcc: x"}):
        refused = await api.http.post(URL, json=MAIL | {"to": to | wrong})
        (flaw,) = problem(refused, 422, "invalid-request")["errors"]
        assert flaw["loc"] == ["body", "to", *wrong]


async def test_scheduled_delayed_and_past(api: ApiUnderTest) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    for change, status in (
        ({"scheduled_for": later.isoformat()}, "scheduled"),
        ({"delay_seconds": 2.5}, "scheduled"),
        ({"scheduled_for": "2020-01-01T00:00:00Z"}, "queued"),
        ({"scheduled_for": None, "delay_seconds": 0}, "queued"),
    ):
        answer = (await api.http.post(URL, json=MAIL | change)).json()
        assert answer["status"] == status, change
        job = (await api.http.get(answer["status_url"])).json()["job"]
        assert (job["scheduled_for"] is not None) == (status == "scheduled")
        if status == "scheduled":
            assert job["time_until_scheduled_ms"] > 0


async def test_a_recipient_by_each_of_its_names(api: ApiUnderTest) -> None:
    recipient = await api.recipient(external_id="customer-17", user_id="u-1")
    for to in ({"recipient_id": recipient["id"]}, {"external_id": "customer-17"}, {"user_id": "u-1"}):
        answer = await api.http.post(URL, json=MAIL | {"to": to})
        assert answer.status_code == 202, answer.text
        job = (await api.http.get(answer.json()["status_url"])).json()
        assert job["recipient"]["id"] == recipient["id"]


async def test_a_type_is_a_template(api: ApiUnderTest) -> None:
    wanted = {
        "type": "magic_link",
        "to": {"email": "jörg@bücher.example"},
        "data": {"name": "J", "magic_link": "x"},
    }
    problem(await api.http.post(URL, json=wanted), 422, "invalid-request")
    template = await api.template()
    assert (await api.http.post(URL, json=wanted)).status_code == 202
    await api.http.delete(f"/v1/templates/{template['id']}")
    problem(await api.http.post(URL, json=wanted), 422, "invalid-request")


async def test_data_has_what_the_template_needs(api: ApiUnderTest) -> None:
    texts = {
        "subject": "{{ name }}",
        "body_text": "{{ order.number }}{{ note|d('') }}{% if vip %}!{% endif %}",
    }
    template = await api.template(
        name="order", contents={"email": {"en": texts, "de": texts | {"subject": "{{ anrede }}"}}}
    )
    wanted: dict[str, Any] = {"type": "order", "to": {"email": "a@b.co"}}
    refused = problem(await api.http.post(URL, json=wanted), 422, "invalid-request")
    assert [each["loc"] for each in refused["errors"]] == [
        ["body", "data", "anrede"],
        ["body", "data", "name"],
        ["body", "data", "order", "number"],
    ]
    assert refused["errors"][2]["msg"] == "is missing: the template order needs it"
    data: dict[str, Any] = {"name": None, "anrede": "", "order": {"total": 1}}
    refused = problem(await api.http.post(URL, json=wanted | {"data": data}), 422, "invalid-request")
    assert [each["loc"] for each in refused["errors"]] == [["body", "data", "order", "number"]]
    data["order"]["number"] = 7
    assert (await api.http.post(URL, json=wanted | {"data": data})).status_code == 202
    as_given = {"subject": "as given", "body_text": "{{ order }}"}
    assert (await api.http.post(URL, json=wanted | as_given)).status_code == 202
    await api.http.patch(
        f"/v1/templates/{template['id']}",
        json={"contents": {"email": {"en": texts | {"subject": "{{ new }}"}}}},
    )
    refused = problem(await api.http.post(URL, json=wanted | {"data": data}), 422, "invalid-request")
    assert [each["loc"][-1] for each in refused["errors"]] == ["new"]


async def test_only_channels_that_would_be_used_need_data(api: ApiUnderTest) -> None:
    other = {"en": {"body_text": "{{ only_there }}"}}
    contents = {"email": {"en": {"subject": "x", "body_text": "x"}}, "sms": other, "in_app": other}
    await api.template(name="both", contents=contents)
    wanted = {"type": "both", "to": {"email": "a@b.co"}}
    assert (await api.http.post(URL, json=wanted)).status_code == 202


async def test_the_same_key_brings_the_first_answer(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "k-1"}
    first = await api.http.post(URL, json=MAIL, headers=key)
    assert "idempotent-replayed" not in first.headers
    again = await api.http.post(URL, json=MAIL, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.json()) == (202, first.json())
    other = await api.http.post(URL, json=MAIL | {"subject": "Another"}, headers=key)
    assert "use a new key for a new request" in problem(other, 422, "idempotency-key-reused")["detail"]
    elsewhere = await api.http.post("/v1/recipients", json={}, headers=key)
    problem(elsewhere, 422, "idempotency-key-reused")
    problem(await api.http.post(URL, json=MAIL, headers={"idempotency-key": "a b"}), 422, "invalid-request")
    assert await api.jobs() == 1


async def test_a_replay_does_not_depend_on_what_is_gone_since(api: ApiUnderTest) -> None:
    template = await api.template()
    wanted = {"type": "magic_link", "to": {"email": "a@b.co"}, "data": {"name": "Ada", "magic_link": "x"}}
    key = {"idempotency-key": "k-2"}
    first = await api.http.post(URL, json=wanted, headers=key)
    await api.http.delete(f"/v1/templates/{template['id']}")
    assert (await api.http.post(URL, json=wanted, headers=key)).json() == first.json()


async def test_fifty_at_once_with_one_key_are_one_job(api: ApiUnderTest) -> None:
    async def post() -> tuple[int, str]:
        answer = await api.http.post(URL, json=MAIL, headers={"idempotency-key": "race"})
        return answer.status_code, answer.json().get("job_id", "")

    answers = await asyncio.gather(*(post() for _ in range(50)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 202
    assert await api.jobs() == 1


async def test_many_at_once_are_all_committed(api: ApiUnderTest) -> None:
    answers = await asyncio.gather(*(api.http.post(URL, json=MAIL) for _ in range(300)))
    assert {answer.status_code for answer in answers} == {202}
    assert await api.jobs() == 300


async def test_of_many_with_one_singleton_key_one_lives(api: ApiUnderTest) -> None:
    wanted = MAIL | {"singleton_key": "rebuild"}
    answers = await asyncio.gather(*(api.http.post(URL, json=wanted) for _ in range(20)))
    accepted = [answer.json()["job_id"] for answer in answers if answer.status_code == 202]
    assert len(accepted) == 1
    for answer in answers:
        if answer.status_code != 202:
            assert problem(answer, 409, "singleton-taken")["job_id"] == accepted[0]
    assert await api.jobs() == 1


async def test_a_singleton_key_is_free_again_once_its_job_is_finished_or_gone(api: ApiUnderTest) -> None:
    wanted = MAIL | {"singleton_key": "rebuild"}
    for sql in (
        "UPDATE hermodr.jobs SET finished_at = now(), state = 'completed' WHERE project_id = $1",
        "DELETE FROM hermodr.jobs WHERE project_id = $1",
    ):
        assert (await api.http.post(URL, json=wanted)).status_code == 202
        problem(await api.http.post(URL, json=wanted), 409, "singleton-taken")
        await api.api.ledger.fetch(sql, api.project_id)
    assert (await api.http.post(URL, json=wanted)).status_code == 202


async def test_a_singletons_replay_is_no_conflict(api: ApiUnderTest) -> None:
    wanted, key = MAIL | {"singleton_key": "once"}, {"idempotency-key": "s-1"}
    first = await api.http.post(URL, json=wanted, headers=key)
    again = await api.http.post(URL, json=wanted, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
