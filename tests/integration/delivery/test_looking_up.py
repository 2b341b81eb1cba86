"""Unknown outcomes: repeated at the same provider alone, and looked up before: real rows, scripted providers."""

import math
from collections.abc import AsyncIterator

import pytest

from hermodr_contracts.vocabulary import OnUnknown
from hermodr_delivery.failures import (
    TransientError,
)
from hermodr_delivery.proof import HELD_LOOKS
from hermodr_delivery.provider import LooksUp, Seen, Sighting
from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep.due import expired_claims
from tests.support.failing_over import (
    AWAY,
    LYING,
    House,
    Remembering,
    Scripted,
    house_of,
)
from tests.support.ledgers import opened


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        yield ledger


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
    found = "looked up: an earlier attempt was accepted, nothing was sent again"
    assert (await house.details())[-1] == found
    assert await house.resolved() == [("unknown", "sent", found), ("sent", None, None)]


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
    proof = "looked up: no earlier attempt was accepted"
    assert (await house.details())[1] == proof
    assert (await house.resolved())[0] == ("unknown", "not_sent", proof)


async def test_who_cannot_tell_is_repeated_as_without_a_look_up(ledger: Ledger) -> None:
    house = await house_of(ledger, Remembering("one", LYING), Scripted("two"))
    await house.turns()
    assert await house.step() == ["sent"]
    assert (await house.details())[-1] == "could not be looked up (http_403)"


async def test_a_look_up_without_an_answer_is_made_again_once_the_provider_must_know(ledger: Ledger) -> None:
    one = Remembering("one", LYING)
    one.seen = TransientError("http_503")
    house = await house_of(ledger, one, Scripted("two"))
    await house.turns()
    assert await house.step() == ["withheld"]
    assert one.took == [str(house.id)]
    await house.later(120)
    assert await house.step() == ["sent"]
    assert (await house.details())[-1] == "could not be looked up (http_503)"
    assert (await house.resolved())[0] == ("unknown", None, None)


async def test_of_several_unknown_attempts_the_last_one_stands_for_what_was_found(ledger: Ledger) -> None:
    one = Remembering("one", LYING, LYING)
    house = await house_of(ledger, one, Scripted("two"))
    await house.turns()
    await house.step()
    one.seen = Seen(Sighting.FOUND)
    assert await house.step() == ["sent"]
    assert [row[:2] for row in await house.resolved()] == [
        ("unknown", None),
        ("unknown", "sent"),
        ("sent", None),
    ]


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


async def test_a_held_one_whose_look_up_has_no_answer_is_asked_for_a_few_times(ledger: Ledger) -> None:
    one = Remembering("one", LYING)
    one.seen = TransientError("http_503")
    house = await house_of(ledger, one, on_unknown=OnUnknown.HOLD)
    await house.turns()
    for _ in range(HELD_LOOKS):
        assert await house.step() == ["withheld"]
        await house.later(120)
    assert await house.step() == ["unknown"]
    assert await house.log() == [("one", "unknown", "http_500"), ("one", "unknown", "held")]


@pytest.mark.parametrize(
    ("seen", "state", "code", "resolved"),
    [
        (Seen(Sighting.FOUND, "id"), "sent", "looked_up", "sent"),
        (Seen(Sighting.NOT_FOUND), "sent", None, "not_sent"),
        (Seen(Sighting.CANNOT_TELL), "unknown", "held", None),
    ],
)
async def test_a_held_one_whose_sender_was_killed_is_looked_up_once(
    ledger: Ledger, seen: Seen, state: str, code: str | None, resolved: str | None
) -> None:
    one = Remembering("one")
    one.seen = seen
    house = await house_of(ledger, one, on_unknown=OnUnknown.HOLD)
    assert await house.killed() == "retrying"
    await house.later(300)
    assert await house.step() == [state]
    assert [each[2] for each in await house.log()] == ["lease_expired", code]
    assert (await house.resolved())[0][1] == resolved
    assert len(one.took) == (code is None)


async def test_a_held_one_whose_sender_was_killed_is_held_where_nothing_can_be_proven(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one"), on_unknown=OnUnknown.HOLD)
    assert await house.killed() == "unknown"


async def test_a_held_one_is_sent_by_nobody_else_if_its_provider_left_the_configuration(
    ledger: Ledger,
) -> None:
    house = await house_of(ledger, Remembering("old", LYING), on_unknown=OnUnknown.HOLD)
    assert await house.turns() == ["retrying"]
    successor = House(ledger, house.id, Remembering("new"))
    assert await successor.step() == ["unknown"]
    assert await successor.log() == [("old", "unknown", "http_500"), ("old", "unknown", "held")]
    assert (await successor.row())["maybe_accepted_by"] == "old"
    assert successor.providers[0].took == []


async def test_a_held_one_whose_senders_are_killed_again_and_again_ends(ledger: Ledger) -> None:
    house = await house_of(ledger, Remembering("one"), on_unknown=OnUnknown.HOLD, max_attempts=3)
    states = []
    for _ in range(3):
        states.append(await house.killed())
        await ledger.fetch("UPDATE hermodr.deliveries SET due_at = now() WHERE id = $1", house.id)
    assert states == ["retrying", "retrying", "unknown"]
