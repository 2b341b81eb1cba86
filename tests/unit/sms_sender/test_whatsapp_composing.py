"""A WhatsApp message is a text if a window is open, and a filled-in template; what cannot be fails with a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import pytest

from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.failures import DeliveryFailure, PermanentError, TransientError
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_sms_sender.whatsapp_composing import WhatsAppComposer
from hermodr_templates.bounded import BoundedRenderer
from tests.support.texts import PHONE
from tests.unit.sms_sender.test_composing import NoCell, claim

READY = ApprovedTemplate(
    "order_ready", "de", ("{{ name }}", "{{ order.number }}"), "{{ shop }}", (None, "{{ order.token }}")
)
TEXTS = CompiledTexts(
    UUID(int=7), 1, "de", None, "Hallo {{ name }},\r\nfertig!", None, approved=READY.written()
)
DATA = '{"name": "Ada\\n  Lovelace", "order": {"number": 17, "token": "x1"}, "shop": "Shop"}'
FROM_TEMPLATE = claim(None)._replace(
    channel=Channel.WHATSAPP,
    content=None,
    data=DATA,
    template_id=UUID(int=7),
    template_version=1,
    locale="de",
)


def composer(*open_with: str, fails: Exception | None = None) -> WhatsAppComposer:
    async def look(phone: str) -> frozenset[str]:
        if fails is not None:
            raise fails
        return frozenset(open_with)

    opened: Callable[[str], Awaitable[frozenset[str]]] = look
    return WhatsAppComposer(BoundedRenderer(NoCell(), lambda: 0.0), opened)


async def test_within_the_window_there_is_both() -> None:
    made = await composer("whatsapp").slowly(FROM_TEMPLATE, TEXTS)
    assert made.text == "Hallo Ada\n  Lovelace,\nfertig!"
    assert made.approved == ApprovedTemplate(
        "order_ready", "de", ("Ada Lovelace", "17"), "Shop", (None, "x1")
    )
    assert (made.to, made.country, made.open_with) == (PHONE, "US", frozenset({"whatsapp"}))
    assert composer().at_once(FROM_TEMPLATE, TEXTS) is None


async def test_outside_the_window_the_text_is_not_even_rendered() -> None:
    broken = replace(TEXTS, body_text="{{ missing }}", version=2)
    made = await composer().slowly(FROM_TEMPLATE, broken)
    assert (made.text, made.open_with) == (None, frozenset())
    assert made.approved is not None


async def test_content_as_given_is_a_text() -> None:
    made = await composer("second").slowly(claim(" Hello \n"), None)
    assert (made.text, made.approved, made.open_with) == ("Hello", None, frozenset({"second"}))
    closed = await composer().slowly(claim("Hello"), None)
    assert (closed.text, closed.approved) == (None, None)


@pytest.mark.parametrize(
    ("body", "code"), [(" \n ", "empty_text"), ("x" * 4097, "text_too_long")], ids=["empty", "long"]
)
async def test_what_cannot_be_a_text_fails_with_a_reason(body: str, code: str) -> None:
    with pytest.raises(PermanentError) as failed:
        await composer("whatsapp").slowly(claim(body), None)
    assert failed.value.code == code
    assert len((await composer("whatsapp").slowly(claim("x" * 4096), None)).text or "") == 4096


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (DATA.replace("17", '" \\t "'), "empty_parameter"),
        (DATA.replace('"shop"', '"store"'), "render_missing_variable"),
    ],
    ids=["empty", "missing"],
)
async def test_what_does_not_fill_the_template_fails_with_its_place(data: str, code: str) -> None:
    with pytest.raises(DeliveryFailure) as failed:
        await composer().slowly(FROM_TEMPLATE._replace(data=data), TEXTS)
    assert failed.value.code == code
    if code == "empty_parameter":
        assert "parameters.1" in failed.value.detail


async def test_while_the_ledger_is_away_it_waits() -> None:
    with pytest.raises(TransientError) as failed:
        await composer(fails=LedgerUnavailable("away")).slowly(FROM_TEMPLATE, TEXTS)
    assert failed.value.code == "ledger_unavailable"
    with pytest.raises(PermanentError):
        await composer().slowly(FROM_TEMPLATE._replace(address="5550100"), TEXTS)
