"""Texts are made of what a claim holds, and what cannot be one fails with a reason."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import Channel, OnUnknown, Priority
from hermodr_delivery.failures import PermanentError
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_servicekit.ids import child_id, new_job_id
from hermodr_sms_sender.composing import TextComposer
from hermodr_templates.bounded import BoundedRenderer
from tests.support.texts import PHONE

JOB = new_job_id()


class NoCell:
    async def ask(self, request: Any) -> Any:
        raise AssertionError("a short text needs no process of its own")


def composer(most: int = 2) -> TextComposer:
    return TextComposer(BoundedRenderer(NoCell(), lambda: 0.0), most)


def claim(body: str | None, address: str = PHONE, html: str | None = None) -> Claim:
    content = json.dumps({"subject": None, "body_text": body, "body_html": html})
    return Claim(
        id=child_id(JOB, 1),
        job_id=JOB,
        project_id=UUID(int=1),
        channel=Channel.SMS,
        priority=Priority.NORMAL,
        attempt=1,
        max_attempts=4,
        on_unknown=OnUnknown.HOLD,
        address=address,
        address_name=None,
        template_id=None,
        template_version=None,
        locale=None,
        data="{}",
        content=content,
        wanted_at=datetime(2026, 11, 29, tzinfo=UTC),
    )


def test_a_text_is_trimmed_counted_and_placed() -> None:
    made = composer().at_once(claim(" Your code\r\nis 4711 \n", "+4915112345678"), None)
    assert made is not None
    assert (made.text, made.to, made.country) == ("Your code\nis 4711", "+4915112345678", "DE")
    assert made.segments == ("GSM-7", 17, 1)


def test_html_alone_becomes_a_text() -> None:
    made = composer().at_once(claim(None, html="<p>Your <b>code</b></p>"), None)
    assert made is not None
    assert made.text == "Your code"


@pytest.mark.parametrize(
    ("body", "address", "code"),
    [
        (" \n ", PHONE, "empty_text"),
        ("x" * 307, PHONE, "too_many_segments"),
        ("x", "5550100", "bad_address"),
        ("x", "+1555", "bad_address"),
        ("x", "", "bad_address"),
    ],
)
def test_what_cannot_be_a_text_fails_with_a_reason(body: str, address: str, code: str) -> None:
    with pytest.raises(PermanentError) as failed:
        composer().at_once(claim(body, address), None)
    assert failed.value.code == code
    assert not failed.value.bounced
