"""Previews of texts: as they would be sent, counted, and with what they would cost."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.support.api import ApiUnderTest, api_over
from tests.support.texts import ACCOUNT, PHONE

DRAFTS = "/v1/template-previews"
GERMAN = "+4915112345678"


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    dsn = f"twilio://{ACCOUNT}:TOKEN@default?from=12345&price=0.0079&price_DE=0.085&currency=USD"
    async with api_over(database_url, sms_providers=dsn, sms_max_segments=3) as under_test:
        yield under_test


def draft(text: str, **more: Any) -> dict[str, Any]:
    return {"contents": {"sms": {"en": {"body_text": text}}}, "data": {"code": "4711"}} | more


async def shown(api: ApiUnderTest, wanted: dict[str, Any], path: str = DRAFTS) -> Any:
    answer = await api.http.post(path, json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_draft_is_counted_and_priced_for_its_reader(api: ApiUnderTest) -> None:
    told = await shown(api, draft(" Code {{ code }} \r\n", recipient={"phone": GERMAN}))
    assert (told["channel"], told["text"], told["warnings"]) == ("sms", "Code 4711", [])
    assert told["sms"] == {
        "segments": 1,
        "encoding": "GSM-7",
        "used": 9,
        "left": 151,
        "most_segments": 3,
        "country": "DE",
        "cost": {"provider": "twilio", "per_segment": "0.085", "total": "0.085", "currency": "USD"},
    }
    nobody = await shown(api, draft("Code {{ code }} – bald"))
    assert (nobody["sms"]["encoding"], nobody["sms"]["country"]) == ("UCS-2", None)
    assert nobody["sms"]["cost"]["total"] == "0.0079"
    assert [each[-1] for each in nobody["warnings"]] == ["–"]


async def test_a_saved_template_is_counted_for_somebody_of_the_address_book(api: ApiUnderTest) -> None:
    contents = {
        "email": {"en": {"subject": "Code", "body_text": "Your code is {{ code }}"}},
        "sms": {"en": {"body_text": "{{ code }}"}},
    }
    made = (await api.http.post("/v1/templates", json={"name": "code", "contents": contents})).json()
    path = f"/v1/templates/{made['id']}/preview"
    person = await api.recipient(phone=PHONE)
    wanted = {"data": {"code": "x" * 460}, "channel": "sms", "recipient_id": person["id"]}
    told = await shown(api, wanted, path)
    assert (told["sms"]["segments"], told["sms"]["country"], told["sms"]["left"]) == (4, "US", 152)
    assert told["sms"]["cost"]["total"] == "0.0316"
    assert told["warnings"] == ["the text has 4 segments: at most 3 are sent"]
    assert (await shown(api, {"data": {"code": "4711"}}, path))["sms"] is None  # a mail


async def test_a_text_that_would_be_empty_is_warned_of(api: ApiUnderTest) -> None:
    told = await shown(api, draft("{% if false %}x{% endif %} "))
    assert (told["text"], told["sms"]["segments"]) == ("", 0)
    assert "the text is empty: it would not be sent" in told["warnings"]
