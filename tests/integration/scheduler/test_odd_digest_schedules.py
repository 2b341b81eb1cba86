"""Digest schedules by SQL keep the rules of those over HTTP; rows from before the rules harm nobody."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from hermodr_ledger.engine import Ledger
from hermodr_recurrence.zones import zone_names
from hermodr_scheduler.duties.digests import Digests
from hermodr_scheduler.metrics import SchedulerMetrics
from tests.support.digests import (
    ZONES_OF_POSTGRESQL_ALONE,
    Club,
    Silent,
    changed_before_the_rules,
    founded,
)
from tests.support.ledgers import emptied, opened, rows_of

ODD = [
    ("timezone", "NULL", "timezone: "),
    ("frequency", "'hourly'", "frequency: 'hourly' is none of daily"),
    ("frequency", "NULL", "frequency: must be daily, weekly or monthly"),
    ("frequency", "'daily'", "delivery_day: cannot stand beside the frequency daily"),
    ("delivery_day", "NULL", "delivery_day: is missing for the frequency weekly"),
    ("delivery_day", "8", "delivery_day: 8 is not within 1"),
    ("delivery_time", "'24:00'", "delivery_time: must be a time of day"),
    ("max_updates_per_digest", "0", "max_updates_per_digest: must be 1 to 100"),
    ("max_updates_per_digest", "101", "max_updates_per_digest: must be 1 to 100"),
    ("misfire", "'odd'", "misfire: must be coalesce or skip"),
    ("is_active", "NULL", "is_active: must be true or false"),
    ("include_content_types", "'{}'", "include_content_types: must be a plain list"),
    ("include_content_types", "ARRAY[NULL]::text[]", "include_content_types: must hold types"),
    ("include_content_types", "ARRAY[ARRAY['a'], ARRAY['b']]", "include_content_types: must be a plain list"),
    ("include_content_types", "array_fill('a'::text, ARRAY[100000])", "include_content_types: must be a"),
    ("include_content_types", "ARRAY['']", "include_content_types: must hold types"),
    ("include_content_types", "ARRAY['X Y']", "include_content_types: must hold types"),
    ("include_content_types", "ARRAY[E'a\\n']", "include_content_types: must hold types"),
    ("include_content_types", "ARRAY[repeat('a', 51)]", "include_content_types: must hold types"),
    ("include_content_types", "ARRAY['a', 'b', 'a']", "include_content_types: a type stands twice"),
    *(("timezone", f"'{zone}'", "timezone: is not a time zone") for zone in ZONES_OF_POSTGRESQL_ALONE),
]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@pytest.fixture
async def club(ledger: Ledger) -> Club:
    return await founded(ledger)


async def by_sql(club: Club, statement: str) -> None:
    """As a producer."""
    async with club.ledger.transaction() as transaction:
        await transaction.fetch("SET LOCAL ROLE hermodr_producer")
        await transaction.fetch(statement)


def insert(club: Club, **columns: str) -> str:
    given = {
        "recipient_id": f"'{club.reader}'",
        "group_id": f"'{club.group_id}'",
        "frequency": "'weekly'",
        "delivery_day": "1",
    } | columns
    return f"INSERT INTO hermodr.digest_schedules ({', '.join(given)}) VALUES ({', '.join(given.values())})"


async def test_what_makes_no_sense_over_http_is_refused_by_name(club: Club) -> None:
    await by_sql(
        club, insert(club, timezone="'Europe/Berlin'", include_content_types="ARRAY['photo', 'a_b-1']")
    )
    before = await rows_of(club.ledger, "digest_schedules")
    for column, value, says in ODD:
        doors = [f"UPDATE hermodr.digest_schedules SET {column} = {value}"]
        if (column, value) != ("timezone", "NULL"):  # supplied
            doors.append(insert(club, **{column: value}))
        for door in doors:
            with pytest.raises(asyncpg.InvalidParameterValueError, match=f"^{says}"):
                await by_sql(club, door)
    assert await rows_of(club.ledger, "digest_schedules") == before


async def test_each_zone_that_the_services_know_is_taken_at_once(club: Club) -> None:
    zones = sorted(zone_names())
    listed = ", ".join(f"('{each}')" for each in zones)
    await by_sql(
        club,
        "INSERT INTO hermodr.digest_schedules (recipient_id, group_id, frequency, timezone)"
        f" SELECT '{club.reader}', '{club.group_id}', 'daily', z FROM (VALUES {listed}) AS v(z)",
    )
    assert len(await rows_of(club.ledger, "digest_schedules")) == len(zones)


async def test_a_row_from_before_is_set_aside_and_can_be_paused_mended_or_run(club: Club) -> None:
    schedule = await club.schedule()
    (posted,) = await club.post(1)
    await changed_before_the_rules(
        club.ledger, schedule.id, "timezone = 'EST5EDT4', include_content_types = ARRAY[NULL, 'text']"
    )
    await Digests(club.ledger, Silent(), SchedulerMetrics(CollectorRegistry()), batch=10).tick()
    (row,) = await rows_of(club.ledger, "digest_schedules")
    assert row["next_digest_scheduled"] is None
    assert await club.items(await club.run(schedule)) == [posted]  # told by UTC
    await by_sql(club, "UPDATE hermodr.digest_schedules SET is_active = false")
    await by_sql(club, "UPDATE hermodr.digest_schedules SET timezone = 'UTC', is_active = true")
