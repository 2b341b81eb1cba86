"""What an error nobody foresaw makes of an attempt: it depends on whether the provider was called."""

from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Accepted, ProviderOptions
from hermodr_delivery.pump import Withheld
from hermodr_email_sender.domain import OutgoingEmail
from hermodr_email_sender.providers import EmailProvider
from hermodr_email_sender.service import EmailSending
from hermodr_ledger.attempts import Outcome
from hermodr_ledger.engine import Ledger
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.rendering import Rendered
from tests.support.clocks import FakeClock
from tests.unit.delivery.fakes import claim_of, new_ids


class Breaking:
    """Renders or sends, or raises what it was given instead."""

    name = "fake"
    options = ProviderOptions(rate=1000.0)

    def __init__(self, *, rendering: Exception | None = None, sending: Exception | None = None) -> None:
        self.rendering = rendering
        self.sending = sending
        self.calls = 0

    async def as_given(self, subject: str, text: str | None, html: str | None) -> Rendered:
        if self.rendering is not None:
            raise self.rendering
        return Rendered("Hello", "you", None)

    async def send(self, message: OutgoingEmail) -> Accepted:
        self.calls += 1
        if self.sending is not None:
            raise self.sending
        return Accepted("id", "")

    async def close(self) -> None:
        """Nothing is open."""


def sending_with(parts: Breaking, *, paused: bool = False) -> EmailSending:
    return EmailSending(
        cast("Ledger", None),
        [cast("EmailProvider", parts)],
        cast("BoundedRenderer", parts),
        FakeClock(),
        SenderMetrics(CollectorRegistry()),
        owner="me",
        message_id_domain="example.org",
        paused=lambda: paused,
    )


@pytest.mark.parametrize("error", [KeyError("x"), ValueError(), RecursionError(), AssertionError()])
async def test_a_defect_before_the_call_is_permanent_and_to_be_buried(error: Exception) -> None:
    parts = Breaking(rendering=error)
    result = await sending_with(parts).send(claim_of(new_ids(1)[0]))
    assert (result.attempt.outcome, result.defect) == (Outcome.PERMANENT, True)
    assert (result.attempt.code, result.attempt.detail) == ("internal_error", type(error).__name__)
    assert parts.calls == 0


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), MemoryError()])
async def test_what_the_machine_lacks_before_the_call_may_go_better_later(error: Exception) -> None:
    result = await sending_with(Breaking(rendering=error)).send(claim_of(new_ids(1)[0]))
    assert (result.attempt.outcome, result.defect) == (Outcome.TRANSIENT, False)


@pytest.mark.parametrize("error", [KeyError("x"), ConnectionResetError()])
async def test_in_the_midst_of_the_call_nobody_knows_whether_the_mail_left(error: Exception) -> None:
    result = await sending_with(Breaking(sending=error)).send(claim_of(new_ids(1)[0]))
    assert (result.attempt.outcome, result.defect) == (Outcome.UNKNOWN, False)
    assert result.attempt.code == "internal_error"


async def test_an_attempt_that_waited_for_its_turn_into_a_pause_is_withheld() -> None:
    parts = Breaking()
    sending = sending_with(parts, paused=True)
    assert (
        await sending.send(claim_of(new_ids(1)[0]))
    ).attempt.outcome is Outcome.SENT  # its turn was at once
    with pytest.raises(Withheld):
        await sending.send(claim_of(new_ids(1)[0]))
    assert parts.calls == 1
