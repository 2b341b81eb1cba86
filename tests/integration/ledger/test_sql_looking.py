from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import DeliveryState, JobState
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import record_decisions
from tests.support import ledgers
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House


def test_a_reader_sees_their_users_rows_and_no_others(
    reader: Psql, producer: Psql, house: House, admin: Psql
) -> None:
    ada, bob = producer.one(house.enqueue()), producer.one(house.enqueue(person="bob"))
    bank = producer.one(house.enqueue("bank"))
    for job_id in (ada, bob, bank):
        admin.ask(f"INSERT INTO hermodr.events (job_id, kind) VALUES ('{job_id}', 'noted')")
    assert reader.ask("SELECT id FROM hermodr.jobs") == []
    assert reader.ask("SET hermodr.user_id = ''", "SELECT id FROM hermodr.jobs") == []
    for table, column in (
        ("jobs", "id"),
        ("events", "job_id"),
        ("notification_processing_timeline", "job_id"),
    ):
        mine = {
            each
            for (each,) in reader.ask("SET hermodr.user_id = 'ada'", f"SELECT {column} FROM hermodr.{table}")
        }
        assert {ada, bob, bank} & mine == {ada, bank}
        narrowed = reader.ask(
            "SET hermodr.user_id = 'ada'",
            "SET hermodr.project = 'shop'",
            f"SELECT {column} FROM hermodr.{table}",
        )
        assert {ada, bob, bank} & {each for (each,) in narrowed} == {ada}
    people = reader.ask("SET hermodr.user_id = 'bob'", "SELECT email FROM hermodr.recipients")
    assert people == [["bob@example.com"]] * 2
    for statement in (
        "SELECT * FROM hermodr.api_keys",
        "UPDATE hermodr.jobs SET state = 'cancelled'",
        house.enqueue(),
    ):
        with pytest.raises(Refused, match="permission denied"):
            reader.ask("SET hermodr.user_id = 'ada'", statement)


def test_a_readers_own_operators_open_no_rows(
    reader: Psql, producer: Psql, house: House, admin: Psql
) -> None:
    producer.one(house.enqueue())
    admin.ask(
        "CREATE SCHEMA mischief",
        "CREATE FUNCTION mischief.yes(text, text) RETURNS boolean LANGUAGE sql RETURN true",
        "CREATE OPERATOR mischief.= (LEFTARG = text, RIGHTARG = text, PROCEDURE = mischief.yes)",
        "GRANT USAGE ON SCHEMA mischief TO PUBLIC",
    )
    shadowed = "SET search_path = mischief, pg_catalog"
    assert reader.one(shadowed, "SELECT 'one'::text = 'other'::text") == "t"
    for table in ("jobs", "recipients"):
        assert reader.ask(shadowed, f"SELECT * FROM hermodr.{table}") == []
    admin.ask("DROP SCHEMA mischief CASCADE")


async def _a_failure(ledger: Ledger, job_id: UUID) -> None:
    (made,) = (await record_decisions(ledger, await ledgers.decisions_of(ledger, [job_id]))).values()
    (claimed,) = await claim(ledger, made, owner="me", lease_seconds=60)
    attempt = ledgers.attempt(claimed.id, 1, Outcome.PERMANENT, code="smtp_554", detail="DATA: refused")
    (recorded,) = await record(ledger, [(attempt, Settlement(DeliveryState.FAILED))])
    assert recorded.job_state is JobState.FAILED


async def test_the_views_tell_what_became_of_it(
    operator: Psql, reader: Psql, producer: Psql, house: House, database_url: str
) -> None:
    job_id = producer.one(house.enqueue(person="bob"))
    async with ledgers.opened(database_url) as ledger:
        await _a_failure(ledger, UUID(job_id))
    project = house.ids["shop"]["project"]
    assert operator.ask(
        "SELECT status, error, delivery_method, provider, retry_count FROM hermodr.failed_notifications_report"
        f" WHERE job_id = '{job_id}'"
    ) == [["failed", "smtp_554", "email", "smtp", "0"]]
    assert operator.ask(
        "SELECT notification_type, error_code, occurrence_count, jobs FROM hermodr.notification_error_summary"
    ) == [["immediate", "smtp_554", "1", "1"]]
    assert operator.ask(
        f"SELECT event FROM hermodr.notification_processing_timeline WHERE job_id = '{job_id}' ORDER BY at"
    ) == [["requested"], ["decided"], ["attempted"], ["failed"]]
    assert (
        operator.one(
            f"SELECT total_failed FROM hermodr.notification_queue_status WHERE project_id = '{project}'"
        )
        == "1"
    )
    assert operator.ask(
        "SELECT notification_type, total, last_hour, last_24_hours FROM hermodr.notifications_dashboard_view"
        f" WHERE status = 'failed' AND project_id = '{project}'"
    ) == [["immediate", "1", "1", "1"]]
    for view in ("notification_error_summary", "failed_notifications_report"):
        assert len(reader.ask("SET hermodr.user_id = 'bob'", f"SELECT * FROM hermodr.{view}")) == 1
        assert reader.ask("SET hermodr.user_id = 'ada'", f"SELECT * FROM hermodr.{view}") == []


async def test_cleaning_up_takes_what_ended_long_ago_with_all_that_belongs_to_it(
    operator: Psql, admin: Psql, producer: Psql, house: House, database_url: str
) -> None:
    old, unfinished = producer.one(house.enqueue()), producer.one(house.enqueue())
    async with ledgers.opened(database_url) as ledger:
        await _a_failure(ledger, UUID(old))
    clean = "SELECT hermodr.cleanup_notification_data('{}')"
    for bad in ("NULL", "'-1 day'", "'1000000 years'", "'-1000000 years'", "'1 month -30 days -1 second'"):
        with pytest.raises(Refused, match="retention: must be an interval from zero to 1000 years"):
            operator.ask(f"SELECT hermodr.cleanup_notification_data({bad})")
    counted = f"""
        SELECT (SELECT count(*) FROM hermodr.jobs WHERE id = '{old}'),
               (SELECT count(*) FROM hermodr.deliveries WHERE job_id = '{old}'),
               (SELECT count(*) FROM hermodr.events WHERE job_id = '{old}'),
               (SELECT count(*) FROM hermodr.attempts WHERE delivery_id > '{old}'
                AND delivery_id <= hermodr.last_child_of('{old}')),
               (SELECT count(*) FROM hermodr.jobs WHERE id = '{unfinished}')
    """
    for long in ("1 day", "1000 years"):
        assert operator.one(clean.format(long)) == "0"
    assert admin.ask(counted) == [["1", "1", "1", "1", "1"]]
    finished = int(admin.one("SELECT count(*) FROM hermodr.jobs WHERE finished_at IS NOT NULL"))
    assert int(operator.one(clean.format("0 seconds"))) == finished > 0
    assert admin.ask(counted) == [["0", "0", "0", "0", "1"]]
