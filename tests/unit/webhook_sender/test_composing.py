"""Payloads are made of a template's text, else of the data as it is."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.payloads import MOST_OCTETS
from hermodr_contracts.vocabulary import Channel, OnUnknown, Priority
from hermodr_delivery.failures import PermanentError
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_servicekit.ids import child_id, new_job_id
from hermodr_templates.bounded import BoundedRenderer
from hermodr_webhook_sender.composing import PayloadComposer

JOB, WHO, TEMPLATE = new_job_id(), UUID(int=7), UUID(int=8)
URL = "https://hooks.example.com/x"


class NoCell:
    async def ask(self, request: Any) -> Any:
        raise AssertionError("a short payload needs no process of its own")


COMPOSER = PayloadComposer(BoundedRenderer(NoCell(), lambda: 0.0))
_versions = iter(range(1, 1000))


def claim(data: str = "{}", **changes: Any) -> Claim:
    made = Claim(
        id=child_id(JOB, 1),
        job_id=JOB,
        project_id=UUID(int=1),
        channel=Channel.WEBHOOK,
        priority=Priority.NORMAL,
        attempt=1,
        max_attempts=8,
        on_unknown=OnUnknown.RESEND,
        address=URL,
        address_name="Ada",
        template_id=TEMPLATE,
        template_version=1,
        locale="en",
        data=data,
        content=None,
        wanted_at=datetime(2026, 11, 29, tzinfo=UTC),
        recipient_id=WHO,
    )
    return made._replace(**changes)


def texts(body: str | None) -> CompiledTexts:
    return CompiledTexts(TEMPLATE, next(_versions), "en", None, body, None, "order.paid")


def payload(body: str | None, made: Claim) -> Any:
    message = COMPOSER.at_once(made, texts(body))
    assert message is not None
    assert (message.delivery_id, message.recipient_id, message.url) == (made.id, WHO, URL)
    return json.loads(message.body)


def test_without_a_text_the_data_is_the_payload() -> None:
    assert payload(None, claim('{"total": 1.10}')) == {
        "type": "order.paid",
        "timestamp": "2026-11-29T00:00:00Z",
        "data": {"total": 1.1},
    }


def test_a_text_makes_it_as_it_likes_and_values_are_safe() -> None:
    body = '{"n": {{ name|tojson }}, "to": {{ recipient.name|tojson }}}'
    hostile = 'a "quoted" \\ </script> text\n'
    data = json.dumps({"name": hostile, "recipient": {"name": "Ada"}})
    assert payload(body, claim(data)) == {"n": hostile, "to": "Ada"}


@pytest.mark.parametrize(
    ("body", "data", "code", "detail"),
    [
        ('{"n": "{{ name }}"}', {"name": 'a"b'}, "bad_payload", "is no JSON: line 1, column"),
        ('{"n": {{ name }}}', {"name": "s3cret"}, "bad_payload", "is no JSON: line 1, column"),
        ('{"n": {{ name|tojson }}}', {}, "render_missing_variable", "name is missing"),
        ("", {}, "bad_payload", "is no JSON"),
        (None, {"n": "ä" * (MOST_OCTETS // 2)}, "bad_payload", "too large"),
    ],
    ids=["quote", "word", "missing", "empty", "large"],
)
def test_what_is_no_payload_fails_for_good(
    body: str | None, data: dict[str, str], code: str, detail: str
) -> None:
    with pytest.raises(PermanentError) as raised:
        COMPOSER.at_once(claim(json.dumps(data, ensure_ascii=False)), texts(body))
    assert raised.value.code == code
    assert detail in raised.value.detail
    assert "s3cret" not in raised.value.detail


def test_content_as_given_is_for_people() -> None:
    with pytest.raises(PermanentError) as raised:
        COMPOSER.at_once(claim(content='{"subject": "x", "body_text": "{}"}'), None)
    assert raised.value.code == "needs_template"


@pytest.mark.parametrize("changes", [{"recipient_id": None}, {"address": ""}], ids=["nobody", "erased"])
def test_an_erased_recipient_gets_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(PermanentError) as raised:
        COMPOSER.at_once(claim(**changes), texts(None))
    assert raised.value.code == "no_address"
