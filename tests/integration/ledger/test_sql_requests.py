import json
import re
from calendar import isleap
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

SHOP = "SET hermodr.project = 'shop'"
BANK = "SET hermodr.project = 'bank'"
SAYS = """'{"subject": "Hello", "body": "you"}'"""


def row(admin: Psql, job_id: str, *columns: str) -> list[str]:
    (found,) = admin.ask(f"SELECT {', '.join(columns)} FROM hermodr.jobs WHERE id = '{job_id}'")
    return found


@pytest.fixture(scope="module", autouse=True)
def named(admin: Psql, house: House) -> None:
    for person in ("ada", "bob"):
        for project in ("shop", "bank"):
            known = house.ids[project][person]
            admin.ask(f"UPDATE hermodr.recipients SET external_id = 'guest-{person}' WHERE id = '{known}'")


def test_three_arguments_are_enough(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one(
        "SELECT hermodr.enqueue_notification_job("
        f"recipient_id => '{house.ids['shop']['ada']}', notification_type => 'booking', content => {SAYS})"
    )
    assert row(admin, job_id, "state", "priority", "channels", "type", "recipient_id", "metadata", "expires_at") == [
        "queued", "1", "", "booking", str(house.ids["shop"]["ada"]), "", "",
    ]  # fmt: skip
    assert producer.one(
        SHOP,
        f"SELECT hermodr.queue_notification('booking', p_recipient_email => 'a@example.com', p_payload => {SAYS})",
    )
    assert producer.one(SHOP, "SELECT hermodr.enqueue_task(type => 'rebuild')")


def test_a_recipient_is_named_as_the_application_names_them(
    producer: Psql, house: House, admin: Psql
) -> None:
    for project in ("shop", "bank"):
        for call in (
            f"enqueue_notification_job(external_id => 'guest-ada', notification_type => 'booking', content => {SAYS})",
            f"queue_notification('booking', external_id => 'guest-ada', p_payload => {SAYS})",
        ):
            job_id = producer.one(f"SET hermodr.project = '{project}'", f"SELECT hermodr.{call}")
            ids = house.ids[project]
            assert row(admin, job_id, "recipient_id", "project_id", "owner_id", "to_email") == [
                str(ids["ada"]), str(ids["project"]), "ada", "",
            ]  # fmt: skip


def test_everything_a_request_may_say(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one(
        SHOP,
        "SELECT hermodr.enqueue_notification_job(external_id => 'guest-bob', notification_type => 'booking',"
        f" content => {SAYS}, priority => 'low', scheduled_for => now() + interval '1 hour',"
        " expires_at => now() + interval '2 hours', metadata => '{\"booking\": 7}', cancel_key => 'order-17',"
        " max_retries => 3, delivery_method => 'email')",
    )
    assert row(admin, job_id, "state", "priority", "metadata", "cancel_key", "max_retries", "channels") == [
        "scheduled", "2", '{"booking": 7}', "order-17", "3", "{email}",
    ]  # fmt: skip
    assert row(
        admin, job_id, "wake_at = scheduled_for", "expires_at - scheduled_for > interval '59 minutes'"
    ) == ["t", "t"]


def test_a_time_that_is_over_means_now(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one(house.enqueue(scheduled_for="'0001-01-01 00:00:00 UTC'", delay_minutes="0"))
    assert row(admin, job_id, "state", "scheduled_for") == ["queued", ""]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"recipient_id": "NULL"}, "recipient_id: is missing, and so is external_id"),
        ({"external_id": "'guest-ada'"}, "external_id: cannot stand beside recipient_id"),
        ({"recipient_id": "NULL", "external_id": "'nobody'"}, "external_id: there is no recipient with it"),
        ({"priority": "'low'"}, "priority: is another name of urgency"),
        ({"urgency": "NULL", "priority": "'high'"}, "priority: 'high' is none of urgent, normal, low"),
        (
            {"delay_minutes": "5", "scheduled_for": "now()"},
            "delay_minutes: cannot stand beside scheduled_for",
        ),
        ({"scheduled_for": "now() + interval '367 days'"}, "scheduled_for: is more than 366 days ahead"),
        ({"scheduled_for": "'infinity'"}, "scheduled_for: infinity is no moment"),
        ({"scheduled_for": "'-infinity'"}, "scheduled_for: -infinity is no moment"),
        (
            {"scheduled_for": "'0001-12-31 23:59:59 UTC BC'"},
            "scheduled_for: is not within the years 1 to 9999",
        ),
        ({"scheduled_for": "'10000-01-01 UTC'"}, "scheduled_for: is not within the years 1 to 9999"),
        ({"expires_at": "'infinity'"}, "expires_at: infinity is no moment"),
        ({"expires_at": "'-infinity'"}, "expires_at: -infinity is no moment"),
        ({"expires_at": "'0044-03-15 UTC BC'"}, "expires_at: is not within the years 1 to 9999"),
        ({"expires_at": "'10000-01-01 UTC'"}, "expires_at: is not within the years 1 to 9999"),
        ({"expires_at": "now() - interval '1 second'"}, "expires_at: is over before"),
        (
            {"scheduled_for": "now() + interval '2 hours'", "expires_at": "now() + interval '1 hour'"},
            "expires_at: is over before",
        ),
        ({"metadata": "'[]'"}, "metadata: must be a JSON object"),
        ({"metadata": "'{\"n\": 1e400}'"}, "metadata: holds a number beyond"),
        ({"cancel_key": "''"}, "cancel_key: must have 1 to 200 characters"),
        ({"max_retries": "-1"}, "max_retries: -1 is not within 0 and 100"),
        ({"idempotency_key": "'two words'"}, "idempotency_key: must be 1 to 255 printable ASCII"),
        ({"idempotency_key": "''"}, "idempotency_key: must be 1 to 255 printable ASCII"),
    ],
)
def test_a_bad_argument_is_named(
    producer: Psql, house: House, admin: Psql, changes: dict[str, str], says: str
) -> None:
    before = (
        admin.one("SELECT count(*) FROM hermodr.jobs"),
        admin.one("SELECT count(*) FROM hermodr.idempotency_keys"),
    )
    with pytest.raises(Refused, match=f"ERROR:  {re.escape(says)}"):
        producer.ask(SHOP, house.enqueue(**changes))
    after = (
        admin.one("SELECT count(*) FROM hermodr.jobs"),
        admin.one("SELECT count(*) FROM hermodr.idempotency_keys"),
    )
    assert after == before


def test_the_same_request_under_a_key_is_one_job(producer: Psql, house: House, admin: Psql) -> None:
    calls = {
        "enqueue": house.enqueue(idempotency_key="'order-1'"),
        "queue": f"SELECT hermodr.queue_notification('x', 'a@example.com', {SAYS}, idempotency_key => 'order-2')",
        "task": "SELECT hermodr.enqueue_task('rebuild', singleton_key => 'one', idempotency_key => 'order-3')",
    }
    for call in calls.values():
        first = producer.one(SHOP, call)
        assert producer.one(SHOP, call) == first
        assert producer.ask(SHOP, "BEGIN", call, call, "COMMIT") == [[first], [first]]
    with pytest.raises(Refused, match="idempotency_key: was used for another request"):
        producer.ask(SHOP, house.enqueue(idempotency_key="'order-1'", urgency="'low'"))
    with pytest.raises(Refused, match="idempotency_key: was used for another request"):
        producer.ask(SHOP, house.enqueue(idempotency_key="'order-2'"))
    assert producer.one(BANK, house.enqueue("bank", idempotency_key="'order-1'"))
    lost = producer.one(SHOP, "BEGIN", house.enqueue(idempotency_key="'order-4'"), "ROLLBACK")
    assert producer.one(SHOP, house.enqueue(idempotency_key="'order-4'")) != lost


# In hours: a day has 23 of them where the clock changes.
RELATIVE = {
    "enqueue": "enqueue_notification_job(external_id => 'guest-ada', notification_type => 'x', content => {says},"
    " scheduled_for => {at} + interval '24 hours', expires_at => {at} + interval '48 hours',"
    " idempotency_key => '{key}')",
    "delay": "enqueue_notification_job(external_id => 'guest-ada', notification_type => 'x', content => {says},"
    " delay_minutes => 5, expires_at => {at} + interval '1 hour', idempotency_key => '{key}')",
    "queue": "queue_notification('x', 'a@example.com', {says}, scheduled_for => {at} + interval '24 hours',"
    " expires_at => {at} + interval '48 hours', idempotency_key => '{key}')",
    "task": "enqueue_task('rebuild', scheduled_for => {at} + interval '24 hours', idempotency_key => '{key}')",
}


def a_day_later(admin: Psql, key: str) -> None:
    """Moves a request and its times a day back."""
    admin.ask(
        "UPDATE hermodr.idempotency_keys k SET created_at = created_at - interval '24 hours', response ="
        " convert_to(json_build_object('job_id', r->>'job_id', 'scheduled_for', (r->>'scheduled_for')::numeric - 86400,"
        " 'expires_at', (r->>'expires_at')::numeric - 86400)::text, 'UTF8')"
        " FROM (SELECT convert_from(response, 'UTF8')::json AS r FROM hermodr.idempotency_keys"
        f" WHERE key = hermodr.kept_key('{key}')) e"
        f" WHERE k.key = hermodr.kept_key('{key}')"
    )


@pytest.mark.parametrize("name", RELATIVE)
def test_a_repeat_reckons_its_moments_from_now_anew(
    producer: Psql, house: House, admin: Psql, name: str
) -> None:
    def asked(at: str) -> str:
        call = RELATIVE[name].format(says=SAYS, at=at, key=f"relative/{name}")
        return producer.one(SHOP, f"SELECT hermodr.{call}")

    first = asked("now()")
    assert asked("now()") == asked("clock_timestamp()") == first
    a_day_later(admin, f"relative/{name}")
    assert asked("now()") == first  # the moment went on with the clock
    assert asked("now() - interval '24 hours'") == first  # it stands still, and may be over by now
    for other in ("now() + interval '2 hours'", "now() - interval '12 hours'", "timestamptz '9000-01-01'"):
        with pytest.raises(Refused, match=r"idempotency_key: was used for a request with another (sch|exp)"):
            asked(other)


def test_a_repeat_by_days_over_a_change_of_clocks(admin: Psql) -> None:
    change = datetime.now(UTC) + timedelta(days=2)
    begins = (
        (change - timedelta(days=change.month > 2 and isleap(change.year))).timetuple().tm_yday
    )  # no 29 February
    zone = f"SET TimeZone = 'STD0DST-1,J{begins}/0,J{(begins + 40) % 365 + 1}/0'"
    # asked 24 hours ago for two days later: tomorrow; and now for two days later, beyond the change
    same = (
        "SELECT hermodr.same_moment(extract(epoch FROM now() - interval '24 hours' + interval '2 days'),"
        " now() + interval '2 days' + interval '{} minutes', now() - interval '24 hours')"
    )
    assert admin.one(zone, same.format(0)) == "t"
    assert admin.one(zone, same.format(30)) == admin.one(zone, same.format(-30)) == "f"


def test_a_moment_that_is_given_or_not_is_another_request(producer: Psql, house: House) -> None:
    key = "idempotency_key => 'one-moment'"
    request = f"SELECT hermodr.queue_notification('x', 'a@example.com', {SAYS}, {key}"
    first = producer.one(SHOP, f"{request}, expires_at => '2999-01-01 12:00:00 UTC')")
    assert producer.one(SHOP, f"{request}, expires_at => '2999-01-01 13:00:00+01')") == first
    for other in ("", ", scheduled_for => '2999-01-01 12:00:00 UTC'", ", expires_at => '2999-01-01 13:00:00 UTC'",
                  ", expires_at => 'infinity'"):  # fmt: skip
        with pytest.raises(Refused, match="idempotency_key: was used for "):
            producer.ask(SHOP, f"{request}{other})")


def test_the_retries_of_a_task_are_those_of_its_job(producer: Psql, house: House, admin: Psql) -> None:
    job_id = producer.one(SHOP, "SELECT hermodr.enqueue_task('rebuild', max_retries => 3)")
    assert row(admin, job_id, "max_retries", "content") == ["3", '{"max_retries": 3}']


def test_all_that_a_task_may_say(producer: Psql, house: House, admin: Psql) -> None:
    first, second = (producer.one(SHOP, "SELECT hermodr.enqueue_task('part')") for _ in range(2))
    job_id = producer.one(
        SHOP,
        "SELECT hermodr.enqueue_task('whole', timeout_seconds => 90, fairness_key => 'customer-17', max_retries => 0,"
        f" depends_on => ARRAY['{second}', '{first}', '{second}']::uuid[],"
        ' on_finished => \'{"type": "tidy-up", "payload": {"a": null}}\')',
    )
    (content,) = row(admin, job_id, "content")
    assert json.loads(content) == {
        "timeout_seconds": 90,
        "fairness_key": "customer-17",
        "max_retries": 0,
        "depends_on": [second, first],
        "on_finished": {"type": "tidy-up", "payload": {"a": None}},
    }
    assert admin.one(f"SELECT count(*) FROM hermodr.task_endings WHERE job_id = '{job_id}'") == "1"
    bare = producer.one(
        SHOP, "SELECT hermodr.enqueue_task('whole', depends_on => '{}', on_finished => '{\"type\": \"x\"}')"
    )
    assert json.loads(row(admin, bare, "content")[0]) == {"on_finished": {"type": "x", "payload": {}}}
    assert row(admin, first, "content") == [""]


def test_a_task_may_depend_on_one_of_its_own_transaction(producer: Psql, house: House, admin: Psql) -> None:
    (part,), (whole,) = producer.ask(
        SHOP,
        "BEGIN",
        "SELECT set_config('shop.part', hermodr.enqueue_task('part')::text, true)",
        "SELECT hermodr.enqueue_task('whole', depends_on => ARRAY[current_setting('shop.part')::uuid])",
        "COMMIT",
    )
    assert json.loads(row(admin, whole, "content")[0]) == {"depends_on": [part]}


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("timeout_seconds => 0", "timeout_seconds: 0 is not within 1 and 86400"),
        ("timeout_seconds => 86401", "timeout_seconds: 86401 is not within 1 and 86400"),
        ("fairness_key => ''", "fairness_key: must have 1 to 200 characters"),
        ("fairness_key => repeat('x', 201)", "fairness_key: must have 1 to 200 characters"),
        ("depends_on => ARRAY[NULL]::uuid[]", "depends_on[1]: there is no such job"),
        ("depends_on => ARRAY[gen_random_uuid()]", "depends_on[1]: there is no such job"),
        (
            "depends_on => array_fill(gen_random_uuid(), ARRAY[101])",
            "depends_on: must be a list of at most 100 job ids",
        ),
        ("depends_on => array_fill(NULL::uuid, ARRAY[1, 1])", "depends_on: must be a list of at most 100"),
        ("on_finished => '[]'", "on_finished: must be a JSON object"),
        ("on_finished => '{}'", "on_finished.type: is needed, as a text"),
        ("on_finished => '{\"type\": 7}'", "on_finished.type: is needed, as a text"),
        ('on_finished => \'{"type": "a b"}\'', "on_finished.type: must be 1 to 100 letters"),
        ('on_finished => \'{"type": "x", "pay": {}}\'', "on_finished: has no such field: pay"),
        ('on_finished => \'{"type": "x", "payload": 1}\'', "on_finished.payload: must be a JSON object"),
    ],
)
def test_a_bad_argument_of_a_task_is_named(producer: Psql, house: House, argument: str, says: str) -> None:
    with pytest.raises(Refused, match=f"ERROR:  {re.escape(says)}"):
        producer.ask(SHOP, f"SELECT hermodr.enqueue_task('whole', {argument})")


def test_a_task_depends_on_no_job_of_another_project(producer: Psql, house: House) -> None:
    theirs = producer.one(BANK, "SELECT hermodr.enqueue_task('part')")
    with pytest.raises(Refused, match=r"depends_on\[1\]: there is no such job"):
        producer.ask(SHOP, f"SELECT hermodr.enqueue_task('whole', depends_on => ARRAY['{theirs}'::uuid])")


def test_what_a_task_says_belongs_to_the_request_of_a_key(producer: Psql, house: House) -> None:
    call = "SELECT hermodr.enqueue_task('whole', fairness_key => '{}', idempotency_key => 'order-5')"
    first = producer.one(SHOP, call.format("a"))
    assert producer.one(SHOP, call.format("a")) == first
    for other in (call.format("b"), "SELECT hermodr.enqueue_task('whole', idempotency_key => 'order-5')"):
        with pytest.raises(Refused, match="idempotency_key: was used for another request"):
            producer.ask(SHOP, other)


def test_the_key_is_one_with_requests_over_http(admin: Psql, producer: Psql, house: House) -> None:
    project = house.ids["shop"]["project"]
    admin.ask(
        "INSERT INTO hermodr.idempotency_keys (project_id, key, fingerprint, status, response)"
        f" VALUES ('{project}', hermodr.kept_key('by-http'), '\\x00', 202, '{{}}')"
    )
    with pytest.raises(Refused, match="idempotency_key: was used for another request"):
        producer.ask(house.enqueue(idempotency_key="'by-http'"))


def test_old_overloads_are_gone(admin: Psql) -> None:
    assert (
        admin.ask(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'hermodr'::regnamespace"
            " GROUP BY proname HAVING count(*) > 1"
        )
        == []
    )
    open_to_all = admin.ask(
        "SELECT p.proname FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        " WHERE p.pronamespace = 'hermodr'::regnamespace AND a.grantee = 0"
    )
    assert {name for (name,) in open_to_all} <= {"may_read", "uuid_floor"}
