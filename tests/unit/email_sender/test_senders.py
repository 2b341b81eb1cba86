"""Who is not a sender any more sends nothing, whatever was accepted before."""

from __future__ import annotations

from typing import cast

import pytest

from hermodr_delivery.failures import PermanentError
from hermodr_email_sender.composing import EmailComposer
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.senders import REMEMBERED_SECONDS, Senders
from hermodr_ledger.engine import Ledger, Row
from hermodr_servicekit.clock import Clock
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.cell import Cell
from tests.support.clocks import FakeClock
from tests.support.mails import no_files
from tests.unit.delivery.fakes import claim_of, new_ids

HOUSE = Mailbox("Hermodr@example.com")
CLAIM = claim_of(new_ids(1)[0])._replace(content='{"subject": "s", "body_text": "x"}')


class Rows:
    def __init__(self, *allowed: bool) -> None:
        self.allowed = list(allowed)

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        return [{"allowed": self.allowed.pop(0)}]


def composer(rows: Rows, clock: Clock) -> EmailComposer:
    renderer = BoundedRenderer(cast("Cell", None), clock.monotonic)
    return EmailComposer(renderer, "x.example", no_files, Senders(cast("Ledger", rows), clock, HOUSE))


async def test_a_sender_is_looked_up_and_remembered_for_a_while() -> None:
    clock, rows = FakeClock(), Rows(True, False)
    made = composer(rows, clock)
    claim = CLAIM._replace(envelope='{"from": "Shop <shop@example.com>"}')
    assert made.at_once(claim, None) is None
    assert (await made.slowly(claim, None)).sender == Mailbox("shop@example.com", "Shop")
    assert made.at_once(claim, None) is not None
    clock.advance(REMEMBERED_SECONDS + 1)
    assert made.at_once(claim, None) is None
    with pytest.raises(PermanentError) as refused:
        await made.slowly(claim, None)
    assert refused.value.code == "sender_not_verified"


async def test_the_installations_own_address_needs_no_look_up() -> None:
    made = composer(Rows(), FakeClock())
    assert made.at_once(CLAIM, None) is not None
    claim = CLAIM._replace(envelope='{"from": "We <hermodr@example.com>"}')
    mail = made.at_once(claim, None)
    assert mail is not None
    assert mail.sender == Mailbox("hermodr@example.com", "We")


@pytest.mark.parametrize(
    "envelope", ["[]", '{"from": 7}', '{"cc": 7}', '{"headers": [7]}', '{"from": "nobody"}']
)
async def test_an_envelope_that_cannot_be_read_is_said_to_be_one(envelope: str) -> None:
    with pytest.raises(PermanentError) as refused:
        composer(Rows(), FakeClock()).at_once(CLAIM._replace(envelope=envelope), None)
    assert refused.value.code == "bad_envelope"
