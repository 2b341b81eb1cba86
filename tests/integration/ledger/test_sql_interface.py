"""The functions and views, used by ordinary roles through psql."""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from hermodr_ledger.engine.schema_version import head
from hermodr_ledger.upkeep import retention
from hermodr_ledger.upkeep.due import take_due_jobs
from tests.support import ledgers
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

FUNCTIONS = {
    "enqueue_notification_job": "uuid",
    "queue_notification": "uuid",
    "enqueue_task": "uuid",
    "update_notification_status": "boolean",
    "create_digest_jobs": "integer",
    "cleanup_notification_data": "integer",
    "calculate_next_retry": "interval",
}
VIEWS = {
    "notifications_dashboard_view",
    "notification_queue_status",
    "notification_processing_timeline",
    "notification_error_summary",
    "failed_notifications_report",
    "notification_jobs",
    "notification_delivery_logs",
    "job_queue",
    "auto_sync_messages",
    "auto_sync_jobs_pending",
    "auto_sync_jobs_stuck",
    "event_accounts",
    "webhook_accounts",
    "digest_accounts",
}


def row(admin: Psql, job_id: str, *columns: str) -> list[str]:
    (found,) = admin.ask(f"SELECT {', '.join(columns)} FROM hermodr.jobs WHERE id = '{job_id}'")
    return found


def test_a_job_is_requested_by_an_ordinary_role(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one(house.enqueue())
    ids = house.ids["shop"]
    assert (job_id[14], job_id[-4:]) == ("7", "0000")
    assert job_id[19] in "89ab"
    assert row(admin, job_id, "state", "kind", "type", "priority", "channels", "owner_id") == [
        "queued", "notification", "immediate", "1", "{email}", "ada",
    ]  # fmt: skip
    assert row(admin, job_id, "recipient_id", "group_id", "update_id", "project_id") == [
        str(ids[what]) for what in ("ada", "group", "update", "project")
    ]
    content, data = row(admin, job_id, "content", "data")
    assert json.loads(content) == {"subject": "Hello", "body_text": "you", "body_html": None}
    assert json.loads(data) == {"name": "Ada"}


def test_what_may_be_left_out(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one(
        house.enqueue(
            group_id="NULL",
            update_id="NULL",
            notification_type="'magic_link'",
            urgency="NULL",
            delivery_method="NULL",
            content="NULL",
            delay_minutes="NULL",
        )
    )
    assert row(admin, job_id, "priority", "channels", "content", "data", "state") == [
        "1",
        "",
        "",
        "{}",
        "queued",
    ]


def test_a_delay_makes_it_scheduled(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one(house.enqueue(urgency="'urgent'", delay_minutes="90"))
    state, priority, minutes, same = row(
        admin,
        job_id,
        "state",
        "priority",
        "round(extract(epoch FROM scheduled_for - created_at) / 60)",
        "wake_at = scheduled_for",
    )
    assert (state, priority, minutes, same) == ("scheduled", "0", "90", "t")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"recipient_id": "NULL"}, "recipient_id: is missing, and so is external_id"),
        ({"recipient_id": "gen_random_uuid()"}, "recipient_id: there is no recipient"),
        ({"group_id": "gen_random_uuid()"}, "group_id: there is no group"),
        ({"update_id": "gen_random_uuid()"}, "update_id: there is no update .* in that group"),
        ({"notification_type": "NULL"}, "notification_type: must be"),
        ({"notification_type": "'two words'"}, "notification_type: must be"),
        ({"content": "'{}'"}, "notification_type: there is no template 'immediate'"),
        ({"urgency": "'very'"}, "urgency: 'very' is none of urgent, normal, low"),
        ({"delivery_method": "'pigeon'"}, "delivery_method: 'pigeon' is none of email"),
        ({"content": "'[1]'"}, "content: must be a JSON object"),
        ({"content": """'{"subject": "x"}'"""}, "content: .* needs a subject and a body"),
        ({"content": """'{"subject": 7, "body": "x"}'"""}, "content: subject must be a text"),
        ({"content": """'{"subject": "a\\nb", "body": "x"}'"""}, "content: subject must be a single line"),
        (
            {"content": """jsonb_build_object('body', repeat('x', 1048577))"""},
            "content: is larger than 1 MiB",
        ),
        ({"delay_minutes": "-1"}, "delay_minutes: -1 is not within 0 and"),
        ({"delay_minutes": "600000"}, "delay_minutes: 600000 is not within 0 and"),
    ],
)
def test_a_bad_argument_is_named(
    producer: Psql, house: House, admin: Psql, changes: dict[str, str], says: str
) -> None:
    before = admin.one("SELECT count(*) FROM hermodr.jobs")
    with pytest.raises(Refused, match=f"ERROR:  {says}"):
        producer.ask(house.enqueue(**changes))
    assert admin.one("SELECT count(*) FROM hermodr.jobs") == before


def test_another_projects_things_are_not_there(producer: Psql, house: House) -> None:
    other = house.ids["bank"]
    with pytest.raises(Refused, match="group_id: there is no group"):
        producer.ask(house.enqueue(group_id=f"'{other['group']}'"))
    with pytest.raises(Refused, match="update_id: there is no update"):
        producer.ask(house.enqueue(group_id="NULL", update_id=f"'{other['update']}'"))
    with pytest.raises(Refused, match="recipient_id: there is no recipient"):
        producer.ask("SET hermodr.project = 'shop'", house.enqueue("bank"))
    assert producer.one("SET hermodr.project = 'bank'", house.enqueue("bank"))


def test_a_bare_address(producer: Psql, admin: Psql, house: House) -> None:
    call = (
        "SELECT hermodr.queue_notification(p_type := 'magic_link', p_recipient_email := 'ann@example.com',"
        """ p_payload := '{"magic_link": "https://x"}')"""
    )
    with pytest.raises(Refused, match=r"hermodr.project: there are several projects"):
        producer.ask(call)
    with pytest.raises(Refused, match=r"hermodr.project: there is no project 'nowhere'"):
        producer.ask("SET hermodr.project = 'nowhere'", call)
    job_id = producer.one("SET hermodr.project = 'bank'", call)
    assert row(admin, job_id, "to_email", "data", "project_id", "state") == [
        "ann@example.com", '{"magic_link": "https://x"}', str(house.ids["bank"]["project"]), "queued",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@@example.com",
        "a b@example.com",
        "ann@example",
        "ann@-x.com",
        f"{'x' * 65}@example.com",
        "ann@example.com\nBcc: x@y.zz",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated_in_the_error(producer: Psql, address: str) -> None:
    with pytest.raises(Refused, match="p_recipient_email: is ") as caught:
        producer.ask(
            "SET hermodr.project = 'bank'",
            f"SELECT hermodr.queue_notification('magic_link', '{address}', '{{}}')",
        )
    assert "example" not in str(caught.value)


def test_nothing_is_requested_by_what_is_rolled_back(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one("BEGIN", house.enqueue(), "ROLLBACK")
    assert admin.one(f"SELECT count(*) FROM hermodr.jobs WHERE id = '{job_id}'") == "0"


def test_a_tasks_singleton_key_is_held_until_it_ends(producer: Psql, admin: Psql, house: House) -> None:
    call = "SELECT hermodr.enqueue_task('schema-rebuild', '{\"connection\": 7}', 'rebuild:7')"
    project = "SET hermodr.project = 'shop'"
    first = producer.one(project, call)
    assert row(admin, first, "kind", "type", "data", "singleton_key") == [
        "task", "schema-rebuild", '{"connection": 7}', "rebuild:7",
    ]  # fmt: skip
    with pytest.raises(Refused, match=f"singleton_key: job {first} has this key and is not finished"):
        producer.ask(project, call)
    assert producer.one("SET hermodr.project = 'bank'", call) != first
    admin.ask(f"UPDATE hermodr.jobs SET finished_at = now() WHERE id = '{first}'")
    second = producer.one(project, call)
    assert second != first
    with pytest.raises(Refused, match="payload: must be a JSON object"):
        producer.ask(project, "SELECT hermodr.enqueue_task('x', '7', NULL)")


async def test_the_scheduler_announces_it_at_once_and_again_if_need_be(
    producer: Psql, house: House, database_url: str
) -> None:
    async with ledgers.opened(database_url) as ledger:
        await ledger.fetch("UPDATE hermodr.jobs SET wake_at = NULL")
        job_id = UUID(producer.one(house.enqueue()))
        (due,) = await take_due_jobs(ledger, 10)
        assert (due.id, due.requested, due.scheduled) == (job_id, True, False)
        assert await take_due_jobs(ledger, 10) == []
        await ledger.fetch("UPDATE hermodr.jobs SET wake_at = now() WHERE id = $1", job_id)
        (due,) = await take_due_jobs(ledger, 10)
        assert (due.id, due.requested, due.scheduled) == (job_id, False, False)


def test_a_producer_can_do_nothing_else(producer: Psql) -> None:
    for statement in (
        "SELECT * FROM hermodr.jobs",
        "SELECT * FROM hermodr.notification_queue_status",
        "SELECT hermodr.cleanup_notification_data('1 day')",
        "SELECT hermodr.take_on(NULL)",
        "DELETE FROM hermodr.recipients",
    ):
        with pytest.raises(Refused, match="permission denied"):
            producer.ask(statement)


def test_the_search_path_of_a_caller_changes_nothing(producer: Psql, house: House, admin: Psql) -> None:
    """A caller's temporary table or function is not taken for the ledger's."""
    job_id = producer.one(
        "CREATE TEMPORARY TABLE jobs (id uuid)",
        "CREATE TEMPORARY TABLE recipients (id uuid, project_id uuid, user_id text)",
        "CREATE FUNCTION pg_temp.refuse(text, text) RETURNS void LANGUAGE sql AS 'SELECT NULL::void'",
        "SET search_path = pg_temp, public",
        house.enqueue(),
    )
    assert row(admin, job_id, "owner_id") == ["ada"]
    definers = admin.ask(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'hermodr'::regnamespace AND prosecdef"
        " AND NOT coalesce(proconfig::text LIKE '%search_path=hermodr, pg_catalog, pg_temp%', false)"
    )
    assert definers == []


def test_the_interface_is_what_it_is_said_to_be(admin: Psql) -> None:
    listed = admin.ask(
        "SELECT proname, pg_get_function_result(oid) FROM pg_proc WHERE pronamespace = 'hermodr'::regnamespace"
    )
    assert FUNCTIONS.items() <= dict(listed).items()
    views = admin.ask("SELECT viewname FROM pg_views WHERE schemaname = 'hermodr'")
    assert {name for (name,) in views} == VIEWS
    assert admin.one("SELECT version_num FROM hermodr.schema_version") == head()


async def test_the_ladder_is_the_services_own(producer: Psql, database_url: str) -> None:
    async with ledgers.opened(database_url) as ledger:
        for pauses, told in ((["2", "90"], ["00:00:02", "00:01:30", ""]), (["10"], ["00:00:10", "", ""])):
            await retention.record_ladder(ledger, [timedelta(seconds=float(each)) for each in pauses])
            asked = "SELECT hermodr.calculate_next_retry(n) FROM generate_series(0, 2) n"
            assert [each for (each,) in producer.ask(asked)] == told
    with pytest.raises(Refused, match="retry_count: must be 0 or more"):
        producer.ask("SELECT hermodr.calculate_next_retry(-1)")
    assert producer.ask("SELECT hermodr.calculate_next_retry(2147483647) IS NULL") == [["t"]]
