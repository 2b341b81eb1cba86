"""Fail-over, unknown outcomes and look-ups: real rows, scripted providers."""

import math
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import Channel, OnUnknown
from hermodr_delivery.claimed import Send, Withheld
from hermodr_delivery.contents import Contents
from hermodr_delivery.failures import (
    Cause,
    OutcomeUnknown,
    PermanentError,
    Refused,
    Throttled,
    TransientError,
)
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Accepted, Call, LooksUp, Provider, ProviderOptions, Seen, Sighting
from hermodr_delivery.recorder import Recorder
from hermodr_delivery.routing.claiming import Claiming
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.sending import Sending
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep.due import expired_claims
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.ids import job_of
from tests.support.ledgers import new_deliveries, opened, row_of
from tests.support.toy_channel import Note, ToyComposer
from tests.unit.delivery.fakes import FakeAnnouncer

LADDER = parse_ladder("10s,60s,5m")
AWAY = TransientError("connect_refused")
OVERLOADED = TransientError("http_503")
TOO_MANY = Refused(Cause.PACE, "http_429", named=True)
WRONG_KEY = Refused(Cause.ACCESS, "http_401")
LYING = OutcomeUnknown("http_500")


class Scripted:
    """Answers each call as told; then accepts. `took` are the messages it accepted, in truth."""

    place = "here"

    def __init__(self, name: str, *answers: Exception, keeps_keys: float = 0.0) -> None:
        self.name = name
        self.options = ProviderOptions(keeps_keys_seconds=keeps_keys)
        self.answers = list(answers)
        self.took: list[str] = []

    def prepare(self, message: Note) -> Call:
        return partial(self.send, message)

    async def send(self, message: Note) -> Accepted:
        answer = self.answers.pop(0) if self.answers else None
        if answer is None or isinstance(answer, OutcomeUnknown):
            self.took.append(message.key)
        if answer is not None:
            raise answer
        return Accepted(f"{self.name}-{len(self.took)}", "")

    async def check(self) -> str:
        return ""

    async def close(self) -> None: ...


class Remembering(Scripted):
    """Can be asked; knows nothing but `seen`."""

    found_within = 120.0
    seen = Seen(Sighting.CANNOT_TELL, None, "http_403")

    async def look_up(self, message: Note) -> Seen:
        return self.seen


class House:
    """One delivery, and a sender for it: each `turn` is a claim, an attempt and its record."""

    def __init__(self, ledger: Ledger, delivery_id: UUID, *providers: Scripted) -> None:
        self.ledger, self.id, self.providers = ledger, delivery_id, providers
        self.registry = CollectorRegistry()
        metrics, clock = SenderMetrics(self.registry), SystemClock()
        self.routes: Routes[Provider[Note]] = Routes(providers, clock, metrics, patience=5.0)
        self.claims = Claiming(Attempts(ledger), self.routes.choose)
        self.sending: Sending[Note] = Sending(
            Contents(ledger, Channel.EMAIL),
            ToyComposer(),
            self.routes,
            clock,
            owner="me",
        )
        self.recorder = Recorder(Attempts(ledger), FakeAnnouncer(), metrics, ladder=LADDER)

    async def claim(self) -> tuple[Claim, Send]:
        (claim,) = await self.claims.claim([self.id], owner="me", lease_seconds=60.0)
        return claim, self.sending.prepare(claim)

    async def turn(self) -> str:
        """The state it ends in; `withheld` if no attempt was made."""
        claim, send = await self.claim()
        try:
            result = await send()
        except Withheld as withheld:
            await self.claims.release([claim], held_seconds=withheld.seconds)
            self.withheld = withheld
            return "withheld"
        await self.recorder.submit(result)
        return str((await self.row()).get("state"))

    async def turns(self, most: int = 10) -> list[str]:
        """All that are due at once."""
        states: list[str] = []
        while len(states) < most and (await self.row())["state"] in ("queued", "retrying"):
            if (delay := await self.due_in()) is not None and delay > 1:
                break
            states.append(await self.turn())
            if states[-1] == "withheld":
                break
        return states

    async def step(self) -> list[str]:
        """The next step of the ladder."""
        await self.ledger.fetch("UPDATE hermodr.deliveries SET due_at = now() WHERE id = $1", self.id)
        return await self.turns()

    async def later(self, seconds: float) -> None:
        """As if the unknown outcome had been so long ago."""
        await self.ledger.fetch(
            "UPDATE hermodr.deliveries SET unknown_since = unknown_since - make_interval(secs => $2) WHERE id = $1",
            self.id,
            seconds,
        )

    async def row(self) -> dict[str, object]:
        return dict(await row_of(self.ledger, "deliveries", self.id))

    async def due_in(self) -> float | None:
        (row,) = await self.ledger.fetch(
            "SELECT extract(epoch FROM due_at - now())::float8 AS s FROM hermodr.deliveries WHERE id = $1",
            self.id,
        )
        return None if row["s"] is None else math.ceil(row["s"])

    async def log(self) -> list[tuple[object, ...]]:
        rows = await self.ledger.fetch(
            "SELECT provider, outcome, code FROM hermodr.attempts WHERE delivery_id = $1 ORDER BY number",
            self.id,
        )
        return [tuple(row.values()) for row in rows]

    async def details(self) -> list[str | None]:
        rows = await self.ledger.fetch(
            "SELECT detail FROM hermodr.attempts WHERE delivery_id = $1 ORDER BY number", self.id
        )
        return [row["detail"] for row in rows]

    async def retry_count(self) -> int:
        (row,) = await self.ledger.fetch(
            "SELECT retry_count FROM hermodr.notification_jobs WHERE id = $1", job_of(self.id)
        )
        return int(row["retry_count"])


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        yield ledger


async def house_of(ledger: Ledger, *providers: Scripted, **options: Any) -> House:
    (delivery_id,) = await new_deliveries(ledger, 1, **options)
    return House(ledger, delivery_id, *providers)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (AWAY, "transient"),
        (OVERLOADED, "transient"),
        (Throttled("smtp_421"), "throttled"),
        (TOO_MANY, "throttled"),
    ],
)
async def test_what_was_certainly_not_accepted_goes_to_the_next_provider_at_once(
    ledger: Ledger, answer: Exception, outcome: str
) -> None:
    one, two = Scripted("one", answer), Scripted("two")
    house = await house_of(ledger, one, two)
    assert await house.turns() == ["retrying", "sent"]
    assert await house.log() == [("one", outcome, getattr(answer, "code")), ("two", "sent", None)]  # noqa: B009
    assert (one.took, two.took) == ([], [str(house.id)])
    row = await house.row()
    assert (row["provider"], row["attempt"], row["refused_by"]) == ("two", 2, None)
    assert await house.retry_count() == 0
    failovers = house.registry.get_sample_value("hermodr_failovers_total", {"provider": "one"})
    assert failovers == 1


async def test_a_wrong_key_at_one_provider_does_not_stop_the_mail(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one", WRONG_KEY), Scripted("two"))
    assert await house.turns() == ["retrying", "sent"]
    assert house.routes.all[0].resting > 4


@pytest.mark.parametrize(
    "answer",
    [PermanentError("no_such_mailbox", bounced=True), PermanentError("too_large"), LYING],
)
async def test_everything_else_goes_to_nobody_else(ledger: Ledger, answer: Exception) -> None:
    house = await house_of(ledger, Scripted("one", answer), Scripted("two"))
    await house.turns()
    assert [provider for provider, _, _ in await house.log()] == ["one"]
    assert house.providers[1].took == []


async def test_a_greylisted_address_waits_for_its_step(ledger: Ledger) -> None:
    greylisted = TransientError("smtp_451", about_message=True)
    house = await house_of(ledger, Scripted("one", greylisted), Scripted("two"))
    assert await house.turns() == ["retrying"]
    assert await house.due_in() == 10
    assert await house.step() == ["sent"]
    assert [provider for provider, _, _ in await house.log()] == ["one", "one"]
    assert await house.retry_count() == 1


async def test_a_step_of_the_ladder_is_one_round_over_the_providers(ledger: Ledger) -> None:
    """Three calls a step; the ladder's delays and the number of steps are as with one provider."""
    providers = [Scripted(name, *[AWAY] * 9) for name in ("one", "two", "three")]
    house = await house_of(ledger, *providers, max_attempts=3)
    assert await house.turns() == ["retrying"] * 3
    assert await house.due_in() == 10
    assert await house.step() == ["retrying"] * 3
    assert await house.due_in() == 60
    assert await house.step() == ["retrying", "retrying", "failed"]
    assert [provider for provider, _, _ in await house.log()] == ["one", "two", "three"] * 3
    assert await house.retry_count() == 2


async def test_one_alone_refusing_burns_no_attempt(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one", TOO_MANY))
    assert await house.turns() == ["withheld"]
    assert await house.log() == []


async def test_an_unknown_outcome_is_repeated_at_the_same_provider_alone(ledger: Ledger) -> None:
    one, two = Scripted("one", LYING, AWAY, AWAY), Scripted("two")
    house = await house_of(ledger, one, two)
    assert await house.turns() == ["retrying"]
    assert await house.step() == ["retrying"]  # not even now: the first call may still have been accepted
    assert await house.step() == ["retrying"]
    assert await house.step() == ["sent"]
    assert [(provider, outcome) for provider, outcome, _ in await house.log()] == [
        ("one", "unknown"),
        ("one", "transient"),
        ("one", "transient"),
        ("one", "sent"),
    ]
    assert two.took == []
    assert (await house.details())[-1] == "an earlier attempt may have been accepted"


async def test_it_waits_for_that_provider_even_if_another_one_works(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one", LYING), Scripted("two"))
    await house.turns()
    for _ in range(20):
        house.routes.all[0].breaker.ended(math.inf, failed=True)
    assert await house.step() == ["withheld"]
    assert house.withheld.seconds is not None
    assert house.withheld.seconds > 5
    row = await house.row()
    assert (row["attempt"], row["state"]) == (1, "retrying")


async def test_a_killed_sender_left_word_where_the_call_went(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one"), Scripted("two"))
    for _ in range(20):
        house.routes.all[0].breaker.ended(math.inf, failed=True)
    claim, _ = await house.claim()
    assert claim.provider == "two"  # and here the sender dies
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET lease_until = now() - interval '1 s', wake_at = now() - interval '1 s'"
        " WHERE id = $1",
        house.id,
    )
    (expired,) = [each for each in await expired_claims(ledger, 10) if each.id == house.id]
    assert expired.provider == "two"


async def test_a_provider_that_left_the_configuration_binds_nobody(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("old", LYING))
    await house.turns()
    successor = House(ledger, house.id, Scripted("new"))
    assert await successor.step() == ["sent"]
    assert [provider for provider, _, _ in await successor.log()] == ["old", "new"]


async def test_a_message_that_is_found_is_sent_and_not_repeated(ledger: Ledger) -> None:
    one = Remembering("one", LYING)
    house = await house_of(ledger, one, Scripted("two"))
    assert isinstance(one, LooksUp)
    await house.turns()
    one.seen = Seen(Sighting.FOUND, "id-of-the-first", "delivered")
    assert await house.step() == ["sent"]
    assert one.took == [str(house.id)]
    assert await house.log() == [("one", "unknown", "http_500"), ("one", "sent", "looked_up")]
    assert (await house.row())["provider_message_id"] == "id-of-the-first"
    assert (await house.details())[-1] == "looked up: an earlier attempt was accepted, nothing was sent again"


async def test_what_is_not_found_is_believed_after_its_time_alone(ledger: Ledger) -> None:
    """And then any provider may get it."""
    one = Remembering("one", LYING, AWAY)
    one.seen = Seen(Sighting.NOT_FOUND)
    house = await house_of(ledger, one, Scripted("two"))
    await house.turns()
    one.took.clear()  # it had lost it, in truth
    assert await house.step() == ["withheld"]
    assert house.withheld.seconds is not None
    assert 100 < house.withheld.seconds <= 120
    await house.later(120)
    assert await house.step() == ["retrying", "sent"]
    assert await house.log() == [
        ("one", "unknown", "http_500"),
        ("one", "transient", "connect_refused"),
        ("two", "sent", None),
    ]
    assert (await house.details())[1] == "looked up: no earlier attempt was accepted"


async def test_who_cannot_tell_is_repeated_as_without_a_look_up(ledger: Ledger) -> None:
    house = await house_of(ledger, Remembering("one", LYING), Scripted("two"))
    await house.turns()
    assert await house.step() == ["sent"]
    assert (await house.details())[-1] == "could not be looked up (http_403)"


async def test_a_provider_with_idempotency_keys_is_its_own_proof(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one", LYING, keeps_keys=86400.0))
    await house.turns()
    assert await house.step() == ["sent"]
    assert (await house.details())[-1] == (
        "repeated with the same idempotency key: the provider sends it once"
    )


@pytest.mark.parametrize(
    ("seen", "states"),
    [
        (Seen(Sighting.FOUND, "id"), ["retrying", "sent"]),
        (Seen(Sighting.NOT_FOUND), ["retrying", "sent"]),
        (Seen(Sighting.CANNOT_TELL), ["retrying", "unknown"]),
    ],
)
async def test_a_held_one_is_looked_up_before_it_is_held(
    ledger: Ledger, seen: Seen, states: list[str]
) -> None:
    one = Remembering("one", LYING)
    one.seen = seen
    house = await house_of(ledger, one, on_unknown=OnUnknown.HOLD)
    found = await house.turns()
    await house.later(300)
    assert [*found, *await house.step()] == states
    if states[-1] == "unknown":
        assert (await house.log())[-1] == ("one", "unknown", "held")
        assert len(one.took) == 1


async def test_a_held_one_is_held_at_once_where_nothing_can_be_proven(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one", LYING), on_unknown=OnUnknown.HOLD)
    assert await house.turns() == ["unknown"]


async def test_a_pinned_delivery_never_fails_over(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one"), Scripted("two", AWAY))
    await ledger.fetch(
        """UPDATE hermodr.jobs SET envelope = '{"provider": "two"}' WHERE id = $1""", job_of(house.id)
    )
    assert await house.turns() == ["retrying"]
    assert await house.log() == [("two", "transient", "connect_refused")]
    assert await house.step() == ["sent"]
    assert house.providers[0].took == []
