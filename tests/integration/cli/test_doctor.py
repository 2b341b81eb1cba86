"""`hermodr doctor` describes broken things and leaves them as they are."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import pytest
from aiormq.base import FutureStore

from hermodr_cli.commands.schema import apply_topology
from hermodr_cli.commands.settings import CommandSettings
from hermodr_cli.doctor import broker as broker_area
from hermodr_cli.doctor import database, patient, providers, services
from hermodr_cli.doctor.finding import Finding, State
from hermodr_cli.refusal import Refusal
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries import pauses, provider_limits
from hermodr_ledger.deliveries.provider_limits import ProviderLimits
from hermodr_ledger.engine import Ledger, heartbeats
from hermodr_ledger.engine.schema_version import head
from hermodr_ledger.engine.setting_aside import set_aside
from hermodr_ledger.migrate import upgrade_async
from hermodr_ledger.upkeep import inspection
from hermodr_servicekit.broker_session import declare
from hermodr_servicekit.clock import SystemClock
from tests.support import tasks as of_tasks
from tests.support.brokers import Broker
from tests.support.scripted_smtp import Cut, ScriptedSmtp
from tests.support.sessions import fresh_name

SECRET = "s3cret-passw0rd"
NOW = SystemClock()


class Shifted(SystemClock):
    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self._by


def found(findings: Sequence[Finding], check: str) -> Finding:
    """No finding holds a secret, and each bad one has a remedy."""
    assert SECRET not in repr(findings)
    assert all(each.remedy for each in findings if each.state is not State.OK)
    (one,) = [each for each in findings if each.check == check]
    return one


def with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}").geturl()


# The database


async def test_a_database_in_shape(database_url: str) -> None:
    findings = await database.examine(database_url, NOW)
    assert {each.state for each in findings} == {State.OK}
    assert {each.check for each in findings} >= {
        "reachable",
        "encoding",
        "schema",
        "partitions",
        "difference",
    }
    assert head() in found(findings, "schema").text


async def test_a_database_without_a_ledger(empty_database_url: str) -> None:
    schema = found(await database.examine(empty_database_url, NOW), "schema")
    assert schema.state is State.FAILED
    assert "hermodr migrate" in schema.remedy


async def test_a_database_behind_and_one_ahead(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("CREATE SCHEMA hermodr")
    await connection.execute("CREATE TABLE hermodr.schema_version AS SELECT '0001'::text AS version_num")
    behind = found(await database.examine(empty_database_url, NOW), "schema")
    assert (behind.state, "hermodr migrate" in behind.remedy) == (State.FAILED, True)
    await connection.execute("UPDATE hermodr.schema_version SET version_num = '9999'")
    ahead = found(await database.examine(empty_database_url, NOW), "schema")
    await connection.close()
    assert (ahead.state, "newer Hermodr" in ahead.remedy) == (State.FAILED, True)


async def test_a_database_ahead_that_may_be_used(empty_database_url: str) -> None:
    await upgrade_async(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("UPDATE hermodr.schema_version SET version_num = '9999'")
    await connection.close()
    ahead = found(await database.examine(empty_database_url, NOW), "schema")
    assert (ahead.state, ahead.remedy) == (State.WARNING, "finish the upgrade")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: f"postgresql://hermodr:{SECRET}@127.0.0.1:1/hermodr", "no answer"),
        (lambda url: with_password(url, SECRET), "user or password"),
        (lambda url: urlsplit(url)._replace(path="/not_there").geturl(), "no such database"),
        (lambda _: f"postgresql://hermodr:{SECRET}@host.invalid/hermodr", "no answer"),
    ],
)
async def test_a_database_that_does_not_let_us_in(database_url: str, change: object, says: str) -> None:
    assert callable(change)
    findings = await database.examine(change(database_url), NOW)
    assert len(findings) == 1
    reachable = found(findings, "reachable")
    assert (reachable.state, says in reachable.text) == (State.FAILED, True)
    assert "HERMODR_DATABASE_URL" in reachable.remedy


async def test_clocks_apart(database_url: str) -> None:
    for seconds, state in ((5, State.WARNING), (-5, State.WARNING), (120, State.FAILED)):
        findings = await database.examine(database_url, Shifted(timedelta(seconds=seconds)))
        assert found(findings, "difference").state is state


async def test_weeks_that_run_out(database_url: str) -> None:
    """The last week ends on a Monday 28 to 35 days ahead."""
    ledger = Ledger(database_url, service="test")
    end = (await inspection.tables(ledger)).covered_until
    await ledger.close()
    assert timedelta(days=27) < end - NOW.now() <= timedelta(days=35)  # the migration may be a while ago
    for before_the_end, state in (
        (timedelta(days=7, minutes=5), State.OK),
        (timedelta(days=6, hours=23), State.WARNING),
        (timedelta(minutes=5), State.WARNING),
        (timedelta(), State.FAILED),
        (timedelta(days=-30), State.FAILED),
    ):
        clock = Shifted(end - before_the_end - NOW.now())
        partitions = found(await database.examine(database_url, clock), "partitions")
        assert partitions.state is state, before_the_end
        assert state is State.OK or "scheduler" in partitions.remedy


async def test_what_lies_about(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO hermodr.dead_letters (id, source_id, queue, reason, body, headers)"
        " VALUES (gen_random_uuid(), 'one', 'hermodr.email.dead', 'rejected', '', '{}')"
    )
    await connection.execute(
        "INSERT INTO hermodr.events (job_id, kind, detail)"
        " VALUES ('ffffffff-ffff-7fff-8fff-ffffffff0000', 'x', '{}')"
    )
    findings = await database.examine(database_url, NOW)
    await connection.execute("DELETE FROM hermodr.events")
    await connection.execute("DELETE FROM hermodr.dead_letters")
    await connection.close()
    assert found(findings, "dead letters").state is State.WARNING
    assert "events" in found(findings, "strays").text


async def test_a_paused_channel_and_tasks_without_a_worker(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    await pauses.pause(ledger, Channel.EMAIL, "moving house")
    await of_tasks.waiting(ledger, "stranger", 2)
    await ledger.fetch("UPDATE hermodr.jobs SET created_at = now() - interval '1 hour' WHERE kind = 'task'")
    findings = await database.examine(database_url, NOW)
    await ledger.fetch("DELETE FROM hermodr.jobs")
    await ledger.fetch("DELETE FROM hermodr.pauses")
    await ledger.close()
    paused = found(findings, "paused")
    advice = "`hermodr queues resume email`, with a key of scope admin"
    assert (paused.state, advice in paused.remedy) == (State.WARNING, True)
    assert paused.text.startswith("channel email is paused since 20")
    assert "moving house" in paused.text
    tasks = found(findings, "tasks")
    assert (tasks.state, tasks.text) == (State.WARNING, "2 tasks without a worker")
    waiting = found(findings, "waiting")
    assert (waiting.state, waiting.text) == (State.OK, "0 are due")


# The broker


async def test_a_broker_without_queues_then_with_them(broker: Broker) -> None:
    topology = Topology(prefix=broker.prefix)
    findings = await broker_area.examine(broker.amqp_url, topology)
    assert found(findings, "usable").state is State.OK
    missing = found(findings, "topology")
    assert (missing.state, "hermodr topology apply" in missing.remedy) == (State.FAILED, True)
    assert (
        found(await broker_area.examine(broker.amqp_url, topology), "topology") == missing
    )  # nothing was made
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, connection.channel() as channel:
        await declare(channel, topology)
    findings = await broker_area.examine(broker.amqp_url, topology)
    assert found(findings, "topology").state is State.OK
    idle = found(findings, "consumers")
    assert (idle.state, "dispatcher" in idle.remedy) == (State.FAILED, True)


async def test_queues_of_somebody_else(broker: Broker) -> None:
    topology = Topology(prefix=f"{broker.prefix}.foreign")
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection:
        async with connection.channel() as channel:
            await channel.declare_queue(topology.queues[0].queue.name, durable=True)
        findings = await broker_area.examine(broker.amqp_url, topology)
        settings = CommandSettings(amqp_url=broker.amqp_url, amqp_prefix=topology.prefix)
        with pytest.raises(Refusal, match="other queues under our names"):
            await asyncio.to_thread(apply_topology, settings)
        async with connection.channel() as channel:
            await channel.queue_delete(topology.queues[0].queue.name)
    foreign = [each for each in findings if "other arguments" in each.text]
    assert [each.state for each in foreign] == [State.FAILED]
    assert topology.queues[0].queue.name in foreign[0].text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: f"amqp://hermodr:{SECRET}@127.0.0.1:1/", "no answer"),
        (lambda url: with_password(url, SECRET), "user or password"),
        (lambda url: urlsplit(url)._replace(path="/not_there").geturl(), "let us into the vhost"),
    ],
)
async def test_a_broker_that_does_not_let_us_in(broker: Broker, change: object, says: str) -> None:
    assert callable(change)
    findings = await broker_area.examine(change(broker.amqp_url), Topology())
    assert len(findings) == 1
    reachable = found(findings, "reachable")
    assert (reachable.state, says in reachable.text) == (State.FAILED, True)


async def test_a_broker_that_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own error, and by the bare `Exception` of a connection that ends while it opens."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        url = f"amqp://guest:{SECRET}@127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        reachable = found(await broker_area.examine(url, Topology()), "reachable")
        assert (reachable.state, "no answer" in reachable.text) == (State.FAILED, True)
        with pytest.raises(Refusal):
            await asyncio.to_thread(apply_topology, CommandSettings(amqp_url=url))

        async def cut(*_: object, **__: object) -> None:
            lost = FutureStore(asyncio.get_running_loop())
            await lost.reject_all(None)
            await lost.create_future()

        monkeypatch.setattr(aio_pika, "connect", cut)
        reachable = found(await broker_area.examine(url, Topology()), "reachable")
        assert (reachable.state, "no answer" in reachable.text) == (State.FAILED, True)
        with pytest.raises(Refusal):
            await asyncio.to_thread(apply_topology, CommandSettings(amqp_url=url))


# The services


async def test_services_heard_of_and_not(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    await heartbeats.beat(ledger, "api", "host:1", NOW.now())
    await heartbeats.beat(ledger, "scheduler", "host:2", NOW.now())
    await ledger.fetch(
        "UPDATE hermodr.service_heartbeats SET beat_at = now() - interval '5 min' WHERE service = 'scheduler'"
    )
    names = (*Topology().services, services.WORKER)
    findings = await services.examine(database_url, names, NOW.now())
    await ledger.fetch("DELETE FROM hermodr.service_heartbeats")
    await ledger.close()
    assert found(findings, "api").state is State.OK
    assert "300 s ago" in found(findings, "scheduler").text
    assert found(findings, "email-sender").state is State.FAILED
    assert found(findings, "worker").state is State.WARNING


async def test_services_of_a_database_that_is_away() -> None:
    url = f"postgresql://hermodr:{SECRET}@127.0.0.1:1/hermodr"
    assert await services.examine(url, ("api",), NOW.now()) == []


async def test_an_api_that_is_not_there() -> None:
    address = found(await services.examine_api("http://127.0.0.1:1"), "api address")
    assert (address.state, "HERMODR_API_URL" in address.remedy) == (State.WARNING, True)


# The providers


def configured(*dsns: str) -> dict[str, str]:
    return {"HERMODR_EMAIL_PROVIDERS": " ".join(dsns)}


async def test_a_provider_lets_us_in_and_gets_no_mail() -> None:
    async with ScriptedSmtp(extensions=["AUTH PLAIN"]).running() as server:
        findings = await providers.examine(configured(f"smtp://ada:{SECRET}@127.0.0.1:{server.port}"))
    smtp = found(findings, "smtp")
    assert (smtp.state, smtp.text) == (State.OK, f"127.0.0.1:{server.port}: not encrypted, logged in")
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "AUTH", "QUIT"]


async def test_providers_that_do_not() -> None:
    refusing, hanging_up = ScriptedSmtp(extensions=["AUTH PLAIN"]), ScriptedSmtp()
    refusing.on("AUTH", "535 5.7.8 no", "535 5.7.8 no")
    hanging_up.on("CONNECT", Cut())
    async with refusing.running(), hanging_up.running():
        findings = await providers.examine(
            configured(
                "smtp://127.0.0.1:1",
                f"smtp://ada:{SECRET}@127.0.0.1:{refusing.port}",
                f"smtp://127.0.0.1:{hanging_up.port}",
            )
        )
    assert [each.state for each in findings] == [State.FAILED] * 3
    assert "connect_refused" in found(findings, "smtp").text
    assert "auth_failed" in found(findings, "smtp-2").text
    assert "user and password" in found(findings, "smtp-2").remedy


async def test_the_sandbox_is_where_running_senders_have_it(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    name = fresh_name()
    await provider_limits.report(
        ledger, name, [ProviderLimits(Channel.EMAIL, "smtp", 10, 10, place="127.0.0.1:1055")]
    )
    silent = await services.sandbox_port(database_url)
    await heartbeats.beat(ledger, "email-sender", name, datetime.now(UTC))
    running = await services.sandbox_port(database_url)
    await heartbeats.leave(ledger, "email-sender", name)
    await ledger.close()
    assert (silent, running) == (None, 1055)


async def test_a_sandbox_that_is_not_there_names_its_variable() -> None:
    smtp = found(
        await providers.examine({"HERMODR_SANDBOX_SMTP_PORT": "1", "HERMODR_CHANNELS": "email"}), "smtp"
    )
    assert (smtp.state, "HERMODR_SANDBOX_SMTP_PORT" in smtp.remedy) == (State.FAILED, True)


async def test_the_sandbox_of_texts_names_the_port_base_and_what_is_retried() -> None:
    phones = {
        "HERMODR_SMS_PROVIDERS": "twilio://AC" + "0" * 32 + ":x@127.0.0.1:1?tls=off&from=%2B15005550006"
    }
    twilio = found(await providers.examine(phones), "twilio")
    assert (twilio.state, "HERMODR_PORT_BASE" in twilio.remedy) == (State.FAILED, True)
    assert "texts are retried" in providers._remedy("timeout", "HERMODR_SMS_PROVIDERS")


async def test_a_dsn_that_cannot_be() -> None:
    findings = await providers.examine(configured(f"smtp://ada:{SECRET}@127.0.0.1:25?rate=fast"))
    email = found(findings, "email")
    assert (email.state, "entry 1" in email.text) == (State.FAILED, True)


# The settings


def test_settings_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMODR_DATABASE_URL", f"mysql://hermodr:{SECRET}@host/hermodr")
    monkeypatch.setenv("HERMODR_AMQP_URL", "amqp://127.0.0.1:1/")
    with pytest.raises(patient.Unreadable) as caught:
        patient.find()
    assert "HERMODR_DATABASE_URL" in str(caught.value)
    assert SECRET not in json.dumps(str(caught.value))


async def test_rows_set_aside_are_a_warning(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    await set_aside(ledger, "retention", {"20240108": ValueError()})
    aside = found(await database.examine(database_url, NOW), "set aside")
    await ledger.fetch("DELETE FROM hermodr.set_aside")
    await ledger.close()
    assert aside.state is State.WARNING
    assert "retention: 1 set aside" in aside.text
    assert "20240108" in aside.text


async def test_a_transaction_that_stays_open_is_named(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LONG_OPEN_SECONDS", 0.0)
    somebody = await asyncpg.connect(database_url, server_settings={"application_name": "nightly report"})
    async with somebody.transaction():
        await somebody.execute("LOCK TABLE hermodr.groups")
        process = somebody.get_server_pid()
        named = found(await database.examine(database_url, NOW), "transaction")
    await somebody.close()
    assert named.state is State.WARNING
    assert named.text.startswith(f"process {process} (nightly report) has one open for ")
    assert f"pg_terminate_backend({process})" in named.remedy
