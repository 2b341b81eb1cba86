"""Messages that wait in the ledger reach their endpoints, signed."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import generate_latest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.engine.announcing import WEBHOOKS_CHANNEL
from hermodr_ledger.webhooks import attempting
from hermodr_ledger.webhooks.sharing import Limits
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets
from tests.support import ledgers, psql
from tests.support.databases import Databases
from tests.support.hook_server import Came, HookServer, hang, hook_server, status
from tests.support.psql import Refused
from tests.support.waiting import wait_until
from tests.support.webhook_senders import KEY, sending

SECRETS = WebhookSecrets(KEY)


@pytest.fixture(scope="module")
def database_url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as url:
        yield url


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with ledgers.opened(database_url) as opened:
        await ledgers.emptied(opened)
        yield opened


@pytest.fixture
async def server() -> AsyncIterator[HookServer]:
    async with hook_server() as running:
        yield running


async def endpoint(ledger: Ledger, url: str) -> UUID:
    found = new_id()
    await ledger.fetch(
        "INSERT INTO hermodr.webhook_endpoints (id, project_id, url) VALUES ($1, $2, $3)",
        found,
        await ledgers.new_project(ledger),
        url,
    )
    return found


async def put(ledger: Ledger, to: Sequence[UUID], each: int = 1) -> None:
    """Messages that wait, as the scheduler puts them."""
    await ledger.fetch(
        f"""
        WITH made AS (
            INSERT INTO hermodr.webhook_messages (id, endpoint_id, project_id, event, occurred_at, body, due_at)
            SELECT gen_random_uuid(), e.id, e.project_id, 'job.completed', now(),
                '{{"type":"job.completed","n":' || n || ',"data":{{"text":"Grüße 🎉"}}}}', now()
            FROM hermodr.webhook_endpoints e CROSS JOIN generate_series(1, $2::int) n WHERE e.id = ANY ($1::uuid[])
            RETURNING 1
        )
        SELECT pg_notify('{WEBHOOKS_CHANNEL}', '') FROM made LIMIT 1
        """,
        list(to),
        each,
        seconds=300,
    )


async def states(ledger: Ledger) -> Counter[str]:
    rows = await ledger.fetch("SELECT state, count(*) AS n FROM hermodr.webhook_messages GROUP BY state")
    return Counter({row["state"]: row["n"] for row in rows})


async def attempts(ledger: Ledger) -> list[Row]:
    return await ledger.fetch("SELECT * FROM hermodr.webhook_attempts ORDER BY number, at")


async def until(ledger: Ledger, timeout: float = 30.0, **wanted: int) -> None:
    async def reached() -> bool:
        return await states(ledger) == Counter(wanted)

    there: bool = await wait_until(reached, timeout, str(wanted))
    assert there


def verified(came: Came, secret: str) -> Any:
    return Webhook(secret).verify(came.body.decode(), came.headers)


async def test_a_message_arrives_signed(ledger: Ledger, database_url: str, server: HookServer) -> None:
    to = await endpoint(ledger, server.url("/in?key=s3cr3t"))
    async with sending(database_url):
        await put(ledger, [to])
        await until(ledger, delivered=1)
    (came,) = server.came
    assert came.path == "/in?key=s3cr3t"
    assert verified(came, SECRETS.secret(SecretOf(Purpose.ENDPOINT, to)))["data"] == {"text": "Grüße 🎉"}
    (message,) = await ledger.fetch("SELECT * FROM hermodr.webhook_messages")
    assert came.headers["webhook-id"] == str(message["id"])
    assert came.body.decode() == message["body"]
    (attempt,) = await attempts(ledger)
    assert (attempt["status"], attempt["outcome"], attempt["error"]) == (204, "delivered", None)


async def test_while_a_secret_is_replaced_both_sign(
    ledger: Ledger, database_url: str, server: HookServer
) -> None:
    to = await endpoint(ledger, server.url())
    await ledger.fetch(
        "UPDATE hermodr.webhook_endpoints SET secret_version = 2, previous_until = now() + interval '1 hour'"
    )
    async with sending(database_url):
        await put(ledger, [to])
        await until(ledger, delivered=1)
        await ledger.fetch("UPDATE hermodr.webhook_endpoints SET previous_until = now()")
        await put(ledger, [to])
        await until(ledger, delivered=2)
    old, new = (SECRETS.secret(SecretOf(Purpose.ENDPOINT, to, version)) for version in (1, 2))
    for secret in (old, new):
        verified(server.came[0], secret)
    verified(server.came[1], new)
    with pytest.raises(WebhookVerificationError):
        verified(server.came[1], old)


async def test_what_fails_is_sent_again_by_the_ladder_under_the_same_id(
    ledger: Ledger, database_url: str, server: HookServer
) -> None:
    answers = iter([status(500), status(302, "location: http://169.254.169.254/"), status(200)])

    async def one_after_the_other(came: Came, writer: asyncio.StreamWriter) -> None:
        await next(answers)(came, writer)

    server.answer = one_after_the_other
    to = await endpoint(ledger, server.url())
    async with sending(database_url):
        await put(ledger, [to])
        await until(ledger, delivered=1)
    assert len({came.headers["webhook-id"] for came in server.came}) == 1
    found = [(row["number"], row["status"], row["outcome"], row["error"]) for row in await attempts(ledger)]
    assert found == [
        (1, 500, "failed", "status"),
        (2, 302, "failed", "redirect"),
        (3, 200, "delivered", None),
    ]
    (kept,) = await ledger.fetch("SELECT failing_since FROM hermodr.webhook_endpoints")
    assert kept["failing_since"] is None


async def test_a_ladder_that_is_used_up_ends_the_message(ledger: Ledger, database_url: str) -> None:
    async with hook_server() as gone:
        to = await endpoint(ledger, gone.url())
    async with sending(database_url):
        await put(ledger, [to])
        await until(ledger, failed=1)
    assert [(row["status"], row["error"]) for row in await attempts(ledger)] == [
        (None, "connection_failed")
    ] * 3


async def test_410_disables_the_endpoint(ledger: Ledger, database_url: str, server: HookServer) -> None:
    server.answer = status(410)
    to = await endpoint(ledger, server.url())
    async with sending(database_url, webhook_endpoint_concurrency=1):
        await put(ledger, [to], 3)
        await until(ledger, failed=1, waiting=2)
    (kept,) = await ledger.fetch("SELECT disabled_reason FROM hermodr.webhook_endpoints")
    assert kept["disabled_reason"] == "gone"
    assert len(server.came) == 1


async def test_retry_after_is_heeded(ledger: Ledger, database_url: str, server: HookServer) -> None:
    server.answer = status(429, "retry-after: 600")
    to = await endpoint(ledger, server.url())
    async with sending(database_url):
        await put(ledger, [to])
        await until(ledger, waiting=1)
        await wait_until(lambda: len(server.came) == 1)

        async def put_off() -> float:
            (row,) = await ledger.fetch(
                "SELECT extract(epoch FROM due_at - clock_timestamp())::float8 AS s FROM hermodr.webhook_messages"
                " WHERE attempt = 1"
            )
            return row["s"] or 0.0

        seconds: float = await wait_until(put_off)
        assert 590 < seconds <= 600
    (attempt,) = await attempts(ledger)
    assert (attempt["outcome"], attempt["status"]) == ("throttled", 429)


async def test_what_may_not_be_called_is_not(ledger: Ledger, database_url: str, server: HookServer) -> None:
    to = await endpoint(ledger, server.url())
    async with sending(database_url, webhook_allow="10.0.0.0/8"):
        await put(ledger, [to])
        await until(ledger, failed=1)
    assert server.came == []
    assert {row["error"] for row in await attempts(ledger)} == {"forbidden_address"}


async def test_one_that_hangs_does_not_delay_others(
    ledger: Ledger, database_url: str, server: HookServer
) -> None:
    server.answers = {f"/hang/{n}": hang for n in range(5)}
    hanging = [await endpoint(ledger, server.url(f"/hang/{n}")) for n in range(5)]
    others = [await endpoint(ledger, server.url(f"/ok/{n}")) for n in range(5)]
    async with sending(database_url, webhook_seconds=10.0, grace_seconds=0.5):
        await put(ledger, hanging, 4)
        await wait_until(lambda: len(server.came) == 20)
        began = time.monotonic()
        await put(ledger, others, 20)
        await wait_until(lambda: sum("/ok/" in came.path for came in server.came) == 100)
        assert time.monotonic() - began < 5


async def test_two_senders_send_each_message_once(
    ledger: Ledger, database_url: str, server: HookServer
) -> None:
    to = [await endpoint(ledger, server.url(f"/{n}")) for n in range(20)]
    async with sending(database_url), sending(database_url):
        await put(ledger, to, 25)
        await until(ledger, 60.0, delivered=500)
    assert Counter(came.headers["webhook-id"] for came in server.came).most_common(1)[0][1] == 1
    assert len(server.came) == 500


async def test_what_a_killed_sender_held_is_sent_again_by_another(
    ledger: Ledger, database_url: str, server: HookServer
) -> None:
    to = await endpoint(ledger, server.url())
    await put(ledger, [to], 3)
    lost = await attempting.claim(ledger, "killed", Limits(3, 3, 20, {}), 1.0)
    assert len(lost) == 2
    async with sending(database_url):
        await until(ledger, delivered=3)
    found = [(row["number"], row["outcome"], row["error"]) for row in await attempts(ledger)]
    assert found.count((1, "unknown", "sender_lost")) == 2
    assert found.count((2, "delivered", None)) == 2


async def test_a_sender_that_leaves_finishes_what_it_sends(
    ledger: Ledger, database_url: str, server: HookServer
) -> None:
    go = asyncio.Event()

    async def wait(came: Came, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        await status(200)(came, writer)

    server.answer = wait
    to = await endpoint(ledger, server.url())
    await put(ledger, [to], 5)
    async with sending(database_url, webhook_endpoint_concurrency=2, webhook_seconds=20.0):
        await wait_until(lambda: len(server.came) == 2)
        asyncio.get_running_loop().call_later(0.3, go.set)
    assert await states(ledger) == Counter(delivered=2, waiting=3)


async def test_metrics_tell_outcomes_and_no_urls(
    ledger: Ledger, database_url: str, server: HookServer, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answers["/bad"] = status(500)
    to = [await endpoint(ledger, server.url(f"/{name}?key=s3cr3t")) for name in ("ok", "bad")]
    server.answers["/bad?key=s3cr3t"] = status(500)
    async with sending(database_url, webhook_retry_ladder="1h") as sender:
        await put(ledger, to)
        await until(ledger, delivered=1, waiting=1)
        await wait_until(lambda: len(server.came) == 2)
        await wait_until(lambda: b'outcome="failed"' in generate_latest(sender.registry))
        told = generate_latest(sender.registry).decode()
    assert 'hermodr_webhook_messages_total{outcome="delivered"} 1.0' in told
    assert 'hermodr_webhook_messages_total{outcome="failed"} 1.0' in told
    assert "hermodr_webhook_seconds_count 2.0" in told
    assert "hermodr_webhook_waiting" in told
    logged = "".join(capfd.readouterr())
    for secret in ("s3cr3t", str(server.port), "Grüße", SECRETS.secret(SecretOf(Purpose.ENDPOINT, to[0]))):
        assert secret not in logged + told


@pytest.mark.parametrize("answer", [204, 410, 500])
async def test_the_role_of_webhook_senders_is_enough_and_no_more(
    ledger: Ledger, database_url: str, server: HookServer, answer: int
) -> None:
    server.answer = status(answer)
    to = await endpoint(ledger, server.url())
    with psql.role(database_url, ["hermodr_webhook_sender"]) as role:
        async with sending(psql.url_of(database_url, role)) as sender:
            await put(ledger, [to])
            await until(ledger, **{"delivered" if answer == 204 else "failed": 1})
            assert await sender.ready() == {"started": True, "database": True}
            (beat,) = await ledger.fetch(
                "SELECT count(*) AS n FROM hermodr.service_heartbeats WHERE service = 'webhook-sender'"
            )
            assert beat["n"] == 1
        for table in ("jobs", "deliveries", "recipients", "api_keys", "templates", "suppressions"):
            with pytest.raises(Refused, match="permission denied"):
                role.ask(f"SELECT 1 FROM hermodr.{table} LIMIT 1")
        for change in (
            "UPDATE hermodr.webhook_endpoints SET url = 'x'",
            "DELETE FROM hermodr.webhook_messages",
        ):
            with pytest.raises(Refused, match="permission denied"):
                role.ask(change)
