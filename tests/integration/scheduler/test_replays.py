from collections.abc import AsyncIterator
from functools import partial

import aio_pika
import pytest

from hermodr_contracts.topology import Topology
from hermodr_ledger.dead_letters import lookup, replaying
from hermodr_ledger.dead_letters.burying import DeadMessage, bury, bury_job
from hermodr_ledger.dead_letters.lookup import DeadLetterSearch, Sight
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.engine.paging import Page
from hermodr_scheduler.duties.replays import Replays
from hermodr_scheduler.handlers import subscribe
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.periodic import running
from tests.support.brokers import Broker as Place
from tests.support.ledgers import emptied, new_jobs, opened, row_of, rows_of
from tests.support.waiting import wait_until


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@pytest.fixture
async def bell(broker: Place) -> Broker:
    return Broker(broker.amqp_url, Topology(broker.prefix), "scheduler")


async def plan_all(ledger: Ledger) -> int:
    sight = Sight(new_id(), raw=True)
    async with ledger.transaction() as transaction:
        planned = await replaying.plan(transaction, sight, DeadLetterSearch(), rate=1000, by="test")
    return planned.planned


async def test_a_raw_message_goes_back_to_its_queue_as_it_was_and_dies_anew(
    ledger: Ledger, bell: Broker, broker: Place
) -> None:
    bell.include(partial(subscribe, topology=bell.topology, ledger=ledger))
    queue = bell.topology.queues[0].queue.name
    async with running(bell.run()):
        assert await wait_until(lambda: bell.connected)
        connection = await aio_pika.connect(broker.amqp_url)
        async with connection, connection.channel() as channel:
            sent = aio_pika.Message(b"\x00no JSON\xff", type="JobsRequested", headers={"x-note": "mine"})
            await channel.default_exchange.publish(sent, queue)
            found = await channel.get_queue(queue, ensure=False)
            await (await found.get(timeout=5)).reject(requeue=False)  # as the dispatcher would
            found_first: list[Row] = await wait_until(lambda: rows_of(ledger, "dead_letters"))
            (first,) = found_first
            replays = Replays(ledger, bell, Announcer(bell))
            assert await plan_all(ledger) == 1
            await replays.tick()
            again = await found.get(timeout=5)
            assert (again.body, again.type) == (sent.body, "JobsRequested")
            assert again.headers == {
                "x-note": "mine",
                "x-delivery-count": 0,
            }  # the queue's own count, begun anew
            assert (await row_of(ledger, "dead_letters", first["id"]))["replayed_at"] is not None
            await replays.tick()
            assert await found.get(fail=False) is None
            await again.reject(requeue=False)

            async def letters_stored() -> list[Row]:
                rows = await rows_of(ledger, "dead_letters")
                return rows if len(rows) == 2 else []

            both: list[Row] = await wait_until(letters_stored)
            assert both[0]["body"] == both[1]["body"]


async def test_a_message_of_no_known_queue_stays_a_letter(ledger: Ledger, bell: Broker) -> None:
    headers = {"x-death": [{"queue": "somebody.elses"}]}
    await bury(ledger, DeadMessage("by hand", "jobs.dead", "put here by hand", None, b"", headers))
    assert await plan_all(ledger) == 1
    async with running(bell.run()):
        assert await wait_until(lambda: bell.connected)
        await Replays(ledger, bell, Announcer(bell)).tick()
    (letter,) = await rows_of(ledger, "dead_letters")
    assert (letter["replay_at"], letter["replayed_at"]) == (None, None)


async def test_with_the_broker_away_nothing_is_taken(ledger: Ledger, bell: Broker) -> None:
    await bury(ledger, DeadMessage("x", "jobs.dead", "undecodable", None, b"", {}))
    await plan_all(ledger)
    await Replays(ledger, bell, Announcer(bell)).tick()
    assert [each.id for each in await replaying.take_due(ledger, 10)] != []


async def test_a_jobs_letter_is_requeued_announced_and_waits_while_its_job_is_under_way(
    ledger: Ledger, bell: Broker
) -> None:
    ids = await new_jobs(ledger, 2)
    project_id = (await row_of(ledger, "jobs", ids[0]))["project_id"]
    for job_id in ids:
        assert await bury_job(ledger, job_id, "undecidable: ValueError")
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'processing', finished_at = NULL WHERE id = $1", ids[1]
    )
    async with ledger.transaction() as transaction:
        await replaying.plan(
            transaction, Sight(project_id, raw=False), DeadLetterSearch(), rate=1000, by="test"
        )

    async def due() -> bool:
        return ((await replaying.seconds_until_due(ledger)) or -1) < 0

    arrived: bool = await wait_until(due)
    assert arrived
    async with running(bell.run()):
        assert await wait_until(lambda: bell.connected)
        announcer = Announcer(bell)
        replays = Replays(ledger, bell, announcer)

        async def requeued() -> bool:
            await replays.tick()
            return bool((await row_of(ledger, "jobs", ids[0]))["state"] == "queued")

        again: bool = await wait_until(requeued)
        assert again
        await announcer.drain()
        assert (await bell.queue_sizes())["jobs.normal"][0] == 1
    found = {
        each.job_id: each
        for each in await lookup.page(ledger, Sight(project_id, raw=False), DeadLetterSearch(), Page(10))
    }
    assert found[ids[0]].replayed_at is not None
    assert found[ids[1]].replayed_at is None
    assert found[ids[1]].replay_at is not None
