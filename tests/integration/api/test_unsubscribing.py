"""One click and no login; a look changes nothing."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest_asyncio
from pydantic import SecretStr

from hermodr_ledger.deliveries.attempts import claim
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_ledger.templates.texts import compiled_texts
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.links import Links, Unsubscribe
from tests.support.api import ApiUnderTest, api_over, client_of
from tests.support.ledgers import decisions_of

SECRET = "the secret of links in tests, long enough"
LINKS = Links(SECRET, "https://mail.example")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, link_secret=SecretStr(SECRET)) as under_test:
        yield under_test


async def wishes(api: ApiUnderTest, person: dict[str, Any]) -> list[dict[str, Any]]:
    found = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
    return list(found["preferences"])


def url_for(api: ApiUnderTest, person: dict[str, Any], name: str = "news") -> str:
    return f"/u/{LINKS.token(Unsubscribe(api.project_id, UUID(person['id']), name))}"


async def test_a_look_changes_nothing_one_click_does_and_the_page_undoes_it(api: ApiUnderTest) -> None:
    person = await api.recipient()
    others = [
        {"type": "news", "channel": "sms", "enabled": True},
        {"type": None, "channel": "email", "enabled": True},
    ]
    await api.http.put(f"/v1/recipients/{person['id']}/preferences", json={"preferences": others})
    url = url_for(api, person)
    async with client_of(api.api) as anyone:
        for _ in range(3):
            looked = await anyone.get(url)
            assert (looked.status_code, "Unsubscribe?" in looked.text) == (200, True)
            assert (await anyone.head(url)).status_code == 200
        assert await wishes(api, person) == others
        clicked = await asyncio.gather(*(anyone.post(url, data=ONE_CLICK) for _ in range(4)))
        assert {answer.status_code for answer in clicked} == {200}
        off = {"type": "news", "channel": "email", "enabled": False}
        assert await wishes(api, person) == [*others, off]
        assert "You are unsubscribed" in (await anyone.get(url)).text
        assert (await anyone.post(url, data={"emails": "on"})).status_code == 200
        assert await wishes(api, person) == [*others, off | {"enabled": True}]
        files = {"List-Unsubscribe": (None, "One-Click")}
        assert (await anyone.post(url, files=files)).status_code == 200  # RFC 8058 allows multipart too
        assert (await wishes(api, person))[-1] == off
    lines = (await api.http.get("/v1/audit-log", params={"subject": person["id"]})).json()["data"]
    clicks = [line for line in lines if line["actor"] == "service"]
    assert [line["action"] for line in clicks] == [
        "recipient.unsubscribe", "recipient.subscribe", "recipient.unsubscribe",
    ]  # fmt: skip


async def test_the_page_is_closed_to_scripts_frames_and_injection(api: ApiUnderTest) -> None:
    person = await api.recipient()
    async with client_of(api.api) as anyone:
        answer = await anyone.get(url_for(api, person, "<script>alert(1)</script>"))
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/]+=*'", policy)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"].startswith("noindex")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_the_page_is_in_the_language_of_the_recipient_or_of_the_browser(api: ApiUnderTest) -> None:
    austrian, japanese, nobody = [await api.recipient(locale=each) for each in ("de-AT", "ja", None)]
    german, english = {"accept-language": "ja;q=0.9, de-CH;q=0.8, en;q=0.1"}, {"accept-language": "en-GB"}
    async with client_of(api.api) as anyone:
        for person, headers, language, words in (
            (austrian, english, "de", "E-Mails abbestellen?"),
            (japanese, german, "de", "E-Mails abbestellen?"),
            (japanese, english, "en", "Unsubscribe?"),
            (nobody, german, "de", "E-Mails abbestellen?"),
            (nobody, {}, "en", "Unsubscribe?"),
        ):
            shown = await anyone.get(url_for(api, person), headers=headers)
            assert f'<html lang="{language}">' in shown.text
            assert words in shown.text
            assert shown.headers["vary"] == "accept-language"
        assert "sind abbestellt" in (await anyone.post(url_for(api, austrian), data=ONE_CLICK)).text
        assert "Wieder bestellt" in (await anyone.post(url_for(api, austrian), data={"emails": "on"})).text
        assert "Dieser Link funktioniert nicht" in (await anyone.get("/u/x", headers=german)).text


async def test_strangers_and_the_erased_are_answered_kindly(api: ApiUnderTest) -> None:
    person = await api.recipient()
    other = LINKS.token(Unsubscribe(new_id(), UUID(person["id"]), "news"))
    async with client_of(api.api) as anyone:
        for token in ("x", "A" * 90, "%00", LINKS.token(Unsubscribe(new_id(), new_id(), "news"))[:-4]):
            for answer in (await anyone.get(f"/u/{token}"), await anyone.post(f"/u/{token}", data=ONE_CLICK)):
                assert (answer.status_code, "does not work" in answer.text) == (404, True), token
        assert (await anyone.post(f"/u/{other}", data=ONE_CLICK)).status_code == 200
        assert await wishes(api, person) == []
        huge = await anyone.post(url_for(api, person), content=b"x" * 300_000)
        assert huge.status_code == 413
        await api.http.delete(f"/v1/recipients/{person['id']}")
        assert "You are unsubscribed" in (await anyone.post(url_for(api, person), data=ONE_CLICK)).text


async def test_a_claim_and_its_texts_say_what_the_link_needs(api: ApiUnderTest) -> None:
    person = await api.recipient()
    template = await api.template(name="news", critical=True)
    sent = {"type": "news", "to": {"recipient_id": person["id"]}, "data": {"name": "Ada", "magic_link": "x"}}
    job_id = UUID((await api.http.post("/v1/notifications", json=sent)).json()["job_id"])
    lanes = await record_decisions(api.api.ledger, await decisions_of(api.api.ledger, [job_id]))
    (delivery_id,) = (each for lane in lanes.values() for each in lane)
    (claimed,) = await claim(api.api.ledger, [delivery_id], owner="me", lease_seconds=60)
    assert claimed.recipient_id == UUID(person["id"])
    texts = await compiled_texts(api.api.ledger.cold, UUID(template["id"]), 1, "email", "en")
    assert texts is not None
    assert (texts.name, texts.critical) == ("news", True)
