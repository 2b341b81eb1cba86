"""Fail-over: real rows, scripted providers."""

from collections.abc import AsyncIterator

import pytest

from hermodr_delivery.failures import (
    PermanentError,
    Throttled,
    TransientError,
)
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.ids import job_of
from tests.support.failing_over import AWAY, LYING, OVERLOADED, TOO_MANY, WRONG_KEY, Scripted, house_of
from tests.support.ledgers import opened


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        yield ledger


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


async def test_a_pinned_delivery_never_fails_over(ledger: Ledger) -> None:
    house = await house_of(ledger, Scripted("one"), Scripted("two", AWAY))
    await ledger.fetch(
        """UPDATE hermodr.jobs SET envelope = '{"provider": "two"}' WHERE id = $1""", job_of(house.id)
    )
    assert await house.turns() == ["retrying"]
    assert await house.log() == [("two", "transient", "connect_refused")]
    assert await house.step() == ["sent"]
    assert house.providers[0].took == []
