"""Faults of queues under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import aio_pika.abc
import pytest

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER
from tests.support.installation import Installation
from tests.support.load import Load, reached, under
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAILS = 600
COPY = "x-copy"
PUBLISHERS = ("api", "dispatcher", "scheduler", "email-sender")
UNROUTED = "announcement failed; the scheduler will repeat it"


@asynccontextmanager
async def channel_to(installation: Installation) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    connection = await aio_pika.connect(installation.amqp_url, timeout=10)
    async with connection, connection.channel() as channel:
        yield channel


def names(installation: Installation) -> list[str]:
    return [spec.queue.name for spec in installation.topology.queues]


async def everyone_needs_two_attempts(installation: Installation, domain: str) -> None:
    """So that the ladder's queues are full as well."""
    await installation.fault(
        stage="rcpt",
        action={"kind": "reply", "code": 451},
        first_per_address=1,
        recipient=f"*@{domain}.example.org",
    )


async def test_every_queue_purged_under_load(installation: Installation) -> None:
    await everyone_needs_two_attempts(installation, "purged")
    purged = 0
    async with channel_to(installation) as channel, under(Load(installation, "purged"), MAILS, 400) as load:
        for moment in range(100, MAILS, 100):
            await reached(load, moment)
            for name in names(installation):
                queue = await channel.get_queue(name, ensure=False)
                purged += (await queue.purge()).message_count or 0
    print(f"{purged} messages purged")
    assert purged > 0
    await installation.sound()
    await installation.clear_faults()


async def test_every_queue_deleted_under_load(installation: Installation) -> None:
    await everyone_needs_two_attempts(installation, "deleted")
    async with under(Load(installation, "deleted"), MAILS, 400) as load:
        for moment in (200, 450):
            await reached(load, moment)
            async with channel_to(installation) as channel:
                for name in names(installation):
                    await channel.queue_delete(name)
    await installation.sound()
    await installation.clear_faults()
    async with channel_to(installation) as channel:
        for name in names(installation):
            await channel.get_queue(name)  # raises if it is not there


async def test_messages_that_no_queue_takes(installation: Installation) -> None:
    """The work queues lose their bindings while the messages for them are being published."""
    before = sum(installation.logged(name, UNROUTED) for name in PUBLISHERS)
    async with under(Load(installation, "unbound"), MAILS, 400) as load:
        for moment in (200, 450):
            await reached(load, moment)
            async with channel_to(installation) as channel:
                for spec in installation.topology.queues:
                    queue = await channel.get_queue(spec.queue.name)
                    for binding in spec.bindings:
                        await queue.unbind(binding.exchange.name, binding.routing_key)
    await installation.sound()
    assert sum(installation.logged(name, UNROUTED) for name in PUBLISHERS) > before


async def test_every_message_published_three_times(installation: Installation) -> None:
    """Whatever goes through the exchanges comes twice more, with the same body and another message id."""
    copied = 0
    topology = installation.topology

    async with channel_to(installation) as channel:
        await channel.set_qos(prefetch_count=100)
        echo = await channel.declare_queue(exclusive=True, auto_delete=True)
        for exchange in (topology.jobs, topology.deliveries, topology.retry):
            await echo.bind(exchange.name, "#")

        async def twice_more(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            nonlocal copied
            async with message.process():
                if COPY in message.headers:
                    return
                exchange = await channel.get_exchange(message.exchange or "", ensure=False)
                for number in (1, 2):
                    again = aio_pika.Message(
                        message.body,
                        type=message.type,
                        headers={SCHEMA_VERSION_HEADER: message.headers[SCHEMA_VERSION_HEADER], COPY: number},
                        message_id=f"{message.message_id}-{number}",
                        delivery_mode=2,
                    )
                    await exchange.publish(again, message.routing_key or "")
                    copied += 1

        await echo.consume(twice_more)
        await everyone_needs_two_attempts(installation, "thrice")
        async with under(Load(installation, "thrice"), MAILS, 400):
            await wait_until(lambda: copied > 0, 20, "the first copy")
        facts = await installation.sound()
    await installation.clear_faults()
    print(f"{copied} copies published")
    mine = {address: jobs for address, jobs in facts.arrivals.items() if "@thrice." in address}
    assert len(mine) == MAILS
    assert all(len(jobs) == 1 for jobs in mine.values())
    assert await installation.unknown_attempts("@thrice.") == 0


async def test_two_consumers_of_one_queue_do_not_meet(installation: Installation) -> None:
    """The same ids published straight to the work queue, many times at once."""
    load = Load(installation, "stampede")
    await installation.fault(
        stage="after_data", action={"kind": "delay", "seconds": 0.2}, recipient="*@stampede.*"
    )
    jobs = [job for job in await asyncio.gather(*(load.single() for _ in range(20))) if job]
    async with channel_to(installation) as channel:
        body = b'{"job_ids":[' + b",".join(b'"%s"' % job.encode() for job in jobs) + b"]}"
        for _ in range(30):
            message = aio_pika.Message(body, type="JobsRequested", headers={SCHEMA_VERSION_HEADER: 1})
            exchange = await channel.get_exchange(installation.topology.jobs.name, ensure=False)
            await exchange.publish(message, "jobs.normal")
    facts = await installation.sound()
    await installation.clear_faults()
    assert sum(len(jobs) for address, jobs in facts.arrivals.items() if "@stampede." in address) == 20
