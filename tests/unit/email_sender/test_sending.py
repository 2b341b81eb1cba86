"""What an error nobody foresaw makes of an attempt: it depends on whether the provider was called."""

import json
import threading
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.claimed import Send, TakesLong, Withheld
from hermodr_delivery.contents import Contents
from hermodr_delivery.failures import Cause, PermanentError, Refused
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Accepted, Call, ProviderOptions
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.sending import Sending
from hermodr_email_sender.composing import EmailComposer
from hermodr_email_sender.domain import OutgoingEmail
from hermodr_email_sender.providers.dsns import EmailProvider
from hermodr_email_sender.senders import Senders
from hermodr_ledger.deliveries.attempts import Outcome
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.rendering import Rendered, RenderingFailed
from tests.support.clocks import FakeClock
from tests.support.mails import NoSenders, no_files
from tests.unit.delivery.fakes import claim_of, new_ids


class Breaking:
    """Renders, builds and sends, or raises what it was given instead. Not `usual`: rendering has to be waited for."""

    name = "fake"
    options = ProviderOptions()

    def __init__(
        self,
        *,
        rendering: Exception | None = None,
        building: Exception | None = None,
        sending: Exception | None = None,
        usual: bool = True,
    ) -> None:
        self.rendering = rendering
        self.building = building
        self.sending = sending
        self.usual = usual
        self.built: list[OutgoingEmail] = []
        self.threads: list[int] = []
        self.calls = 0

    def as_given_at_once(self, subject: str, text: str | None, html: str | None) -> Rendered | None:
        if self.usual and self.rendering is not None:
            raise self.rendering
        return Rendered("Hello", "you", html) if self.usual else None

    async def as_given(self, subject: str, text: str | None, html: str | None, project: UUID) -> Rendered:
        if self.rendering is not None:
            raise self.rendering
        return Rendered("Hello", "you", None)

    def prepare(self, message: OutgoingEmail) -> Call:
        if self.building is not None:
            raise self.building
        self.built.append(message)
        self.threads.append(threading.get_ident())
        return self.send

    async def send(self) -> Accepted:
        self.calls += 1
        if self.sending is not None:
            raise self.sending
        return Accepted("id", "")

    async def close(self) -> None: ...


class InTheCell(Breaking):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def render_at_once(self, template: CompiledTexts, data: str, *_: object) -> Rendered | None:
        self.asked.append("at once")
        return None

    async def render_in_cell(self, template: CompiledTexts, data: str, project: UUID, *_: object) -> Rendered:
        self.asked.append("in the cell")
        return Rendered("Hello", "you", None)

    async def render(self, template: CompiledTexts, data: str, project: UUID) -> Rendered:
        return self.render_at_once(template, data) or await self.render_in_cell(template, data, project)


class Texts:
    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        text = {"subject": "Hello", "body_text": "you", "body_html": None, "approved": None}
        return [{**text, "name": "hello", "critical": False}]


def sending_with(
    parts: Breaking, *, paused: bool = False, ledger: Texts | None = None
) -> Sending[OutgoingEmail]:
    clock = FakeClock()
    return Sending(
        Contents(cast("Ledger", ledger), Channel.EMAIL, clock.monotonic),
        EmailComposer(cast("BoundedRenderer", parts), "example.org", no_files, cast("Senders", NoSenders())),
        Routes([cast("EmailProvider", parts)], clock, SenderMetrics(CollectorRegistry()), patience=5.0),
        clock,
        owner="me",
        paused=lambda: paused,
    )


async def got_ready(send: Send) -> Send:
    """What a pump has done outside its workers: the attempt itself has to be told that it takes long."""
    with pytest.raises(TakesLong) as long:
        await send()
    return await long.value.get_ready()


async def test_the_usual_mail_is_built_before_its_turn_and_sent_at_it() -> None:
    parts = Breaking()
    send = sending_with(parts).prepare(claim_of(new_ids(1)[0]))
    assert (len(parts.built), parts.calls) == (1, 0)
    sent = (await send()).attempt
    assert (sent.outcome, sent.provider) == (Outcome.SENT, "fake")
    assert (len(parts.built), parts.calls) == (1, 1)


async def test_a_large_mail_is_built_beside_the_loop() -> None:
    """The largest takes a good part of a second, and others wait for the loop."""
    parts = Breaking()
    content = json.dumps({"subject": "Hello", "body_text": "you", "body_html": "x" * 200_000})
    send = sending_with(parts).prepare(claim_of(new_ids(1)[0])._replace(content=content))
    assert (parts.built, parts.calls) == ([], 0)
    assert (await (await got_ready(send))()).attempt.outcome is Outcome.SENT
    assert (len(parts.built), parts.calls) == (1, 1)
    assert parts.threads[0] != threading.get_ident()


async def test_what_went_wrong_beforehand_is_not_done_again() -> None:
    parts = Breaking(rendering=RenderingFailed("render_failed", "subject, line 1: no"))
    send = sending_with(parts).prepare(claim_of(new_ids(1)[0]))
    parts.rendering = None
    result = await send()
    assert (result.attempt.outcome, result.attempt.code) == (Outcome.PERMANENT, "render_failed")
    assert result.attempt.provider is None  # nobody was called
    assert (parts.built, parts.calls) == ([], 0)


async def test_a_template_that_wants_the_cell_is_tried_at_once_only_once_for_a_mail() -> None:
    parts = InTheCell()
    sending = sending_with(parts, ledger=Texts())
    templated: dict[str, Any] = {
        "content": None,
        "template_id": uuid4(),
        "template_version": 1,
        "locale": "en",
    }
    for _ in range(2):  # the texts of the first have to be fetched before anything can be tried
        claim = claim_of(new_ids(1)[0])._replace(**templated)
        send = await got_ready(sending.prepare(claim))
        assert (await send()).attempt.outcome is Outcome.SENT
        assert parts.asked == ["at once", "in the cell"]
        parts.asked.clear()


async def test_what_has_to_be_waited_for_is_built_outside_the_workers() -> None:
    parts = Breaking(usual=False)
    send = sending_with(parts).prepare(claim_of(new_ids(1)[0]))
    ready = await got_ready(send)
    assert (len(parts.built), parts.calls) == (1, 0)
    assert (await ready()).attempt.outcome is Outcome.SENT
    assert (len(parts.built), parts.calls) == (1, 1)


async def test_a_mail_that_cannot_be_built_fails_at_its_turn() -> None:
    parts = Breaking(building=PermanentError("bad_address", "an address is malformed"))
    result = await sending_with(parts).prepare(claim_of(new_ids(1)[0]))()
    assert (result.attempt.outcome, result.attempt.code) == (Outcome.PERMANENT, "bad_address")
    assert (parts.calls, result.defect) == (0, False)


@pytest.mark.parametrize("part", ["rendering", "building"])
@pytest.mark.parametrize("error", [KeyError("x"), ValueError(), RecursionError(), AssertionError()])
async def test_a_defect_before_the_call_is_permanent_and_to_be_buried(error: Exception, part: str) -> None:
    parts = Breaking(rendering=error) if part == "rendering" else Breaking(building=error)
    result = await sending_with(parts).prepare(claim_of(new_ids(1)[0]))()
    assert (result.attempt.outcome, result.defect) == (Outcome.PERMANENT, True)
    assert (result.attempt.code, result.attempt.detail) == ("internal_error", type(error).__name__)
    assert parts.calls == 0


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), MemoryError()])
async def test_what_the_machine_lacks_before_the_call_may_go_better_later(error: Exception) -> None:
    result = await sending_with(Breaking(rendering=error)).prepare(claim_of(new_ids(1)[0]))()
    assert (result.attempt.outcome, result.defect) == (Outcome.TRANSIENT, False)


@pytest.mark.parametrize("error", [KeyError("x"), ConnectionResetError()])
async def test_in_the_midst_of_the_call_nobody_knows_whether_the_mail_left(error: Exception) -> None:
    result = await sending_with(Breaking(sending=error)).prepare(claim_of(new_ids(1)[0]))()
    assert (result.attempt.outcome, result.defect) == (Outcome.UNKNOWN, False)
    assert result.attempt.code == "internal_error"


async def test_an_attempt_that_waited_for_its_turn_into_a_pause_is_withheld() -> None:
    parts = Breaking()
    with pytest.raises(Withheld):
        await sending_with(parts, paused=True).prepare(claim_of(new_ids(1)[0]))()
    assert parts.calls == 0


async def test_what_failed_outside_the_workers_is_a_result_as_well() -> None:
    parts = Breaking(rendering=RenderingFailed("render_suspended", "rests", passing=True), usual=False)
    result = await (await got_ready(sending_with(parts).prepare(claim_of(new_ids(1)[0]))))()
    assert (result.attempt.outcome, result.attempt.code) == (Outcome.TRANSIENT, "render_suspended")


async def test_waiting_for_other_projects_templates_is_no_attempt() -> None:
    parts = Breaking(rendering=RenderingFailed("render_busy", "others", passing=True), usual=False)
    with pytest.raises(Withheld) as withheld:
        await got_ready(sending_with(parts).prepare(claim_of(new_ids(1)[0])))
    assert withheld.value.last


async def test_nothing_is_rendered_that_expired_meanwhile() -> None:
    parts = Breaking(usual=False)
    send = sending_with(parts).prepare(claim_of(new_ids(1)[0])._replace(expires_in=0.0))
    with pytest.raises(Withheld):
        await got_ready(send)
    assert parts.built == []


async def test_a_refusal_of_the_provider_is_no_attempt() -> None:
    parts = Breaking(sending=Refused(Cause.ACCESS, "auth_failed"))
    sending = sending_with(parts)
    for _ in range(3):  # after the first it rests
        with pytest.raises(Withheld):
            await sending.prepare(claim_of(new_ids(1)[0]))()
    assert parts.calls == 1


async def test_a_mail_that_expired_while_it_waited_for_its_turn_is_withheld() -> None:
    parts = Breaking()
    sending = sending_with(parts)
    with pytest.raises(Withheld):
        await sending.prepare(claim_of(new_ids(1)[0])._replace(expires_in=0.0))()
    assert parts.calls == 0
    await sending.prepare(claim_of(new_ids(1)[0])._replace(expires_in=60.0))()
    assert parts.calls == 1
