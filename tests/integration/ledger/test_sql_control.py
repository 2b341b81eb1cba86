"""Cancelling and retrying by SQL do what the API does."""

from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.access import audit
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import cancelling, requeueing
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_ledger.upkeep.due import take_due_jobs
from tests.support import ledgers
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

STAGES = ["queued", "scheduled", "decided", "sending", "failed", "completed"]
LEFT = """
SELECT jsonb_build_object(
    'job', (SELECT to_jsonb(j) - '{id,xact,created_at,finished_at,wake_at,announcements,unannounced}'::text[]
                - '{processed_at,scheduled_for}'::text[]
            || jsonb_build_object('ended', finished_at IS NOT NULL, 'waits', wake_at IS NOT NULL)
            FROM hermodr.jobs j WHERE id = $1),
    'deliveries', (SELECT jsonb_agg(jsonb_build_object('state', state, 'ended', finished_at IS NOT NULL,
            'waits', wake_at IS NOT NULL, 'due', due_at IS NOT NULL)) FROM hermodr.deliveries WHERE job_id = $1),
    'events', (SELECT jsonb_agg(jsonb_build_array(kind, detail - 'ended_at' - 'by') ORDER BY seq) FROM hermodr.events
               WHERE job_id = $1),
    'keys', (SELECT count(*) FROM hermodr.singletons WHERE job_id = $1),
    'audit', (SELECT jsonb_agg(jsonb_build_array(action, detail) ORDER BY at) FROM hermodr.audit_log
              WHERE subject = $1::text)
)::text AS left
"""


async def at_stage(ledger: Ledger, producer: Psql, house: House, stage: str) -> UUID:
    changes = {"delay_minutes": "60"} if stage == "scheduled" else {}
    job_id = UUID(producer.one(house.enqueue(person="bob", **changes)))
    if stage in ("queued", "scheduled"):
        return job_id
    (made,) = (await record_decisions(ledger, await ledgers.decisions_of(ledger, [job_id]))).values()
    if stage == "decided":
        return job_id
    (claimed,) = await claim(ledger, made, owner="me", lease_seconds=60)
    if stage != "sending":
        outcome, state = {
            "failed": (Outcome.PERMANENT, DeliveryState.FAILED),
            "completed": (Outcome.SENT, DeliveryState.SENT),
        }[stage]
        await record(ledger, [(ledgers.attempt(claimed.id, 1, outcome), Settlement(state))])
    return job_id


async def left(ledger: Ledger, job_id: UUID) -> str:
    (found,) = await ledger.fetch(LEFT, job_id)
    return str(found["left"])


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("again", [False, True])
async def test_sql_does_what_the_api_does(
    producer: Psql, house: House, database_url: str, stage: str, again: bool
) -> None:
    async with ledgers.opened(database_url) as ledger:
        by_api, by_sql = [await at_stage(ledger, producer, house, stage) for _ in range(2)]
        project = house.ids["shop"]["project"]
        status = "queued" if again else "cancelled"
        if again:
            async with ledger.transaction() as transaction:
                (verdict,) = await requeueing.requeue(transaction, project, [by_api], by="key")
                done = isinstance(verdict, requeueing.Requeued)
                if done:
                    await audit.record(transaction, project, audit.CLI, "job.retry", by_api)
        else:
            done = isinstance(
                await cancelling.cancel(ledger, project, by_api, audit.CLI), cancelling.Cancelled
            )
        answer = producer.one(f"SELECT hermodr.update_notification_status('{by_sql}', '{status}')")
        assert (answer == "t") is done
        assert await left(ledger, by_sql) == await left(ledger, by_api)


async def test_what_was_cancelled_waits_again_and_is_announced_at_once(
    operator: Psql, producer: Psql, house: House, admin: Psql, database_url: str
) -> None:
    job_id = producer.one(house.enqueue())
    change = f"SELECT hermodr.update_notification_status('{job_id}', '{{}}', 'paid already')"
    assert operator.one(change.format("cancelled")) == "t"
    assert operator.one(change.format("cancelled")) == "f"
    assert operator.one(change.format("queued")) == "t"
    assert operator.one(change.format("queued")) == "f"
    assert admin.ask(
        f"SELECT kind, detail->>'by', detail->>'reason' FROM hermodr.events WHERE job_id = '{job_id}' ORDER BY seq"
    ) == [["cancel_requested", "sql", "paid already"], ["retry_requested", "sql", "paid already"]]
    who = admin.ask(
        f"SELECT actor, actor_id, action FROM hermodr.audit_log WHERE subject = '{job_id}' ORDER BY id"
    )
    role = operator.one("SELECT session_user")
    assert who == [["sql", role, "job.cancel"], ["sql", role, "job.retry"]]
    async with ledgers.opened(database_url) as ledger:
        due = {each.id: each.requested for each in await take_due_jobs(ledger, 1000)}
        assert due[UUID(job_id)] is True


def test_a_singleton_key_goes_to_one_job(producer: Psql, house: House) -> None:
    shop = "SET hermodr.project = 'shop'"
    call = "SELECT hermodr.enqueue_task('rebuild', singleton_key => 'again')"
    change = "SELECT hermodr.update_notification_status('{}', '{}')"
    first = producer.one(shop, call)
    assert producer.one(change.format(first, "cancelled")) == "t"
    second = producer.one(shop, call)
    assert producer.one(change.format(first, "queued")) == "f"
    assert producer.one(change.format(second, "cancelled")) == "t"
    assert producer.one(change.format(first, "queued")) == "t"
    with pytest.raises(Refused, match="singleton_key: job"):
        producer.ask(shop, call)


def test_a_bad_argument_is_named_and_others_jobs_are_not_there(
    producer: Psql, reader: Psql, house: House
) -> None:
    job_id = producer.one(house.enqueue("bank"))
    for arguments, says in (
        ("NULL, 'cancelled'", "p_id: is missing"),
        (f"'{job_id}', NULL", "p_status: NULL is neither cancelled nor queued"),
        (f"'{job_id}', 'sent'", "p_status: 'sent' is neither cancelled nor queued"),
        (f"'{job_id}', 'cancelled', repeat('x', 501)", "p_error: has more than 500 characters"),
    ):
        with pytest.raises(Refused, match=says):
            producer.ask(f"SELECT hermodr.update_notification_status({arguments})")
    change = f"SELECT hermodr.update_notification_status('{job_id}', 'cancelled')"
    assert producer.one("SELECT hermodr.update_notification_status(gen_random_uuid(), 'cancelled')") == "f"
    assert producer.one("SET hermodr.project = 'shop'", change) == "f"
    with pytest.raises(Refused, match="permission denied"):
        reader.ask("SET hermodr.user_id = 'ada'", change)
    assert producer.one("SET hermodr.project = 'bank'", change) == "t"


async def test_what_waits_and_is_due_is_listed(
    operator: Psql, reader: Psql, producer: Psql, house: House, admin: Psql, database_url: str
) -> None:
    admin.ask("DELETE FROM hermodr.jobs", "DELETE FROM hermodr.job_standings")
    async with ledgers.opened(database_url) as ledger:
        normal = producer.one(house.enqueue())
        urgent = producer.one(house.enqueue(urgency="'urgent'", person="bob"))
        for stage in ("scheduled", "decided", "sending", "failed", "completed"):
            await at_stage(ledger, producer, house, stage)
        due = producer.one(house.enqueue(delay_minutes="1"))
        retrying = await at_stage(ledger, producer, house, "decided")
    admin.ask(
        f"UPDATE hermodr.deliveries SET state = 'retrying', due_at = now() WHERE job_id = '{retrying}'",
        f"UPDATE hermodr.jobs SET state = 'retrying' WHERE id = '{retrying}'",
    )
    admin.ask(f"UPDATE hermodr.jobs SET wake_at = now(), scheduled_for = now() WHERE id = '{due}'")
    listed = "SELECT id FROM hermodr.get_queued_notifications()"
    assert [each for (each,) in operator.ask(listed)] == [urgent, normal, due, str(retrying)]
    assert operator.ask("SELECT id FROM hermodr.get_queued_notifications(1)") == [[urgent]]
    assert operator.ask(
        "SELECT type, recipient_email, payload->>'subject', status, urgency FROM hermodr.get_queued_notifications()"
        f" WHERE id = '{normal}'"
    ) == [["immediate", "ada@example.com", "Hello", "queued", "normal"]]
    assert reader.ask(listed) == []
    assert reader.ask("SET hermodr.user_id = 'ada'", listed) == [[normal], [due]]
    for bad in ("0", "1001", "NULL"):
        with pytest.raises(Refused, match="p_limit: must be within 1 and 1000"):
            operator.ask(f"SELECT * FROM hermodr.get_queued_notifications({bad})")
    with pytest.raises(Refused, match="permission denied"):
        producer.ask(listed)
