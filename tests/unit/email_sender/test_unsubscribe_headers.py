import json
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from hermodr_email_sender.composing import EmailComposer
from hermodr_email_sender.domain import OutgoingEmail
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.links import Links, Unsubscribe
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.cell import Cell
from tests.support.mails import NoSenders
from tests.unit.delivery.fakes import claim_of

LINKS = Links("a secret of tests, which is long enough", "https://mail.example")
TEMPLATE, RECIPIENT = new_id(), new_id()
TEXTS = CompiledTexts(TEMPLATE, 1, "en", "Hi", "Hello", None, "news", False)


@pytest.fixture
async def renderer() -> AsyncIterator[BoundedRenderer]:
    cell = Cell(CELL_SECONDS)
    yield BoundedRenderer(cell, lambda: 0.0)
    await cell.close()


async def no_files(_job_id: UUID) -> list[object]:
    return []


async def composed(
    renderer: BoundedRenderer, claim: Claim, texts: CompiledTexts | None, links: Links | None = LINKS
) -> OutgoingEmail:
    composer = EmailComposer(renderer, "mail.example", no_files, NoSenders(), links)  # type: ignore[arg-type]
    return composer.at_once(claim, texts) or await composer.slowly(claim, texts)


async def headers(
    renderer: BoundedRenderer, claim: Claim, texts: CompiledTexts | None, links: Links | None = LINKS
) -> dict[str, str]:
    return dict((await composed(renderer, claim, texts, links)).headers)


async def test_who_gets_the_headers(renderer: BoundedRenderer) -> None:
    claim = claim_of(new_id())._replace(data="{}", template_id=TEMPLATE, recipient_id=RECIPIENT)
    link = LINKS.unsubscribe(Unsubscribe(claim.project_id, RECIPIENT, "news", claim.wanted_at))
    assert await headers(renderer, claim, TEXTS) == {
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert await headers(renderer, claim, replace(TEXTS, critical=True)) == {}
    assert await headers(renderer, claim._replace(recipient_id=None), TEXTS) == {}
    assert await headers(renderer, claim, TEXTS, None) == {}
    given = claim._replace(template_id=None, content='{"subject": "Hi", "body_text": "Hello"}')
    assert await headers(renderer, given, None) == {}
    own = claim._replace(envelope='{"headers": {"list-unsubscribe": "<mailto:x@example.com>"}}')
    assert await headers(renderer, own, TEXTS) == {"list-unsubscribe": "<mailto:x@example.com>"}


PRINTING = replace(
    TEXTS,
    template_id=new_id(),
    body_text="{% if unsubscribe_url %}<{{ unsubscribe_url }}>{% else %}none{% endif %}",
    body_html="<a href='{{ unsubscribe_url }}'>x</a>",
)


@pytest.mark.parametrize("where", ["at once", "in the cell"])
async def test_a_template_prints_the_link_of_the_header(renderer: BoundedRenderer, where: str) -> None:
    data = json.dumps({"long": "x" * 70_000} if where == "in the cell" else {})
    claim = claim_of(new_id())._replace(data=data, template_id=PRINTING.template_id, recipient_id=RECIPIENT)
    mail = await composed(renderer, claim, PRINTING)
    assert mail.headers["List-Unsubscribe"] == mail.text
    assert mail.html == f"<a href='{mail.text[1:-1]}'>x</a>"
    for without in (
        await composed(renderer, claim, replace(PRINTING, critical=True)),
        await composed(renderer, claim._replace(recipient_id=None), PRINTING),
        await composed(renderer, claim, PRINTING, None),
    ):
        assert (without.text, without.html) == ("none", "<a href=''>x</a>")


async def test_a_link_of_the_producers_own_is_printed(renderer: BoundedRenderer) -> None:
    own = json.dumps({"unsubscribe_url": "https://shop.example/stop"})
    claim = claim_of(new_id())._replace(data=own, template_id=PRINTING.template_id, recipient_id=RECIPIENT)
    mail = await composed(renderer, claim, PRINTING)
    assert mail.text == "<https://shop.example/stop>"
    assert mail.headers["List-Unsubscribe"].startswith("<https://mail.example/u/")
