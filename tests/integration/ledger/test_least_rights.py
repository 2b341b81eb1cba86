"""Each service's role may do what its line in the table of rights says, and is refused the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from hermodr_contracts.vocabulary import Channel, SuppressionReason
from hermodr_devkit.supervisor.identities import identities
from hermodr_ledger import migrate
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.schema_version import verify
from hermodr_ledger.jobs.accept import rehearse
from hermodr_ledger.people import suppressions
from hermodr_ledger.people.suppressions import NewSuppression
from hermodr_ledger.rights import declared
from hermodr_ledger.rights.declared import ROLES
from hermodr_ledger.rights.granting import OddPrefix, changes, policies, role_name
from hermodr_ledger.upkeep.lifeline import change_nothing
from tests.support import ledgers, psql

pytestmark = pytest.mark.asyncio

NAMES = {role: role_name(role) for role in ROLES}
SENDERS = ("email_sender", "sms_sender", "webhook_channel", "webhook_sender")
BACKGROUND = ("dispatcher", "scheduler", *SENDERS)

REFUSED = [
    *((role, "DELETE FROM hermodr.jobs") for role in ROLES),
    *((role, "DELETE FROM hermodr.deliveries") for role in ROLES),
    *((role, "DELETE FROM hermodr.attempts") for role in ROLES),
    *((role, "DELETE FROM hermodr.events") for role in ROLES),
    *((role, "TRUNCATE hermodr.jobs") for role in ROLES),
    *((role, "UPDATE hermodr.audit_log SET action = 'x'") for role in ROLES),
    *((role, "DELETE FROM hermodr.audit_log") for role in ROLES),
    *((role, "INSERT INTO hermodr.projects (id, name) VALUES (gen_random_uuid(), 'x')") for role in ROLES),
    *((role, "UPDATE hermodr.jobs SET project_id = gen_random_uuid()") for role in ROLES),
    *((role, "UPDATE hermodr.jobs SET recipient_id = gen_random_uuid()") for role in ROLES),
    *((role, "UPDATE hermodr.deliveries SET job_id = gen_random_uuid()") for role in ROLES),
    *((role, "UPDATE hermodr.deliveries SET project_id = gen_random_uuid()") for role in ROLES),
    *((role, "UPDATE hermodr.attempts SET delivery_id = gen_random_uuid()") for role in ROLES),
    *((role, "UPDATE hermodr.deliveries SET address = 'x@example.com'") for role in (*SENDERS, "worker")),
    *((role, "UPDATE hermodr.jobs SET data = '{}'") for role in (*SENDERS, "worker")),
    *((role, "UPDATE hermodr.jobs SET content = NULL") for role in (*SENDERS, "worker", "scheduler")),
    *((role, "UPDATE hermodr.dead_letters SET body = ''") for role in SENDERS),
    *((role, "UPDATE hermodr.suppressions SET hash = ''") for role in SENDERS),
    *((role, "UPDATE hermodr.webhook_messages SET body = ''") for role in SENDERS),
    *((role, "DELETE FROM hermodr.job_standings") for role in ROLES if role != "scheduler"),
    *((role, "INSERT INTO hermodr.job_standings (id) VALUES (gen_random_uuid())") for role in ROLES),
    *((role, "UPDATE hermodr.singletons SET job_id = gen_random_uuid()") for role in (*SENDERS, "worker")),
    *((role, "CREATE TABLE hermodr.mine ()") for role in ROLES),
    *((role, "ALTER TABLE hermodr.jobs DISABLE ROW LEVEL SECURITY") for role in ROLES),
    *((role, "UPDATE hermodr.schema_version SET version_num = '0001'") for role in ROLES),
    *((role, "CREATE ROLE another") for role in ROLES),
    *((role, "SELECT 1 FROM hermodr.jobs_rest") for role in ROLES),
    *((role, "SELECT 1 FROM hermodr.api_keys") for role in BACKGROUND),
    *((role, "INSERT INTO hermodr.templates (id) VALUES (gen_random_uuid())") for role in BACKGROUND),
    *((role, "UPDATE hermodr.templates SET name = 'x'") for role in BACKGROUND),
    *((role, "SELECT 1 FROM hermodr.audit_log") for role in BACKGROUND if role != "scheduler"),
    *((role, "SELECT 1 FROM hermodr.rate_buckets") for role in BACKGROUND if role != "scheduler"),
    *((role, "INSERT INTO hermodr.jobs (id) VALUES (gen_random_uuid())") for role in SENDERS),
    *((role, "SELECT 1 FROM hermodr.recipients") for role in SENDERS),
    *((role, "SELECT 1 FROM hermodr.idempotency_keys") for role in SENDERS),
    *((role, "SELECT 1 FROM hermodr.updates") for role in SENDERS),
    *(
        (role, "SELECT 1 FROM hermodr.webhook_endpoints")
        for role in ("dispatcher", "email_sender", "sms_sender")
    ),
    ("sms_sender", "SELECT 1 FROM hermodr.senders"),
    ("sms_sender", "SELECT 1 FROM hermodr.attachments"),
    ("dispatcher", "UPDATE hermodr.recipients SET email = 'x'"),
    ("dispatcher", "DELETE FROM hermodr.recipients"),
    ("scheduler", "UPDATE hermodr.recipients SET email = 'x'"),
    ("scheduler", "UPDATE hermodr.webhook_endpoints SET url = 'x'"),
    ("webhook_channel", "UPDATE hermodr.webhook_endpoints SET url = 'x'"),
    ("webhook_sender", "SELECT 1 FROM hermodr.jobs"),
    ("webhook_sender", "SELECT 1 FROM hermodr.templates"),
    ("api", "SELECT hermodr.make_week('jobs', now())"),
    ("api", "SELECT hermodr.drop_week('20200106')"),
    ("scheduler", "SELECT hermodr.pseudonymise_audit_log(gen_random_uuid(), 'a', 'b')"),
    *((role, "SELECT hermodr.enqueue_task('t', '{}')") for role in ROLES),
    *((role, "SELECT hermodr.cleanup_notification_data('1 day')") for role in ROLES),
]


@asynccontextmanager
async def session(url: str, role: str) -> AsyncIterator[asyncpg.Connection]:
    """As the role, by the owner's login."""
    connection = await asyncpg.connect(url, server_settings={"role": NAMES[role]})
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize(("role", "statement"), REFUSED)
async def test_a_role_is_refused_what_its_service_does_not_do(
    database_url: str, role: str, statement: str
) -> None:
    async with session(database_url, role) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_every_table_and_every_function_with_the_owners_rights_has_its_line(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        tables = await _names(connection, "relkind IN ('r', 'p') AND NOT relispartition")
        sequences = await _names(connection, "relkind = 'S'")
        definers = await connection.fetch(
            "SELECT proname, proconfig, prorettype = 'trigger'::regtype AS trigger,"
            " has_function_privilege('public', oid, 'EXECUTE') AS anybody"
            " FROM pg_proc WHERE pronamespace = 'hermodr'::regnamespace AND prosecdef"
        )
    finally:
        await connection.close()
    assert tables == declared.TABLES
    assert sequences == declared.SEQUENCES
    assert {row["proname"] for row in definers if not row["trigger"]} == declared.FUNCTIONS
    assert [row["proname"] for row in definers if row["anybody"] and not row["trigger"]] == []
    paths = {row["proname"]: str(row["proconfig"]) for row in definers}
    assert [name for name, path in paths.items() if "search_path=" not in path or "pg_temp" not in path] == []


async def test_just_what_is_declared_is_granted_and_stays_so(empty_database_url: str) -> None:
    url = empty_database_url
    await asyncio.to_thread(migrate.upgrade, url)
    owner = await asyncpg.connect(url)
    try:
        assert await changes(owner, NAMES) == []
        assert await policies(owner, NAMES) == {}
        await owner.execute(f"GRANT DELETE, TRUNCATE ON hermodr.jobs TO {NAMES['api']}")
        await owner.execute(f"GRANT UPDATE (name) ON hermodr.projects TO {NAMES['scheduler']}")
        await owner.execute(f"GRANT UPDATE ON hermodr.jobs TO {NAMES['worker']}")
        await owner.execute(f"REVOKE SELECT ON hermodr.jobs FROM {NAMES['dispatcher']}")
        await owner.execute("DROP POLICY services ON hermodr.jobs")
        await owner.execute("DROP POLICY only_email_sender ON hermodr.jobs")
        await owner.execute("ALTER POLICY only_email_sender ON hermodr.deliveries USING (true)")
        await owner.execute(
            f"ALTER POLICY only_worker ON hermodr.jobs TO {NAMES['worker']}, {NAMES['sms_sender']}"
        )
        await owner.execute("CREATE TABLE hermodr.unknown ()")
        assert (await asyncio.to_thread(migrate.upgrade, url)).missing == ()
        assert await changes(owner, NAMES) == []
        assert await policies(owner, NAMES) == {}
    finally:
        await owner.close()
    async with session(url, "api") as api:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await api.execute("DELETE FROM hermodr.jobs")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await api.execute("SELECT FROM hermodr.unknown")


@pytest.mark.parametrize("service", declared.ROLE_OF)
async def test_a_service_logs_in_and_finds_its_ledger(database_url: str, service: str) -> None:
    own = await identities(database_url)
    ledger = Ledger(own.database[service], service=service, pool_size=1)
    try:
        await verify(ledger)
        await (rehearse if service in ("api", "dispatcher", "scheduler") else change_nothing)(ledger)
        (row,) = await ledger.fetch("SELECT current_user AS name, session_user AS login")
        assert row["name"] == row["login"] == NAMES[declared.ROLE_OF[service]]
    finally:
        await ledger.close()


async def test_where_webhooks_are_no_channel_their_sender_sees_no_jobs(database_url: str) -> None:
    own = await identities(database_url, "email sms")
    connection = await asyncpg.connect(own.database["webhook-sender"])
    try:
        assert await connection.fetchval("SELECT count(*) FROM hermodr.webhook_messages") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT FROM hermodr.jobs")
    finally:
        await connection.close()


CHANGED = {
    "email_sender": {"email", "notification"},
    "sms_sender": {"sms", "whatsapp", "notification"},
    "webhook_channel": {"webhook", "notification"},
    "worker": {"task"},
    "dispatcher": {*Channel, "notification", "task"},
}
"""Channels of deliveries and kinds of jobs whose states a role may change."""


@pytest.mark.parametrize("role", CHANGED)
async def test_states_are_changed_by_those_whose_work_they_are(database_url: str, role: str) -> None:
    async with ledgers.opened(database_url) as ledger:
        await ledgers.new_project(ledger)
        deliveries = {}
        for channel in Channel:
            (made,) = await ledgers.new_deliveries(ledger, 1)
            await ledger.fetch("UPDATE hermodr.deliveries SET channel = $2 WHERE id = $1", made, channel)
            deliveries[made] = channel.value
        jobs = {}
        for kind, job in zip(("notification", "task"), await ledgers.new_jobs(ledger, 2), strict=True):
            await ledger.fetch("UPDATE hermodr.jobs SET kind = $2 WHERE id = $1", job, kind)
            jobs[job] = kind
    changed = set()
    async with session(database_url, role) as connection:
        for table, rows in (("deliveries", deliveries), ("jobs", jobs)):
            if (role, table) == ("worker", "deliveries"):
                continue  # no right at all
            for row, what in rows.items():
                said = await connection.execute(f"UPDATE hermodr.{table} SET error = 'x' WHERE id = $1", row)
                changed |= {what} if said == "UPDATE 1" else set()
    assert changed == CHANGED[role]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "webhook_sender"])
async def test_standings_follow_whoever_changes_the_job(database_url: str, role: str) -> None:
    async with ledgers.opened(database_url) as ledger:
        (job,) = await ledgers.new_jobs(ledger, 1)
        kind = "task" if role == "worker" else "notification"
        await ledger.fetch("UPDATE hermodr.jobs SET kind = $2 WHERE id = $1", job, kind)
        async with session(database_url, role) as connection:
            for state, standing in (("failed", ["failed"]), ("completed", [])):
                await connection.execute("UPDATE hermodr.jobs SET state = $2 WHERE id = $1", job, state)
                rows = await ledger.fetch("SELECT state FROM hermodr.job_standings WHERE id = $1", job)
                assert [row["state"] for row in rows] == standing


async def test_nobody_makes_a_row_another_one_or_another_projects(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    try:
        found = await owner.fetch(
            """
            SELECT r.role, c.relname || '.' || a.attname AS what
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            CROSS JOIN unnest($1::text[]) AS r(role)
            WHERE c.relnamespace = 'hermodr'::regnamespace AND c.relkind IN ('r', 'p', 'v')
              AND has_column_privilege(r.role, c.oid, a.attnum, 'UPDATE')
              AND (a.attname IN ('id', 'project_id') OR EXISTS (
                  SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)))
            """,
            list(NAMES.values()),
        )
    finally:
        await owner.close()
    # an address that waits to be confirmed has a new id with each request
    assert {(row["role"], row["what"]) for row in found} == {
        (NAMES[role], "pending_addresses.id") for role in ("api", "scheduler")
    }


@pytest.mark.parametrize("role", SENDERS[:3])
async def test_senders_lift_no_suppression_and_rewrite_no_attempt(database_url: str, role: str) -> None:
    async with ledgers.opened(database_url) as ledger:
        project = await ledgers.new_project(ledger)
        (delivery,) = await ledgers.new_deliveries(ledger, 1)
        await ledger.fetch(
            "INSERT INTO hermodr.attempts (delivery_id, number, outcome, started_at, finished_at)"
            " VALUES ($1, 1, 'sent', now(), now()), ($1, 2, 'unknown', now(), now())",
            delivery,
        )
        await suppressions.put(ledger, [NewSuppression(project, "a@x.test", SuppressionReason.MANUAL)])
        for channel in Channel:
            await ledger.fetch(
                "INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason)"
                " VALUES (gen_random_uuid(), $1, gen_random_uuid()::text, $2, 'x')",
                project,
                f"{channel}.dead",
            )
    async with session(database_url, role) as connection:
        for lifted in ("now()", "now() + interval '1 hour'"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(
                    f"UPDATE hermodr.suppressions SET expires_at = {lifted} WHERE project_id = $1", project
                )
        assert (
            await connection.execute(
                "UPDATE hermodr.suppressions SET expires_at = NULL WHERE project_id = $1", project
            )
            == "UPDATE 1"
        )
        changed = await connection.fetch(
            "UPDATE hermodr.attempts SET outcome = 'permanent' WHERE delivery_id = $1 RETURNING number",
            delivery,
        )
        assert [row["number"] for row in changed] == [2]
        replayed = await connection.fetch(
            "UPDATE hermodr.dead_letters SET replayed_at = now() WHERE project_id = $1 RETURNING queue",
            project,
        )
    assert {row["queue"] for row in replayed} == {
        f"{channel}.dead" for channel in CHANGED[role] - {"notification"}
    }


async def test_services_see_the_rows_that_are_hidden_from_readers(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(
            "INSERT INTO hermodr.projects (id, name) VALUES (gen_random_uuid(), 'hidden') ON CONFLICT DO NOTHING"
        )
        await owner.execute(
            "INSERT INTO hermodr.recipients (id, project_id, user_id)"
            " SELECT gen_random_uuid(), id, 'ada' FROM hermodr.projects WHERE name = 'hidden'"
        )
    finally:
        await owner.close()
    for role in ("api", "dispatcher", "scheduler"):
        async with session(database_url, role) as connection:
            assert (
                await connection.fetchval("SELECT count(*) FROM hermodr.recipients WHERE user_id = 'ada'")
                == 1
            )
    with psql.role(database_url, ["hermodr_reader"]) as reader:
        assert reader.one("SELECT count(*) FROM hermodr.recipients") == "0"


async def test_the_scheduler_makes_weeks_in_which_the_api_writes(database_url: str) -> None:
    week = "2031-01-06 00:00:00+00"
    async with session(database_url, "scheduler") as scheduler:
        assert await scheduler.fetchval(f"SELECT hermodr.make_week('jobs', '{week}')")
        assert not await scheduler.fetchval("SELECT bool_or(w = '20310106') FROM hermodr.weeks_over(now()) w")
    async with session(database_url, "api") as api:
        transaction = api.transaction()
        await transaction.start()
        await api.execute(
            "INSERT INTO hermodr.jobs (id, project_id, kind, type, state, priority, data)"
            f" SELECT hermodr.uuid_floor('{week}'), gen_random_uuid(), 'notification', 'x', 'queued', 1, '{{}}'"
        )
        assert (
            await api.fetchval("SELECT tableoid::regclass::text FROM hermodr.jobs ORDER BY id DESC")
            == "hermodr.jobs_20310106"
        )
        await transaction.rollback()


@pytest.mark.parametrize("week", ["rest", "2020010", "20200106 ", "x; DROP TABLE jobs", ""])
async def test_nothing_but_a_week_is_dropped(database_url: str, week: str) -> None:
    async with session(database_url, "scheduler") as scheduler:
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await scheduler.execute(f"SELECT hermodr.drop_week('{week}')")


async def test_without_the_right_to_make_roles_the_rest_is_done_and_they_are_named(
    database_url: str, empty_database_url: str
) -> None:
    url = empty_database_url
    assert database_url != url  # whose migration made the roles of people who speak SQL
    with psql.role(url, []) as somebody:
        name = somebody.one("SELECT current_user")
        psql.Psql(url).ask(f'GRANT CREATE ON DATABASE "{url.rpartition("/")[2]}" TO {name}')
        mine = psql.url_of(url, somebody)
        done = await asyncio.to_thread(migrate.upgrade, mine, "nobodys")
        assert done.missing == tuple(f"nobodys_{role}" for role in ROLES)
        ledger = Ledger(mine, service="test", pool_size=1)
        try:
            await verify(ledger)
        finally:
            await ledger.close()
        psql.Psql(url).ask(f"DROP OWNED BY {name} CASCADE")  # or the role could not be dropped


@pytest.mark.parametrize("prefix", ["", "Big", "a-b", 'a"; DROP TABLE x', "1a", "a" * 41, "ä"])
async def test_a_prefix_that_makes_no_names_is_refused(prefix: str) -> None:
    with pytest.raises(OddPrefix):
        role_name("api", prefix)


async def _names(connection: asyncpg.Connection, which: str) -> set[str]:
    rows = await connection.fetch(
        f"SELECT relname FROM pg_class WHERE relnamespace = 'hermodr'::regnamespace AND {which}"
    )
    return {row["relname"] for row in rows}
