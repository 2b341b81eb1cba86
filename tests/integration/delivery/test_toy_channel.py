"""The toy channel from registry to provider."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar
from uuid import UUID

import aio_pika
import pytest
from faststream.rabbit import RabbitRouter
from prometheus_client import CollectorRegistry, Counter

from hermodr_contracts.messages import DeliveriesChanged, DeliveryChange, JobChange, JobsChanged, SendSms
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.dsn import Kind, providers_of
from hermodr_delivery.provider import Provider
from hermodr_delivery.sender import Lane, Sender
from hermodr_delivery.settings import SenderSettings
from hermodr_delivery.testing import Answer
from hermodr_dispatcher.app import deciders_of
from hermodr_dispatcher.service import Dispatching
from hermodr_ledger.deliveries.pauses import pause, resume
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.ids import child_id
from hermodr_servicekit.periodic import running
from tests.support.board import Board
from tests.support.brokers import Broker as Place
from tests.support.inboxes import inbox_of
from tests.support.ledgers import accept_one, emptied, new_job, new_jobs, new_project, opened, row_of, rows_of
from tests.support.listening import Handler, listen_to_events
from tests.support.toy_channel import TOY, Note, ToyComposer, ToyProvider
from tests.support.waiting import wait_until

VARIABLE = "HERMODR_TOY_PROVIDERS"
KINDS: dict[str, Kind[Provider[Note]]] = {"toy": Kind("toy", ToyProvider)}


class ToySettings(SenderSettings):
    service: ClassVar[str] = "toy-sender"
    port_offset: ClassVar[int] = 98

    @property
    def topology(self) -> Topology:
        return Topology(self.amqp_prefix, {Channel.SMS: TOY})


def subscribe(router: RabbitRouter, lane: Lane) -> None:
    @router.subscriber(lane.spec.queue, lane.spec.exchange, no_reply=True)
    async def on_send_notes(message: SendSms) -> None:
        await lane.take(message)


class Installation:
    """A dispatcher's use case and a sender, on one ledger and one broker."""

    def __init__(self, sender: Sender[ToySettings]) -> None:
        self.ledger = ledger = sender.ledger
        self.sender = sender
        topology = sender.broker.topology
        self._queue = sender.pumps[Channel.SMS, Priority.NORMAL].queue
        finished = Counter("finished", "…", ("kind", "status"), registry=CollectorRegistry())
        deciders = deciders_of(ledger, topology.channels, sender.announcer, finished)
        self._dispatching = Dispatching(
            ledger,
            sender.announcer,
            deciders,
            inbox_of(ledger, sender.announcer, finished),
            finished=finished,
        )

    async def ask(
        self, text: str, priority: Priority = Priority.NORMAL, *, owner_id: str | None = None
    ) -> UUID:
        """Requests and decides a note; its delivery."""
        job = new_job(
            await new_project(self.ledger),
            content=f'{{"body_text": "{text}"}}',
            channels=("sms",),
            to_email=None,
            to_phone="+15550100",
            priority=priority,
            owner_id=owner_id,
        )
        await accept_one(self.ledger, job)
        await self._dispatching.dispatch(priority, [job.id])
        return child_id(job.id, 1)

    async def crowd(self, number: int) -> None:
        """Requests and decides so many notes of one project."""
        changes = {"channels": ("sms",), "to_email": None, "to_phone": "+15550100"}
        ids = await new_jobs(self.ledger, number, content='{"body_text": "crowd"}', **changes)
        for start in range(0, number, 100):
            await self._dispatching.dispatch(Priority.NORMAL, ids[start : start + 100])

    @property
    def held(self) -> int:
        """Notes that the sender holds unclaimed."""
        return self._queue.waiting

    async def holds(self, number: int) -> None:
        """Waits until it holds so many, sorted by project."""
        await wait_until(lambda: self.held == number and not self._queue.unsorted, timeout=60)

    async def becomes(self, delivery: UUID, state: str) -> None:
        found = ""
        async with asyncio.timeout(30):
            while found != state:
                found = (await row_of(self.ledger, "deliveries", delivery))["state"]
                await asyncio.sleep(0.02)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as opened_ledger:
        await emptied(opened_ledger)
        yield opened_ledger


@pytest.fixture(scope="module")
def place(broker: Place) -> Iterator[Place]:
    """The fixture does not know of the toy's queues."""
    yield broker
    asyncio.run(_take_away(broker))


async def _take_away(place: Place) -> None:
    connection = await aio_pika.connect(place.amqp_url)
    async with connection, connection.channel() as channel:
        for spec in Topology(place.prefix, {Channel.SMS: TOY}).queues:
            await channel.queue_delete(spec.queue.name)


@asynccontextmanager
async def installed(url: str, place: Place, *boards: Board) -> AsyncIterator[Installation]:
    settings = ToySettings(
        database_url=url, amqp_url=place.amqp_url, amqp_prefix=place.prefix, http_port=0, grace_seconds=5
    )
    sender, stop = Sender(settings), asyncio.Event()
    dsns = [f"toy://:secret@127.0.0.1:{board.port}" for board in boards]
    providers = providers_of(VARIABLE, dsns, KINDS)
    for channel in (Channel.SMS, Channel.WHATSAPP):  # the second is not served here, and has no queues
        sender.serve(channel, providers, ToyComposer(), subscribe, variable=VARIABLE, prefetch=20)
    sending = asyncio.create_task(sender.run(stop))
    try:
        await wait_until(lambda: sender.broker.connected, message="connected")
        yield Installation(sender)
    finally:
        stop.set()
        await sending


async def test_notes_of_every_priority_are_pinned(ledger: Ledger, database_url: str, place: Place) -> None:
    async with Board().running() as board, installed(database_url, place, board) as house:
        asked = {priority: await house.ask(f"for {priority.lane}", priority) for priority in Priority}
        for delivery in asked.values():
            await house.becomes(delivery, "sent")
        assert sorted(board.notes) == sorted(
            (str(delivery), "+15550100", f"for {priority.lane}") for priority, delivery in asked.items()
        )
        assert {each["state"] for each in await rows_of(ledger, "jobs")} == {"completed"}
        assert house.sender.registry.get_sample_value(
            "hermodr_deliveries_total", {"channel": "sms", "provider": "toy", "outcome": "sent"}
        ) == len(Priority)


async def test_a_refused_note_comes_back_by_its_channels_ladder_and_goes_to_the_next_provider(
    ledger: Ledger, database_url: str, place: Place
) -> None:
    async with (
        Board().running() as first,
        Board().running() as second,
        installed(database_url, place, first, second) as house,
    ):
        first.answer(Answer.NOT_NOW)
        delivery = await house.ask("again")
        await house.becomes(delivery, "sent")
        assert (first.tried, first.taken, second.taken) == (1, [], [str(delivery)])
        made = await rows_of(ledger, "attempts")
        attempts = sorted((each["number"], each["provider"], each["code"]) for each in made)
        assert attempts == [(1, "toy", "later"), (2, "toy-2", None)]


async def test_an_unknown_outcome_is_held_as_the_registry_says(
    ledger: Ledger, database_url: str, place: Place
) -> None:
    async with Board().running() as board, installed(database_url, place, board) as house:
        board.answer(Answer.DROP_AFTER)
        delivery = await house.ask("once")
        await house.becomes(delivery, "unknown")
        assert board.taken == [str(delivery)]


async def test_a_note_refused_on_every_step_of_the_ladder_becomes_a_dead_letter(
    ledger: Ledger, database_url: str, place: Place
) -> None:
    async with Board().running() as board, installed(database_url, place, board) as house:
        for _ in range(3):
            board.answer(Answer.NOT_NOW)
        delivery = await house.ask("never")
        await house.becomes(delivery, "failed")
        (letter,) = await rows_of(ledger, "dead_letters")
        assert (letter["queue"], letter["delivery_id"], board.tried) == ("sms.dead", delivery, 3)


async def test_what_a_limit_refuses_waits_and_costs_no_attempt(
    ledger: Ledger, database_url: str, place: Place
) -> None:
    async with Board().running() as board, installed(database_url, place, board) as house:
        board.answer(Answer.TOO_MUCH)
        delivery = await house.ask("patience")
        await house.becomes(delivery, "sent")
        (attempt,) = await rows_of(ledger, "attempts")
        assert (attempt["number"], board.tried) == (1, 2)


async def test_one_project_does_not_wait_behind_anothers_crowd(
    ledger: Ledger, database_url: str, place: Place
) -> None:
    """In order of arrival it would be the last of 1,201."""
    async with Board().running() as board, installed(database_url, place, board) as house:
        await pause(ledger, Channel.SMS, None)
        await house.crowd(1_200)
        await house.holds(1_200)
        one = await house.ask("me too")
        await house.holds(1_201)
        await resume(ledger, Channel.SMS)
        await house.becomes(one, "sent")
        await wait_until(lambda: len(board.taken) == 1_201, timeout=60)
        assert board.taken.index(str(one)) <= 2 * board.most_at_once + 2
        assert len(set(board.taken)) == 1_201


async def test_of_two_senders_each_gets_its_share_of_what_one_holds(
    ledger: Ledger, database_url: str, place: Place
) -> None:
    async with Board().running() as board, installed(database_url, place, board) as first:
        await pause(ledger, Channel.SMS, None)
        await first.crowd(3_000)
        await first.holds(3_000)
        async with installed(database_url, place, board) as second:
            await wait_until(lambda: second.held >= 600, timeout=60)  # of what is given back, half
            await wait_until(lambda: first.held + second.held == 3_000, timeout=60)
        await first.holds(3_000)  # what a sender held as it ended comes back at once


async def test_every_api_instance_is_told_of_each_state(
    ledger: Ledger, database_url: str, place: Place
) -> None:
    """By events that carry whose it is, through a queue of its own."""
    async with Board().running() as board, installed(database_url, place, board) as house:
        topology = house.sender.broker.topology
        instances = [Broker(place.amqp_url, topology, "api") for _ in range(2)]
        heard: list[list[JobChange | DeliveryChange]] = [[], []]
        for each, mine in zip(instances, heard, strict=True):
            for event in (JobsChanged, DeliveriesChanged):
                listen_to_events(each, event, taking(mine), prefetch=10)
        async with running(*(each.run() for each in instances)):
            await wait_until(lambda: all(each.connected for each in instances), message="connected")
            delivery = await house.ask("for ann", owner_id="ann")
            await wait_until(lambda: all(len(mine) >= 6 for mine in heard))
        (job,) = await rows_of(ledger, "jobs")
        for mine in heard:
            assert steps(mine) == [
                "job queued",
                "delivery queued",
                "job processing",
                "delivery sending",
                "delivery sent",
                "job completed",
            ]
            assert {(each.job_id, each.project_id, each.owner_id) for each in mine} == {
                (job["id"], job["project_id"], "ann")
            }
            assert {each.delivery_id for each in mine if isinstance(each, DeliveryChange)} == {delivery}


def taking(into: list[JobChange | DeliveryChange]) -> Handler:
    async def take(event: JobsChanged | DeliveriesChanged) -> None:
        into.extend(event.changes)

    return take


def steps(heard: list[JobChange | DeliveryChange]) -> list[str]:
    """What was heard, by the time of the ledger: events of two kinds come side by side."""
    told = [
        (
            each.at,
            isinstance(each, JobChange),
            f"{'job' if isinstance(each, JobChange) else 'delivery'} {each.state}",
        )
        for each in heard
    ]
    return [what for _, _, what in sorted(told)]
