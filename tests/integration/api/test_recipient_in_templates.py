"""Templates that read their recipient: what is shown, and what is asked of the data."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from tests.support.api import SECRET, ApiUnderTest, api_over, problem

URL = "/v1/templates"


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, link_secret=SecretStr(SECRET)) as under_test:
        yield under_test


def _email(**texts: object) -> dict[str, object]:
    return {"contents": {"email": {"en": {"subject": "Hi {{ name }}"} | texts}}}


READING = _email(
    subject="Hi {{ recipient.name }}",
    body_text="{% if recipient.attributes.plan %}{{ recipient.attributes.plan }}{% endif %}"
    "{{ recipient.relationship|default('guest') }}{% if unsubscribe_url %} {{ unsubscribe_url }}{% endif %}",
    body_html="<p>{{ recipient.attributes.note|default('') }}</p>",
)


async def test_a_preview_for_a_recipient(api: ApiUnderTest) -> None:
    made = await api.template(**READING)
    url = f"{URL}/{made['id']}/preview"
    ada = await api.recipient(
        name="Ada", locale="de", relationship="grandmother", attributes={"plan": "pro", "note": "<script>"}
    )
    sample = {"name": "Ada", "relationship": "grandmother", "attributes": {"plan": "pro", "note": "<script>"}}
    for wanted in ({"recipient_id": ada["id"]}, {"recipient": sample}):
        shown = (await api.http.post(url, json=wanted)).json()
        assert (shown["subject"], shown["variables"]) == ("Hi Ada", [])
        assert shown["text"].startswith("prograndmother http")
        assert shown["text"].endswith("/u/preview")
        assert "<p>&lt;script&gt;</p>" in shown["html"]
    assert not any("not in data" in each for each in shown["warnings"])
    assert (await api.http.post("/v1/template-previews", json={**READING, "recipient": sample})).json()[
        "text"
    ] == shown["text"]
    await api.http.patch(f"{URL}/{made['id']}", json={"critical": True})
    shown = (await api.http.post(url, json={"recipient": {"name": "Bob"}})).json()
    assert (shown["text"], shown["subject"]) == ("guest", "Hi Bob")
    own = {"recipient": sample, "data": {"unsubscribe_url": "https://shop.example/stop"}}
    shown = (await api.http.post(url, json=own)).json()
    assert shown["text"] == "prograndmother https://shop.example/stop"
    for refused, loc, words in (
        ({}, ["body", "recipient"], "subject, line 1: recipient.name is missing"),
        ({"data": {"recipient": {"name": "x"}}}, ["body", "data", "recipient"], "needs another name"),
        ({"recipient_id": ada["id"], "recipient": {}}, ["body", "recipient"], "cannot stand beside"),
        ({"recipient": {"colour": 1}}, ["body", "recipient", "colour"], "no such field"),
    ):
        body = problem(await api.http.post(url, json=refused), 422, "invalid-request")
        assert body["errors"][0]["loc"] == loc
        assert words in body["errors"][0]["msg"]


async def test_data_with_a_recipient_where_the_template_reads_the_real_one(api: ApiUnderTest) -> None:
    await api.template(name="reading", **READING)
    await api.template(name="plain", **_email(body_text="{{ name }}{{ recipients }}"))
    to = {"to": {"email": "ada@example.com"}}
    own = {"data": {"recipient": {"name": "Ada"}, "name": "Ada", "recipients": 1}}
    assert (await api.http.post("/v1/notifications", json={"type": "reading", **to})).status_code == 202
    assert (await api.http.post("/v1/notifications", json={"type": "plain", **to, **own})).status_code == 202
    refused = await api.http.post("/v1/notifications", json={"type": "reading", **to, **own})
    (flaw,) = problem(refused, 422, "invalid-request")["errors"]
    assert flaw["loc"] == ["body", "data", "recipient"]
    assert "needs another name: in the template reading this one is the recipient's" in flaw["msg"]
    bulk = (await api.http.post("/v1/notifications/bulk", json=[{"type": "reading", **to, **own}])).json()
    assert bulk["rejected"][0]["errors"][0]["loc"] == ["data", "recipient"]
