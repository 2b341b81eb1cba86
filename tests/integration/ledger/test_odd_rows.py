"""A corrupt row keeps no other from being sent: it is set aside and reported."""

from uuid import UUID

import pytest

from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.attempts import Claim, Outcome, settle
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.setting_aside import all_aside
from hermodr_ledger.upkeep.due import DueRows
from tests.support.ledgers import attempt, emptied, new_deliveries, row_of

LEASE = 60.0


@pytest.fixture
async def clean(ledger: Ledger) -> Ledger:
    await emptied(ledger)
    return ledger


async def duties(ledger: Ledger) -> dict[str, tuple[int, str]]:
    return {each.duty: (each.rows, each.error) for each in await all_aside(ledger)}


async def odd(ledger: Ledger, delivery_id: UUID, change: str) -> None:
    await ledger.fetch(f"UPDATE hermodr.deliveries SET {change} WHERE id = $1", delivery_id)


async def claimed(ledger: Ledger, ids: list[UUID]) -> list[Claim]:
    return await Attempts(ledger).claim(ids, owner="me", lease_seconds=LEASE)


async def test_one_that_cannot_be_counted_further_is_not_claimed_and_the_rest_is(clean: Ledger) -> None:
    ids = await new_deliveries(clean, 20)
    await odd(clean, ids[7], "state = 'retrying', attempt = 32767")
    assert {each.id for each in await claimed(clean, ids)} == set(ids) - {ids[7]}
    assert await duties(clean) == {"claims": (1, "NumericValueOutOfRangeError")}
    await clean.fetch("UPDATE hermodr.deliveries SET wake_at = now() - interval '1 second'")
    assert ids[7] not in {each.id for each in await DueRows(clean).take_deliveries(50, ())}


@pytest.mark.parametrize("change", ["channel = 'pigeon'", "priority = 77", "on_unknown = 'pray'"])
async def test_one_that_nobody_understands_is_given_back(clean: Ledger, change: str) -> None:
    ids = await new_deliveries(clean, 5)
    await odd(clean, ids[2], change)
    assert {each.id for each in await claimed(clean, ids)} == set(ids) - {ids[2]}
    assert await duties(clean) == {"claims": (1, "ValueError")}
    row = await row_of(clean, "deliveries", ids[2])
    assert (row["state"], row["attempt"]) == ("queued", 0)


@pytest.mark.parametrize("moment", ["-infinity", "infinity", "0044-01-01 BC", "20000-01-01"])
async def test_times_that_no_calendar_has_keep_nobody_from_being_claimed(clean: Ledger, moment: str) -> None:
    ids = await new_deliveries(clean, 3)
    await clean.fetch("UPDATE hermodr.jobs SET scheduled_for = $1::text::timestamptz", moment)
    assert {each.id for each in await claimed(clean, ids)} == set(ids)


async def test_steps_after_the_claim_leave_out_what_they_fail_at(clean: Ledger) -> None:
    ids = await new_deliveries(clean, 12)
    claims = await claimed(clean, ids)
    attempts = Attempts(clean)
    await clean.fetch(
        "CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'not this row'; END $$"
    )
    await clean.fetch(
        "CREATE TRIGGER odd BEFORE UPDATE ON hermodr.deliveries FOR EACH ROW"
        f" WHEN (OLD.id = '{ids[3]}') EXECUTE FUNCTION public.refuse()"
    )
    try:
        held = await attempts.renew([(each.id, 1) for each in claims], owner="me", lease_seconds=LEASE)
        assert held == set(ids) - {ids[3]}
        await attempts.release(claims)
        settlement = settle(
            Outcome.SENT, number=1, max_attempts=4, on_unknown=claims[0].on_unknown, ladder=()
        )
        with pytest.raises(Exception, match="not this row"):
            await attempts.record([(attempt(ids[3], 1, Outcome.SENT), settlement)])
    finally:
        await clean.fetch("DROP TRIGGER odd ON hermodr.deliveries")
    rows = await clean.fetch("SELECT id FROM hermodr.deliveries WHERE state = 'sending'")
    assert [row["id"] for row in rows] == [ids[3]]
    assert await duties(clean) == {
        "released claims": (1, "RaiseError"),
        "renewed leases": (1, "RaiseError"),
        "results": (1, "RaiseError"),
    }


@pytest.mark.parametrize(
    ("change", "moment"),
    [("wake_at", "-infinity"), ("due_at", "0044-01-01 BC"), ("lease_until", "-infinity")],
)
async def test_a_delivery_with_an_odd_time_stops_no_round(clean: Ledger, change: str, moment: str) -> None:
    ids = await new_deliveries(clean, 5)
    await clean.fetch("UPDATE hermodr.deliveries SET wake_at = now() - interval '1 second'")
    await odd(clean, ids[0], f"{change} = '{moment}'")
    due = DueRows(clean)
    await due.seconds_until_due()
    assert {each.id for each in await due.take_deliveries(50, ())} >= set(ids[1:])


async def test_a_claim_that_cannot_be_read_is_set_aside(clean: Ledger) -> None:
    ids = await new_deliveries(clean, 5)
    await Attempts(clean).claim(ids, owner="me", lease_seconds=0)
    await clean.fetch("UPDATE hermodr.deliveries SET wake_at = now() - interval '1 second'")
    await odd(clean, ids[0], "claimed_at = '0044-01-01 BC'")
    due = DueRows(clean)
    assert {each.id for each in await due.expired_claims(50)} == set(ids[1:])
    assert await duties(clean) == {"expired claims": (1, "OverflowError")}
    assert {each.id for each in await due.expired_claims(50)} == set(ids[1:])
