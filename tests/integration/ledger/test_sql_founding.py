"""The queries in the founding systems' documents, unchanged, against the views of the same names."""

import json
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import record_decisions
from tests.support import ledgers
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

HERE = "SET search_path = hermodr"
SYNC = "01a2018c-e359-7702-8eb3-8dd0fbf20000"


@pytest.fixture(scope="module")
def offered(admin: Psql) -> None:
    assert admin.one("SELECT hermodr.offer_in('public')") == "15"


async def ended(ledger: Ledger, job_id: str, *outcomes: tuple[Outcome, DeliveryState]) -> None:
    """Attempts of the job's one delivery."""
    (made,) = (await record_decisions(ledger, await ledgers.decisions_of(ledger, [UUID(job_id)]))).values()
    for number, (outcome, state) in enumerate(outcomes, 1):
        (claimed,) = await claim(ledger, made, owner="me", lease_seconds=60)
        attempt = ledgers.attempt(
            claimed.id, number, outcome, code="smtp_554", detail="refused", provider_message_id="SG-1"
        )
        await record(ledger, [(attempt, Settlement(state))])


@pytest.fixture
async def jobs(producer: Psql, house: House, admin: Psql, database_url: str) -> dict[str, str]:
    """A notification that waits, one that was sent and one that failed; a reminder."""
    async with ledgers.opened(database_url) as ledger:
        admin.ask(
            "TRUNCATE hermodr.jobs, hermodr.deliveries, hermodr.attempts, hermodr.events, hermodr.job_standings"
        )
        made = {name: producer.one(house.enqueue(person="bob")) for name in ("waits", "sent", "failed")}
        for name, job_type in (("reminder", "reminder_24h"), ("check", "pause_check_48h")):
            made[name] = producer.one(
                house.enqueue(
                    notification_type=f"'{job_type}'",
                    metadata=f"'{json.dumps({'sync_id': SYNC})}'",
                    scheduled_for="now() + interval '1 day'" if name == "check" else "NULL",
                )
            )
        await ended(ledger, made["sent"], (Outcome.SENT, DeliveryState.SENT))
        await ended(ledger, made["failed"], (Outcome.PERMANENT, DeliveryState.FAILED))
        await ended(ledger, made["reminder"], (Outcome.SENT, DeliveryState.SENT))
    return made


def test_background_jobs(operator: Psql, jobs: dict[str, str]) -> None:
    def ask(query: str) -> list[list[str]]:
        return operator.ask(HERE, query)

    listed = ask(
        "SELECT id, status, delivery_method, created_at, processed_at FROM notification_jobs"
        " ORDER BY created_at DESC LIMIT 10"
    )
    assert {(row[0], row[1], row[2]) for row in listed} >= {
        (jobs["waits"], "pending", "email"),
        (jobs["sent"], "sent", "email"),
        (jobs["failed"], "failed", "email"),
    }
    logged = ask(
        "SELECT id, status, delivery_method, error_message, created_at FROM notification_delivery_logs"
        " ORDER BY created_at DESC LIMIT 10"
    )
    assert sorted(tuple(row[1:4]) for row in logged) == [
        ("delivered", "email", ""),
        ("delivered", "email", ""),
        ("failed", "email", "smtp_554 refused"),
    ]
    assert ask("SELECT COUNT(*) FROM notification_jobs WHERE status = 'pending'") == [["2"]]
    by_status = ask(
        "SELECT status, COUNT(*) as count FROM notification_jobs"
        " WHERE created_at > NOW() - INTERVAL '24 hours' GROUP BY status"
    )
    assert {status: int(count) for status, count in by_status} == {"pending": 2, "sent": 2, "failed": 1}
    failed = ask(
        "SELECT id, recipient_id, failure_reason, created_at FROM notification_jobs WHERE status = 'failed'"
        " ORDER BY created_at DESC LIMIT 20"
    )
    assert [(row[0], row[2]) for row in failed] == [(jobs["failed"], "smtp_554")]
    ((rate,),) = ask(
        "SELECT COUNT(*) FILTER (WHERE status = 'delivered') * 100.0 / COUNT(*) as success_rate"
        " FROM notification_delivery_logs WHERE created_at > NOW() - INTERVAL '24 hours'"
    )
    assert round(float(rate)) == 67
    ((seconds,),) = ask(
        "SELECT AVG(EXTRACT(EPOCH FROM (processed_at - created_at))) as avg_seconds FROM notification_jobs"
        " WHERE processed_at IS NOT NULL AND created_at > NOW() - INTERVAL '24 hours'"
    )
    assert 0 <= float(seconds) < 600
    assert len(ask(f"SELECT * FROM notification_jobs WHERE id = '{jobs['sent']}'")) == 1
    assert len(ask(f"SELECT * FROM notification_delivery_logs WHERE job_id = '{jobs['sent']}'")) == 1
    assert ask(f"SELECT message_id, retry_count FROM notification_jobs WHERE id = '{jobs['sent']}'") == [
        ["SG-1", "0"]
    ]


def test_auto_sync_queue(operator: Psql, jobs: dict[str, str]) -> None:
    def ask(query: str) -> list[list[str]]:
        return operator.ask(HERE, query)

    assert ask("SELECT EXISTS (SELECT FROM information_schema.tables WHERE table_name = 'job_queue')") == [
        ["t"]
    ]
    assert len(ask(f"SELECT * FROM job_queue WHERE sync_id = '{SYNC}'")) == 2
    reminders = f"FROM auto_sync_messages WHERE auto_sync_id = '{SYNC}' AND message_type = 'reminder'"
    assert len(ask(f"SELECT * {reminders}")) == 1
    assert ask(f"SELECT status, sent_at IS NOT NULL {reminders}") == [["sent", "t"]]
    assert len(ask(f"SELECT * FROM job_queue WHERE sync_id = '{SYNC}' AND job_type = 'pause_check_48h'")) == 1
    assert ask("SELECT COUNT(*), job_type FROM job_queue WHERE status = 'pending' GROUP BY job_type") == [
        ["1", "pause_check_48h"]
    ]
    assert (
        ask(
            "SELECT * FROM job_queue WHERE status = 'pending' AND scheduled_at < now() - interval '5 minutes'"
        )
        == []
    )
    stats = ask(
        "SELECT status, job_type, COUNT(*) as count, MIN(created_at) as oldest, MAX(created_at) as newest"
        " FROM job_queue GROUP BY status, job_type ORDER BY status, job_type"
    )
    assert [row[:3] for row in stats] == [
        ["pending", "pause_check_48h", "1"],
        ["processed", "reminder_24h", "1"],
    ]


def test_notification_pipeline(operator: Psql, producer: Psql, offered: None, jobs: dict[str, str]) -> None:
    job_id = producer.one(
        "SET hermodr.project = 'shop'",
        "SELECT public.queue_notification(p_type := 'magic_link', p_recipient_email := 'your-email@example.com',"
        """ p_payload := '{"magic_link": "https://example.com/test"}'::jsonb)""",
    )
    assert len(operator.ask("SELECT * FROM public.notification_queue_status")) == 1
    timeline = operator.ask(
        "SELECT * FROM public.notification_processing_timeline ORDER BY notification_created_at DESC LIMIT 10"
    )
    assert timeline[0][0] == job_id
    assert operator.ask("SELECT * FROM public.notifications_dashboard_view")
    assert len(operator.ask("SELECT * FROM public.failed_notifications_report")) == 1
    errors = operator.ask("SELECT * FROM public.notification_error_summary ORDER BY occurrence_count DESC")
    assert len(errors) == 1


def test_the_first_systems_call_by_position(producer: Psql, house: House) -> None:
    ids = house.ids["shop"]
    three = ", ".join(f"'{ids[what]}'::uuid" for what in ("ada", "group", "update"))
    assert producer.one(
        f"SELECT hermodr.enqueue_notification_job({three},"
        """ 'immediate', 'normal', 'email', '{"subject": "Test Notification", "body": "Hello!"}'::jsonb, 0)"""
    )


def test_nothing_is_written_through_the_views(operator: Psql, admin: Psql, jobs: dict[str, str]) -> None:
    clean = "DELETE FROM job_queue WHERE status IN ('processed', 'skipped')"
    clean += " AND processed_at < now() - interval '3 days'"
    for view in ("notification_jobs", "notification_delivery_logs", "job_queue", "auto_sync_messages"):
        for whoever in (operator, admin):
            with pytest.raises(Refused, match="cannot delete from view"):
                whoever.ask(HERE, f"DELETE FROM {view}")
    with pytest.raises(Refused, match="cannot delete from view"):
        operator.ask(HERE, clean)


def test_a_reader_sees_their_own_rows_in_them(reader: Psql, offered: None, jobs: dict[str, str]) -> None:
    counts = {
        "notification_jobs": (3, 2),
        "notification_delivery_logs": (2, 1),
        "job_queue": (0, 2),
        "auto_sync_messages": (0, 1),
    }
    for view, (bobs, adas) in counts.items():
        for schema in ("hermodr", "public"):
            rows = f"SELECT * FROM {schema}.{view}"
            assert reader.ask(rows) == []
            assert len(reader.ask("SET hermodr.user_id = 'bob'", rows)) == bobs
            assert len(reader.ask("SET hermodr.user_id = 'ada'", rows)) == adas


def test_what_is_there_already_is_not_replaced(admin: Psql) -> None:
    admin.ask("CREATE SCHEMA crowded", "CREATE TABLE crowded.job_queue (id int)")
    with pytest.raises(Refused, match='relation "job_queue" already exists'):
        admin.ask("SELECT hermodr.offer_in('crowded')")
    for no_schema in ("nowhere", "hermodr"):
        with pytest.raises(Refused, match="p_schema: is no schema of yours"):
            admin.ask(f"SELECT hermodr.offer_in('{no_schema}')")
