"""The topology as rules: every queue is read, every message is sent and heard, every key finds its one queue."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from faststream.rabbit import RabbitRouter
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.channels import CHANNELS, servable
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.topology import FLOWS, LANES, PLANNED_SERVICES, QueueSpec, Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.sender import Lane
from hermodr_dispatcher import handlers as dispatcher
from hermodr_email_sender import handlers as email_sender
from hermodr_scheduler import handlers as scheduler
from hermodr_sms_sender import handlers as sms_sender
from hermodr_webhook_sender import handlers as webhook_sender

ROOT = Path(__file__).parents[2]
DESIGNED = {
    "api",
    "dispatcher",
    "scheduler",
    "email-sender",
    "sms-sender",
    "webhook-sender",
    "worker",
    "sandbox",
}
BUILT = {path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml")}


_SENDERS = {
    Channel.EMAIL: email_sender,
    Channel.SMS: sms_sender,
    Channel.WHATSAPP: sms_sender,
    Channel.WEBHOOK: webhook_sender,
}


def subscriptions(topology: Topology) -> dict[str, list[str]]:
    """What each built service reads, from the functions its `app` calls."""
    anything: Any = None
    names = ("dispatcher", "email-sender", "scheduler", "sms-sender", "webhook-sender")
    routers = {name: RabbitRouter() for name in names}
    dispatcher.subscribe(routers["dispatcher"], topology, anything, prefetch=1)
    for priority in Priority:
        for channel, sender in _SENDERS.items():
            lane = Lane(topology.send_queue(channel, priority), anything, 1)
            sender.subscribe(routers[topology.channels[channel].service], lane)
    scheduler.subscribe(routers["scheduler"], topology, anything)
    return {name: sorted(map(label_of, router.subscribers)) for name, router in routers.items()}


def label_of(subscriber: Any) -> str:
    """Of the queue it reads. It answers nobody, and knows how much it holds at once."""
    assert subscriber._no_reply
    assert subscriber.channel.prefetch_count > 0
    return str(subscriber.queue.name).partition(".")[2]


def test_every_queue_is_read_by_exactly_the_service_it_names() -> None:
    topology = Topology(channels=servable())
    named: dict[str, list[str]] = {}
    for spec in topology.queues:
        if spec.consumer is not None:
            named.setdefault(spec.consumer, []).append(spec.label)
    assert subscriptions(topology) == {name: sorted(labels) for name, labels in named.items()}


def test_a_queue_nobody_reads_empties_itself_and_no_other_does() -> None:
    for spec in Topology().queues:
        arguments = dict(spec.queue.arguments or {})
        assert ("x-message-ttl" in arguments) is (spec.consumer is None), spec.label


def test_planned_services_are_those_of_the_design_that_are_not_there() -> None:
    assert PLANNED_SERVICES == DESIGNED - BUILT
    for channel, spec in CHANNELS.items():
        assert spec.service in (BUILT if spec.has_sender else DESIGNED), channel


def test_the_registry_has_every_channel_and_what_it_sends_is_read_by_its_service() -> None:
    assert set(CHANNELS) == set(Channel)
    readers = {flow.message: flow.consumers for flow in FLOWS}
    for channel, spec in CHANNELS.items():
        assert spec.channel is channel
        if spec.command is not None:
            assert readers[spec.command] == (spec.service,)


def test_an_installation_declares_queues_and_needs_services_for_its_channels_alone() -> None:
    everything = replace(Topology(), channels=CHANNELS)
    assert everything.services == (
        "api",
        "dispatcher",
        "scheduler",
        "webhook-sender",
        "email-sender",
        "sms-sender",
    )
    assert families(everything) == {"jobs", "email", "sms", "whatsapp", "webhook"}
    mail = Topology(channels={Channel.EMAIL: CHANNELS[Channel.EMAIL]})
    assert mail.services == ("api", "dispatcher", "scheduler", "webhook-sender", "email-sender")
    assert families(mail) == {"jobs", "email"}
    texts = [each.label for each in everything.queues if each.label.startswith("sms.")]
    lanes = ["sms.urgent", "sms.normal", "sms.low"]
    assert texts == [*lanes, "sms.retry.10s", "sms.retry.60s", "sms.retry.5m", "sms.dead"]


def families(topology: Topology) -> set[str]:
    return {each.label.split(".")[0] for each in topology.queues}


def matches(pattern: str, key: str) -> bool:
    """AMQP's topic rule: `*` is one word, `#` any number of words."""

    def walk(patterns: list[str], words: list[str]) -> bool:
        if not patterns:
            return not words
        head, rest = patterns[0], patterns[1:]
        if head == "#":
            return any(walk(rest, words[count:]) for count in range(len(words) + 1))
        return bool(words) and head in ("*", words[0]) and walk(rest, words[1:])

    return walk(pattern.split("."), key.split("."))


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("a.*", "a", False),
        ("a.*.c", "a.b.c", True),
        ("a.#.c", "a.c", True),
        ("a.b", "a.b.c", False),
    ],
)
def test_the_matcher_itself(pattern: str, key: str, expected: bool) -> None:
    assert matches(pattern, key) is expected


def reached(topology: Topology, exchange: str, key: str) -> list[QueueSpec]:
    return [
        spec
        for spec in topology.queues
        for binding in spec.bindings
        if binding.exchange.name == exchange and matches(binding.routing_key, key)
    ]


def all_laddered(ladder: str) -> Topology:
    """Every channel is served, with this ladder."""
    steps = parse_ladder(ladder)
    return Topology(channels={channel: replace(spec, ladder=steps) for channel, spec in CHANNELS.items()})


LADDERS = st.lists(
    st.sampled_from(("300ms", "1s", "10s", "60s", "1m", "5m", "1h")), unique=True, max_size=5
).map(lambda labels: all_laddered(",".join(labels)))
DEFAULT = Topology()


def queued(topology: Topology) -> list[Channel]:
    return [channel for channel, spec in topology.channels.items() if spec.command is not None]


@given(LADDERS)
def test_every_key_reaches_the_one_queue_of_its_lane(topology: Topology) -> None:
    for priority in Priority:
        assert reached(topology, topology.jobs.name, topology.job_key(priority)) == [
            topology.job_queue(priority)
        ]
        for channel in queued(topology):
            found = reached(topology, topology.deliveries.name, topology.send_key(channel, priority))
            assert found == [topology.send_queue(channel, priority)]


@given(LADDERS)
def test_a_retry_waits_in_the_queue_of_its_step_and_comes_back_to_its_lane(topology: Topology) -> None:
    for channel in queued(topology):
        for priority in Priority:
            for step in topology.ladder(channel):
                key = topology.send_key(channel, priority, step)
                (waiting,) = reached(topology, topology.retry.name, key)
                arguments = dict(waiting.queue.arguments or {})
                assert timedelta(milliseconds=arguments["x-message-ttl"]) == step.delay
                assert "x-dead-letter-routing-key" not in arguments  # else it would forget its lane
                back = reached(topology, arguments["x-dead-letter-exchange"], key)
                assert back == [topology.send_queue(channel, priority)]


def test_what_is_rejected_reaches_the_dead_queue_of_its_family() -> None:
    for spec in DEFAULT.queues:
        arguments = dict(spec.queue.arguments or {})
        if spec.consumer in (None, "scheduler"):
            assert "x-dead-letter-routing-key" not in arguments
            continue
        exchange, key = arguments["x-dead-letter-exchange"], arguments["x-dead-letter-routing-key"]
        assert [each.label for each in reached(DEFAULT, exchange, key)] == [
            spec.label.split(".")[0] + ".dead"
        ]


def test_names_are_unique_and_all_carry_the_prefix() -> None:
    one, other = Topology(prefix="one"), Topology(prefix="other.place")
    for topology in (one, other):
        names = [each.queue.name for each in topology.queues] + [each.name for each in topology.exchanges]
        assert len(set(names)) == len(names)
        assert all(name.startswith(topology.prefix + ".") for name in names)
        assert all(
            str(value).startswith(topology.prefix + ".")
            for spec in topology.queues
            for key, value in dict(spec.queue.arguments or {}).items()
            if key == "x-dead-letter-exchange"
        )
    assert not {each.queue.name for each in one.queues} & {each.queue.name for each in other.queues}


def test_a_changed_ladder_makes_other_queues_rather_than_other_arguments() -> None:
    seen: dict[str, dict[str, Any]] = {}
    for ladder in ("10s,60s,5m", "10s,1m", "300ms", ""):
        for spec in all_laddered(ladder).queues:
            arguments = dict(spec.queue.arguments or {})
            assert seen.setdefault(spec.queue.name, arguments) == arguments


def test_a_channel_that_is_not_served_has_no_queue() -> None:
    with pytest.raises(KeyError):
        DEFAULT.send_queue(Channel.SMS, Priority.NORMAL)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from(("ms", "s", "m", "h"))), unique=True, max_size=6)
)
def test_a_ladder_is_read_as_it_is_written(steps: list[tuple[int, str]]) -> None:
    units = {
        "ms": timedelta(milliseconds=1),
        "s": timedelta(seconds=1),
        "m": timedelta(minutes=1),
        "h": timedelta(hours=1),
    }
    ladder = parse_ladder(" , ".join(f"{count}{unit}" for count, unit in steps))
    assert [step.delay for step in ladder] == [count * units[unit] for count, unit in steps]
    assert [step.label for step in ladder] == [f"{count}{unit}" for count, unit in steps]


@pytest.mark.parametrize(
    "text",
    [
        "10",
        "s",
        "0s",
        "-1s",
        "1.5s",
        "10 s",
        "10s;5m",
        "१s",
        "1d",
        "9999999h",
        "9" * 400 + "h",
        "10S",
        "10s\n5m",
    ],
)
def test_a_bad_step_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a delay") as caught:
        parse_ladder(f"10s,{text}")
    assert repr(text[:40]) in str(caught.value)


@given(st.text(alphabet="0123456789msh, .-x", max_size=30))
def test_any_text_is_a_ladder_or_a_value_error(text: str) -> None:
    try:
        ladder = parse_ladder(text)
    except ValueError:
        return
    assert all(timedelta(0) < step.delay < timedelta(milliseconds=2**32) for step in ladder)


def test_a_step_may_stand_only_once() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        parse_ladder("10s,60s,10s")


def test_the_lanes_are_the_priorities() -> None:
    assert LANES == ("urgent", "normal", "low")
    assert [Priority.of_lane(lane) for lane in LANES] == list(Priority)
    with pytest.raises(KeyError):
        Priority.of_lane("asap")
