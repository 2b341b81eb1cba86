"""Auto-syncs by SQL, as the second founding system's document has it."""

import json
from uuid import uuid4

import pytest

from hermodr_api.auto_syncs.models import MOST_DATA
from hermodr_api.http.json_text import dump
from hermodr_ledger.jobs.decisions import record_decisions
from tests.support import ledgers
from tests.support.auto_syncs import do_what_is_due, messages_of
from tests.support.digests import ZONES_OF_POSTGRESQL_ALONE
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

HERE = "SET search_path = hermodr"
NOBODY = "01a20187-12aa-7c41-b0d6-2f9e6a4cffff"


@pytest.fixture(autouse=True)
def empty(admin: Psql) -> None:
    admin.ask("TRUNCATE hermodr.auto_syncs, hermodr.jobs, hermodr.singletons CASCADE")


def insert(house: House, project: str = "shop", **changes: str) -> str:
    ids = house.ids[project]
    values = {
        "organizer_id": f"'{ids['ada']}'",
        "group_id": f"'{ids['group']}'",
        "event_name": "'Test Event'",
        "status": "'running'",
        "response_goal": "'everyone'",
        "timezone": "'America/Los_Angeles'",
        "started_at": "now()",
    } | changes
    return f"INSERT INTO auto_syncs ({', '.join(values)}) VALUES ({', '.join(values.values())}) RETURNING id"


def test_the_founding_systems_tests(producer: Psql, house: House) -> None:
    sync = producer.one(HERE, insert(house))
    assert producer.ask(HERE, f"SELECT job_type, status FROM job_queue WHERE sync_id = '{sync}'") == [
        ["reminder_24h", "pending"]
    ]
    (columns,) = producer.ask(HERE, f"SELECT * FROM job_queue WHERE sync_id = '{sync}'")
    assert len(columns) == 9
    assert producer.ask(HERE, f"SELECT * FROM auto_sync_messages WHERE auto_sync_id = '{sync}'") == []
    assert producer.ask(HERE, f"SELECT status, paused_at IS NULL FROM auto_syncs WHERE id = '{sync}'") == [
        ["running", "t"]
    ]
    assert producer.one(HERE, "SELECT count(*) FROM auto_sync_jobs_pending") == "1"
    assert producer.one(HERE, "SELECT count(*) FROM auto_sync_jobs_stuck") == "0"
    named = "SELECT tgenabled FROM pg_trigger WHERE tgname = 'on_auto_sync_created'"
    assert producer.one(named) == "O"


def test_only_a_running_one_makes_a_job_and_one_at_most(producer: Psql, house: House) -> None:
    for status in ("paused", "completed", "cancelled"):
        producer.one(HERE, insert(house, status=f"'{status}'"))
    assert producer.ask(HERE, "SELECT * FROM job_queue") == []
    sync = producer.one(HERE, insert(house))
    for _ in range(3):
        for status in ("paused", "running"):
            producer.ask(HERE, f"UPDATE auto_syncs SET status = '{status}' WHERE id = '{sync}'")
    states = producer.ask(HERE, "SELECT status, error_message FROM job_queue ORDER BY created_at")
    assert states == [["skipped", "auto_sync_paused"]] * 3 + [["pending", ""]]


def test_what_is_rolled_back_never_was(producer: Psql, house: House, admin: Psql) -> None:
    producer.ask("BEGIN", HERE, insert(house), "ROLLBACK")
    assert admin.one("SELECT count(*) FROM hermodr.jobs") == "0"
    assert admin.one("SELECT count(*) FROM hermodr.singletons") == "0"


def test_timings_of_its_own(producer: Psql, house: House, admin: Psql) -> None:
    producer.ask(
        HERE,
        insert(
            house, reminder_after="'2 seconds'", pause_after="'1 day'", started_at="now() - interval '3 days'"
        ),
    )
    assert admin.ask("SELECT state, scheduled_for IS NULL, wake_at <= now() FROM hermodr.jobs") == [
        ["queued", "t", "t"]
    ]


def test_answers_complete_it(producer: Psql, house: House, admin: Psql) -> None:
    group = house.ids["shop"]["group"]
    member = admin.one(
        "INSERT INTO hermodr.group_members (id, group_id, recipient_id, read_through) SELECT gen_random_uuid(),"
        f" '{group}', '{house.ids['shop']['bob']}', gen_random_uuid() RETURNING id"
    )
    sync = producer.one(HERE, insert(house))
    answer = (
        f"INSERT INTO auto_sync_responses (sync_id, member_id, response) VALUES ('{sync}', '{{}}', 'yes')"
    )
    with pytest.raises(Refused, match=r"member_id: is none of the members who are asked|foreign key"):
        producer.ask(HERE, answer.format(uuid4()))
    producer.ask(HERE, answer.format(member))
    assert producer.one(HERE, f"SELECT status FROM auto_syncs WHERE id = '{sync}'") == "completed"
    assert producer.one(HERE, f"SELECT error_message FROM job_queue WHERE sync_id = '{sync}'") == "goal_met"
    admin.ask(f"DELETE FROM hermodr.group_members WHERE id = '{member}'")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"organizer_id": f"'{NOBODY}'"}, "organizer_id: there is no recipient"),
        ({"organizer_id": "NULL"}, "organizer_id: there is no recipient"),
        ({"group_id": f"'{NOBODY}'"}, "group_id: there is no group"),
        ({"event_name": "''"}, "event_name: must be a single line"),
        ({"event_name": "E'a\\nb'"}, "event_name: must be a single line"),
        ({"event_name": "NULL"}, 'null value in column "event_name"'),
        ({"timezone": "'Mars/Olympus'"}, "timezone: is not a time zone"),
        ({"timezone": "'<+07>-7'"}, "timezone: is not a time zone"),
        ({"started_at": "'infinity'"}, "started_at: is more than 366 days away"),
        ({"started_at": "'0044-01-01 BC'"}, "started_at: is more than 366 days away"),
        ({"status": "'odd'"}, "status: must be running, paused"),
        ({"response_goal": "'odd'"}, "response_goal: must be everyone"),
        ({"response_goal": "'number'"}, "response_target: goes with the goals number and percent"),
        ({"response_target": "1"}, "response_target: goes with the goals number and percent"),
        ({"response_goal": "'percent'", "response_target": "101"}, "response_target: is a percentage"),
        ({"response_goal": "'number'", "response_target": "1000001"}, "response_target: must be 1 to"),
        ({"response_goal": "'number'", "response_target": "0"}, "response_target: must be 1 to"),
        ({"reminder_after": "'0 seconds'"}, "reminder_after: must be at least 1 second"),
        ({"pause_after": "'1 hour'"}, "pause_after: must be longer than reminder_after"),
        ({"pause_after": "'367 days'"}, "pause_after: must be at most 366 days"),
        ({"channel": "'pigeon'"}, "channel: must be sms"),
        ({"data": """jsonb_build_object('a', repeat('x', 4089))"""}, "data: has more than 4 KiB"),
        ({"data": "'[]'"}, "data: must be a JSON object"),
        ({"project_id": f"'{NOBODY}'"}, "permission denied"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    producer: Psql, house: House, changes: dict[str, str], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        producer.ask(HERE, insert(house, **changes))


@pytest.mark.parametrize("zone", ZONES_OF_POSTGRESQL_ALONE)
def test_a_zone_is_named_exactly(producer: Psql, house: House, zone: str) -> None:
    with pytest.raises(Refused, match="timezone: is not a time zone of the IANA database"):
        producer.ask(HERE, insert(house, timezone=f"'{zone}'"))


@pytest.mark.parametrize("status", ["'odd'", "NULL"])
def test_it_is_not_changed_to_an_odd_status(producer: Psql, house: House, status: str) -> None:
    sync = producer.one(HERE, insert(house))
    with pytest.raises(Refused, match="status: must be running, paused"):
        producer.ask(HERE, f"UPDATE auto_syncs SET status = {status} WHERE id = '{sync}'")


def test_data_may_have_as_much_as_over_http(producer: Psql, house: House) -> None:
    full = {"a": "x" * (MOST_DATA - len('{"a":"","b":[1,2],"c":{"d":1e+30}}')), "b": [1, 2], "c": {"d": 1e30}}
    assert len(dump(full)) <= MOST_DATA < len(json.dumps(full))
    producer.one(HERE, insert(house, data=f"'{json.dumps(full)}'"))
    with pytest.raises(Refused, match="data: has more than 4 KiB"):
        producer.one(HERE, insert(house, data=f"'{json.dumps(full | {'e': 'x' * 20})}'"))


def test_projects_are_kept_apart(producer: Psql, house: House) -> None:
    with pytest.raises(Refused, match="group_id: there is no group"):
        producer.ask(HERE, insert(house, group_id=f"'{house.ids['bank']['group']}'"))
    with pytest.raises(Refused, match="organizer_id: there is no recipient"):
        producer.ask(HERE, "SET hermodr.project = 'bank'", insert(house))
    producer.one(HERE, insert(house))
    assert producer.one(HERE, "SET hermodr.project = 'bank'", "SELECT count(*) FROM auto_syncs") == "0"
    assert producer.one(HERE, "SET hermodr.project = 'bank'", "SELECT count(*) FROM job_queue") == "0"
    assert producer.one(HERE, "SET hermodr.project = 'shop'", "SELECT count(*) FROM job_queue") == "1"


def test_a_producer_sees_no_other_jobs_and_writes_through_no_view(producer: Psql, house: House) -> None:
    producer.one(house.enqueue())
    producer.one(HERE, insert(house))
    assert producer.ask("SELECT kind FROM hermodr.jobs") == [["reminder"]]
    for statement in (
        "SELECT to_email FROM hermodr.jobs",
        "SELECT address FROM hermodr.deliveries",
        "DELETE FROM hermodr.auto_syncs",
        "UPDATE hermodr.auto_syncs SET started_at = now()",
        "SELECT hermodr.settle_auto_sync(gen_random_uuid())",
    ):
        with pytest.raises(Refused, match="permission denied"):
            producer.ask(statement)
    with pytest.raises(Refused, match="cannot delete from view"):
        producer.ask("DELETE FROM hermodr.job_queue")


def test_a_reader_sees_those_that_they_organize(reader: Psql, producer: Psql, house: House) -> None:
    sync = producer.one(HERE, insert(house))
    for who, seen in (("ada", "1"), ("bob", "0"), ("", "0")):
        for view in ("auto_syncs", "job_queue", "auto_sync_jobs_pending"):
            found = reader.one(HERE, f"SET hermodr.user_id = '{who}'", f"SELECT count(*) FROM {view}")
            assert found == seen, (who, view)
    with pytest.raises(Refused, match="permission denied"):
        reader.ask(HERE, f"UPDATE auto_syncs SET status = 'paused' WHERE id = '{sync}'")


def test_one_that_has_ended_stays_so(producer: Psql, house: House) -> None:
    sync = producer.one(HERE, insert(house))
    producer.ask(HERE, f"UPDATE auto_syncs SET status = 'completed' WHERE id = '{sync}'")
    with pytest.raises(Refused, match="status: the auto-sync is completed and stays so"):
        producer.ask(HERE, f"UPDATE auto_syncs SET status = 'running' WHERE id = '{sync}'")


def test_an_organizer_who_is_deleted_by_sql_cancels_it(producer: Psql, house: House, admin: Psql) -> None:
    somebody = admin.one(
        "INSERT INTO hermodr.recipients (id, project_id) SELECT gen_random_uuid(), project_id"
        f" FROM hermodr.recipients WHERE id = '{house.ids['shop']['ada']}' RETURNING id"
    )
    sync = producer.one(HERE, insert(house, organizer_id=f"'{somebody}'"))
    admin.ask(f"DELETE FROM hermodr.recipients WHERE id = '{somebody}'")
    assert producer.ask(HERE, f"SELECT status, event_name FROM auto_syncs WHERE id = '{sync}'") == [
        ["cancelled", ""]
    ]
    assert producer.one(HERE, "SELECT error_message FROM job_queue") == "auto_sync_cancelled"


async def test_messages_are_seen_by_those_who_get_them(
    producer: Psql, reader: Psql, operator: Psql, house: House, admin: Psql, database_url: str
) -> None:
    member = admin.one(
        "INSERT INTO hermodr.group_members (id, group_id, recipient_id, read_through) SELECT gen_random_uuid(),"
        f" '{house.ids['shop']['group']}', '{house.ids['shop']['bob']}', gen_random_uuid() RETURNING id"
    )
    sync = producer.one(HERE, insert(house, started_at="now() - interval '25 hours'"))
    async with ledgers.opened(database_url) as ledger:
        await do_what_is_due(ledger)
        made = [row["id"] for row in await messages_of(ledger, sync)]
        await record_decisions(ledger, await ledgers.decisions_of(ledger, made))
    seen = f"SELECT message_type, status FROM auto_sync_messages WHERE auto_sync_id = '{sync}'"
    for role in (producer, operator):
        assert role.ask(HERE, seen) == [["reminder", "queued"]]
    assert reader.ask(HERE, "SET hermodr.user_id = 'bob'", seen) == [["reminder", "queued"]]
    assert reader.ask(HERE, "SET hermodr.user_id = 'ada'", seen) == []
    jobs = "SELECT job_type, status FROM job_queue ORDER BY created_at"
    assert reader.ask(HERE, "SET hermodr.user_id = 'ada'", jobs) == [
        ["reminder_24h", "processed"],
        ["pause_check_48h", "pending"],
    ]
    assert (
        producer.one(HERE, "SET hermodr.project = 'bank'", "SELECT count(*) FROM auto_sync_messages") == "0"
    )
    admin.ask(f"DELETE FROM hermodr.group_members WHERE id = '{member}'")
