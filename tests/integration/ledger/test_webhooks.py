"""Each change becomes one message for each endpoint that is subscribed to it, whatever happens in between."""

import asyncio
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_contracts.webhook_events import EVENTS
from hermodr_ledger.changes.following import Change, follow
from hermodr_ledger.changes.listening import Listener
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_ledger.webhooks import aftermath, endpoints, fan_out, messages
from hermodr_ledger.webhooks.endpoints import Endpoint
from hermodr_ledger.webhooks.messages import MessageSearch
from hermodr_servicekit.ids import child_id, new_id
from tests.support import endpoints as having
from tests.support import psql
from tests.support.endpoints import fanned_out, new_endpoint
from tests.support.ledgers import attempt, decisions_of, new_job, new_project
from tests.support.psql import Psql

SENT = Settlement(DeliveryState.SENT)


async def accepted(ledger: Ledger, project_id: UUID, count: int) -> list[UUID]:
    jobs = [new_job(project_id) for _ in range(count)]
    await accept(ledger, jobs)
    return [each.id for each in jobs]


async def listens(ledger: Ledger, project_id: UUID) -> bool:
    return bool(
        await ledger.fetch(
            "SELECT FROM hermodr.change_listeners WHERE project_id = $1 AND name = 'webhooks'", project_id
        )
    )


async def test_a_mail_is_told_by_ids_states_and_times(ledger: Ledger) -> None:
    project = await new_project(ledger)
    all_events = await new_endpoint(ledger, project)
    some_events = await new_endpoint(ledger, project, ["delivery.sent", "job.failed"])
    job = new_job(project, owner_id="ann")
    await accept(ledger, [job])
    await record_decisions(ledger, await decisions_of(ledger, [job.id]))
    delivery = child_id(job.id, 1)
    await claim(ledger, [delivery], owner="me", lease_seconds=60)
    await record(ledger, [(attempt(delivery, 1, Outcome.SENT), SENT)])
    await fanned_out(ledger, project)
    found = await having.messages(ledger, all_events)
    assert {each["event"] for each in found} == {
        "job.queued",
        "job.processing",
        "job.completed",
        "delivery.queued",
        "delivery.sending",
        "delivery.sent",
    }
    (only,) = await having.messages(ledger, some_events)
    body = json.loads(only["body"])
    assert body["type"] == only["event"] == "delivery.sent"
    assert datetime.fromisoformat(body["timestamp"]) == only["occurred_at"]
    assert body["data"] == {
        "job_id": str(job.id),
        "delivery_id": str(delivery),
        "channel": "email",
        "state": "sent",
        "previous_state": "sending",
        "attempt": 1,
        "kind": "notification",
    }
    assert (only["state"], only["attempt"], only["due_at"] is not None) == ("waiting", 0, True)
    assert only["id"].version == 7
    assert abs(datetime.fromtimestamp((only["id"].int >> 80) / 1000, UTC) - only["created_at"]) < timedelta(
        seconds=1
    )
    assert await having.accounts(ledger, project) == {"waiting": 7}
    assert {each["event"] for each in found} <= set(EVENTS)


async def test_exactly_once_whatever_commits_dies_or_runs_twice(ledger: Ledger, database_url: str) -> None:
    """Transactions that commit late, three fan-outs at once of which pages die, endpoints made meanwhile."""
    project = await new_project(ledger)
    known = [await new_endpoint(ledger, project) for _ in range(3)]
    dice = random.Random(17)
    writing = True

    async def late(nth: int) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            for _ in range(12):
                async with connection.transaction():
                    job = new_job(project)
                    await connection.execute(
                        "INSERT INTO hermodr.jobs (id, project_id, kind, state, priority, data)"
                        " VALUES ($1, $2, 'task', 'queued', 1, '{}')",
                        job.id,
                        project,
                    )
                    await connection.execute("SELECT pg_sleep($1)", dice.random() / 40 * (nth + 1))
        finally:
            await connection.close()

    async def dying(transaction: Transaction, changes: Sequence[Change]) -> None:
        await fan_out.take(transaction, changes)
        if dice.random() < 0.3:
            raise RuntimeError("killed between the page and its commit")

    async def reading() -> None:
        listener = Listener(project, endpoints.LISTENER)
        while writing:
            try:
                await follow(ledger, listener, dying, limit=dice.randint(1, 7))
            except RuntimeError:
                continue

    readers = [asyncio.create_task(reading()) for _ in range(3)]
    writers = [asyncio.create_task(late(nth)) for nth in range(6)]
    for _ in range(5):
        known.append(await new_endpoint(ledger, project, dice.choice([None, ["job.queued"], ["job.failed"]])))
        await accepted(ledger, project, 5)
    await asyncio.gather(*writers)
    writing = False
    await asyncio.gather(*readers)
    await fanned_out(ledger, project)
    counted = await having.accounts(ledger, project)
    assert set(counted) == {"waiting"}, counted
    rows = await ledger.fetch("SELECT count(*) AS n FROM hermodr.changes WHERE project_id = $1", project)
    for each in known[:3]:
        assert len(await having.messages(ledger, each)) == rows[0]["n"] == 12 * 6 + 25


async def test_an_endpoint_gets_what_happens_after_it_was_made(ledger: Ledger) -> None:
    project = await new_project(ledger)
    first = await new_endpoint(ledger, project)
    await accepted(ledger, project, 2)
    second = await new_endpoint(ledger, project)  # the changes before are not looked at yet
    await accepted(ledger, project, 1)
    await fanned_out(ledger, project)
    assert [len(await having.messages(ledger, each)) for each in (first, second)] == [3, 1]
    assert await having.accounts(ledger, project) == {"waiting": 4}


async def test_nothing_is_read_while_an_endpoint_is_being_made(ledger: Ledger) -> None:
    project = await new_project(ledger)
    first = await new_endpoint(ledger, project)
    async with ledger.transaction() as transaction:
        second = await endpoints.create(
            transaction, endpoints.NewEndpoint(new_id(), project, having.URL)
        )  # not committed yet
        await accepted(ledger, project, 1)
        await fanned_out(ledger, project)
        assert await having.messages(ledger, first) == []
    await fanned_out(ledger, project)
    assert [len(await having.messages(ledger, each)) for each in (first, second)] == [1, 1]


async def test_a_filter_is_changed_without_losing_what_is_not_looked_at(ledger: Ledger) -> None:
    project = await new_project(ledger)
    endpoint = await new_endpoint(ledger, project, ["job.queued"])
    await accepted(ledger, project, 2)
    async with ledger.transaction() as transaction:
        changed = await endpoints.change(
            transaction, project, endpoint.id, {"events": ["job.queued", "job.failed"]}
        )
    assert changed is not None
    assert list(changed.events or ()) == ["job.queued", "job.failed"]
    await accepted(ledger, project, 1)
    await fanned_out(ledger, project)
    assert await having.accounts(ledger, project) == {"waiting": 3}


async def test_changes_are_logged_while_an_endpoint_is_enabled(ledger: Ledger) -> None:
    project = await new_project(ledger)
    assert not await listens(ledger, project)
    one, other = await new_endpoint(ledger, project), await new_endpoint(ledger, project)
    async with ledger.transaction() as transaction:
        assert await endpoints.disable(transaction, one.id, "manual")
        assert not await endpoints.disable(transaction, one.id, "gone")
    await endpoints.stop_idle(ledger)
    assert await listens(ledger, project)
    async with ledger.transaction() as transaction:
        assert await endpoints.delete(transaction, project, other.id)
    assert not await listens(ledger, project)
    async with ledger.transaction() as transaction:
        enabled = await endpoints.enable(transaction, project, one.id)
    assert enabled is not None
    assert enabled.disabled_at is None
    assert await listens(ledger, project)
    async with ledger.transaction() as transaction:
        assert await endpoints.disable(transaction, one.id, "manual")
    await endpoints.stop_idle(ledger)
    assert not await listens(ledger, project)


async def test_endpoints_made_and_deleted_at_once_are_never_deaf(ledger: Ledger) -> None:
    project = await new_project(ledger)

    async def made_and_deleted() -> None:
        for _ in range(8):
            endpoint = await new_endpoint(ledger, project)
            async with ledger.transaction() as transaction:
                await endpoints.delete(transaction, project, endpoint.id)

    await asyncio.gather(*(made_and_deleted() for _ in range(4)))
    assert not await listens(ledger, project)
    last, *_ = await asyncio.gather(new_endpoint(ledger, project), made_and_deleted(), made_and_deleted())
    assert await listens(ledger, project)
    await accepted(ledger, project, 1)
    await fanned_out(ledger, project)
    assert len(await having.messages(ledger, last)) == 1


async def test_what_waits_for_a_disabled_endpoint_is_kept_and_can_be_sent_again(ledger: Ledger) -> None:
    project = await new_project(ledger)
    endpoint, other = await new_endpoint(ledger, project), await new_endpoint(ledger, project, ["job.failed"])
    told = await new_endpoint(ledger, project, ["endpoint.disabled"])
    await accepted(ledger, project, 3)
    await fanned_out(ledger, project)
    async with ledger.transaction() as transaction:
        assert await endpoints.disable(transaction, endpoint.id, "gone")
    assert await endpoints.disabled_of_itself(ledger) == 1
    (notice,) = await having.messages(ledger, told)
    assert json.loads(notice["body"]) == {
        "type": "endpoint.disabled",
        "timestamp": notice["occurred_at"].isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": {"endpoint_id": str(endpoint.id), "reason": "gone"},
    }
    assert await having.messages(ledger, other) == []
    (line,) = await ledger.fetch("SELECT * FROM hermodr.audit_log WHERE subject = $1", str(endpoint.id))
    assert (line["actor"], line["action"], json.loads(line["detail"])) == (
        "service",
        "webhook.disable",
        {"reason": "gone"},
    )
    await accepted(ledger, project, 1)
    await fanned_out(ledger, project)
    assert await aftermath.discard(ledger) == 3
    assert {each["state"] for each in await having.messages(ledger, endpoint)} == {"discarded"}
    async with ledger.transaction() as transaction:
        await endpoints.enable(transaction, project, endpoint.id)
    await accepted(ledger, project, 1)
    await fanned_out(ledger, project)
    assert await having.accounts(ledger, project) == {"discarded": 3, "waiting": 1}
    async with ledger.transaction() as transaction:
        assert await messages.recover(transaction, endpoint.id, datetime.now(UTC) + timedelta(hours=1)) == 0
        assert await messages.recover(transaction, endpoint.id, endpoint.created_at) == 3
    assert await having.accounts(ledger, project) == {"waiting": 4}
    assert await aftermath.discard(ledger) == 0


@pytest.mark.parametrize(
    ("failing_for", "last_failure", "disabled"),
    [(6, 6, True), (6, 0, True), (6, 2, False), (4, 4, False)],
    ids=["now", "at the sixth day", "not called for days", "four days"],
)
async def test_five_days_of_failure_disable(
    ledger: Ledger, failing_for: int, last_failure: int, disabled: bool
) -> None:
    """`last_failure`: days after the first one; 0 stands for today."""
    project = await new_project(ledger)
    endpoint = await new_endpoint(ledger, project)
    await accepted(ledger, project, 1)
    await fanned_out(ledger, project)
    (message,) = await having.messages(ledger, endpoint)
    ago = (failing_for - last_failure) * 86_400 if last_failure else 0
    await having.finish(ledger, message["id"], "failed", status=500, outcome="failed", ago=ago)
    await ledger.fetch(
        "UPDATE hermodr.webhook_endpoints SET failing_since = now() - make_interval(days => $2) WHERE id = $1",
        endpoint.id,
        failing_for,
    )
    assert await aftermath.disable_failing(ledger) == disabled
    found = await endpoints.read(ledger, project, endpoint.id)
    assert found is not None
    assert found.disabled_reason == ("failing" if disabled else None)
    assert await aftermath.disable_failing(ledger) == 0


async def test_the_log_of_an_endpoint(ledger: Ledger) -> None:
    project = await new_project(ledger)
    endpoint = await new_endpoint(ledger, project)
    await accepted(ledger, project, 2)
    await fanned_out(ledger, project)
    first, second = await having.messages(ledger, endpoint)
    await having.finish(ledger, first["id"], "failed", status=503, outcome="failed", error="http_503")
    found = await messages.page(ledger, endpoint.id, MessageSearch(state="failed"), Page(10))
    (told,) = found
    assert (told.message.id, [(each.number, each.status, each.error) for each in told.attempts]) == (
        first["id"],
        [(1, 503, "http_503")],
    )
    assert len(await messages.page(ledger, endpoint.id, MessageSearch(), Page(10))) == 2
    assert await messages.page(ledger, endpoint.id, MessageSearch("job.failed"), Page(10)) == []
    async with ledger.transaction() as transaction:
        assert await messages.redeliver(transaction, first["id"])
    again = await messages.read(ledger, project, endpoint.id, first["id"])
    assert again is not None
    assert (again.message.state, again.message.attempt, len(again.attempts)) == ("waiting", 1, 1)
    (row,) = await ledger.fetch(
        "SELECT ladder_from, attempt, finished_at FROM hermodr.webhook_messages WHERE id = $1", first["id"]
    )
    assert tuple(row.values()) == (1, 1, None)
    await ledger.fetch(
        "UPDATE hermodr.webhook_messages SET state = 'sending', due_at = NULL, lease_until = now() WHERE id = $1",
        second["id"],
    )
    async with ledger.transaction() as transaction:
        assert not await messages.redeliver(transaction, second["id"])
    assert await messages.read(ledger, await new_project(ledger), endpoint.id, first["id"]) is None


async def test_old_messages_go_with_their_attempts(ledger: Ledger) -> None:
    project = await new_project(ledger)
    endpoint = await new_endpoint(ledger, project)
    await accepted(ledger, project, 3)
    await fanned_out(ledger, project)
    old, young, _ = await having.messages(ledger, endpoint)
    for each in (old, young):
        await having.finish(ledger, each["id"], "delivered")
    await ledger.fetch(
        "UPDATE hermodr.webhook_messages SET finished_at = now() - interval '31 days' WHERE id = $1",
        old["id"],
    )
    assert await aftermath.trim(ledger, datetime.now(UTC) - timedelta(days=30)) == 1
    assert len(await having.messages(ledger, endpoint)) == 2
    assert len(await ledger.fetch("SELECT FROM hermodr.webhook_attempts")) == 1
    assert not await endpoints.forget_some(ledger, await new_project(ledger), endpoint.id)
    assert len(await having.messages(ledger, endpoint)) == 2
    assert not await endpoints.forget_some(ledger, project, endpoint.id)
    assert await having.messages(ledger, endpoint) == []


async def test_a_project_has_a_bounded_number(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MOST_ENDPOINTS", 2)
    project = await new_project(ledger)
    results = await asyncio.gather(*(new_endpoint(ledger, project) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, Endpoint) for each in results) == 2
    assert sum(isinstance(each, endpoints.TooManyEndpoints) for each in results) == 3


async def test_ten_thousand_endpoints_of_one_change(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await new_endpoint(ledger, project)
    await ledger.fetch(
        """
        INSERT INTO hermodr.webhook_endpoints (id, project_id, url)
        SELECT hermodr.new_id(now()), $1, 'https://hooks.example.com/' || n FROM generate_series(1, 9999) n
        """,
        project,
    )
    await accepted(ledger, project, 2)
    pages = 1
    while await fan_out.fan_out(ledger, project):
        pages += 1
    assert pages >= 2  # one change at a time
    assert await having.accounts(ledger, project) == {"waiting": 20_000}


async def test_the_operator_sees_accounts_and_no_url(ledger: Ledger, operator: Psql) -> None:
    project = await new_project(ledger)
    await new_endpoint(ledger, project)
    await accepted(ledger, project, 1)
    assert operator.ask("SELECT account, event FROM hermodr.webhook_accounts") == [["unread", "job.queued"]]
    await fanned_out(ledger, project)
    assert operator.ask("SELECT account, event FROM hermodr.webhook_accounts") == [["waiting", "job.queued"]]
    with pytest.raises(psql.Refused, match="permission denied"):
        operator.ask("SELECT url FROM hermodr.webhook_endpoints")
