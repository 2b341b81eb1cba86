"""Every exchange, queue and binding, defined once (DESIGN §4). Nobody else spells a queue's name.

    api, scheduler ──▶ jobs ──▶ jobs.{urgent,normal,low} ──▶ dispatcher
    dispatcher, scheduler ──▶ deliveries ──▶ email.{urgent,normal,low} ──▶ email-sender
    email-sender ──▶ retry ──▶ email.retry.10s ──(TTL)──▶ deliveries          the ladder
    any work queue ──(rejected)──▶ dead ──▶ jobs.dead, email.dead ──▶ scheduler ──▶ table dead_letters
    whoever recorded it ──▶ events (topic) ──▶ whoever listens

A retry keeps its lane: it travels as `email.normal.10s`, waits in the queue of its step, and the queue's dead-lettering
returns it under the same key to the work exchange, where `email.normal.#` leads to the lane's queue again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from faststream.rabbit import ExchangeType, QueueType, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QuorumQueueArgs

from hermodr_contracts.messages import (
    CancelRequested,
    DeliveriesChanged,
    JobsChanged,
    JobsRequested,
    Message,
    NotificationCreated,
    RunTasks,
    SendEmails,
    SendSms,
    SendWebhooks,
    TaskProgressed,
)
from hermodr_contracts.vocabulary import Channel, Priority

LANES = tuple(priority.lane for priority in Priority)
DEFAULT_LADDER = "10s,60s,5m,20m,1h,4h,12h"
"""Email's. RFC 5321 §4.5.4.1 wants attempts for days, sparser after the first hours; this one ends after 17 hours."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_STEP = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
_LONGEST_STEP_SECONDS = 40 * 24 * 3600.0
"""RabbitMQ takes no TTL of 2**32 ms, some 49 days, or more."""


@dataclass(frozen=True)
class Step:
    """One rung of the retry ladder; `label` is its spelling in settings and queue names, such as `10s`."""

    label: str
    delay: timedelta


def parse_ladder(text: str) -> tuple[Step, ...]:
    """`"10s,60s,5m"` → its steps. Empty text is a ladder of no retries. Raises `ValueError` naming the bad step."""
    steps = []
    for label in filter(None, (part.strip() for part in text.split(","))):
        match = _STEP.fullmatch(label)
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0.0
        if not 0 < seconds <= _LONGEST_STEP_SECONDS:
            raise ValueError(
                f"{label[:40]!r} is not a delay such as 500ms, 10s, 5m or 1h, of 40 days at most"
            )
        steps.append(Step(label, timedelta(seconds=seconds)))
    if len({step.label for step in steps}) != len(steps):
        raise ValueError("a step stands twice; each delay has one queue")
    return tuple(steps)


@dataclass(frozen=True)
class Binding:
    """Messages of `exchange` whose key matches `routing_key` reach the queue it belongs to."""

    exchange: RabbitExchange
    routing_key: str


@dataclass(frozen=True)
class QueueSpec:
    """A queue, what leads to it and which service reads it (`None`: the broker itself, by dead-lettering)."""

    label: str
    queue: RabbitQueue
    bindings: tuple[Binding, ...]
    consumer: str | None


@dataclass(frozen=True)
class Flow:
    """Who sends a message type and who acts on it: the table of DESIGN §4."""

    message: type[Message]
    publishers: tuple[str, ...]
    consumers: tuple[str, ...]


FLOWS = (
    Flow(JobsRequested, ("api", "scheduler"), ("dispatcher",)),
    Flow(SendEmails, ("dispatcher", "scheduler", "email-sender"), ("email-sender",)),
    Flow(SendSms, ("dispatcher", "scheduler", "sms-sender"), ("sms-sender",)),
    Flow(SendWebhooks, ("dispatcher", "scheduler", "webhook-sender"), ("webhook-sender",)),
    Flow(RunTasks, ("dispatcher",), ("worker",)),
    Flow(CancelRequested, ("api",), ("worker",)),
    Flow(DeliveriesChanged, ("email-sender",), ("webhook-sender",)),
    Flow(JobsChanged, ("email-sender",), ("webhook-sender",)),
    Flow(TaskProgressed, ("worker",), ("webhook-sender",)),
    Flow(NotificationCreated, ("dispatcher",), ("webhook-sender",)),
)

PLANNED_SERVICES = frozenset({"sms-sender", "webhook-sender", "worker"})
"""Services of DESIGN §3 that later issues build. Their queues are not declared, lest messages pile up unread."""

SENDERS: dict[Channel, tuple[str, type[Message]]] = {Channel.EMAIL: ("email-sender", SendEmails)}
"""The channels that can be delivered to, with the service that reads their queues and the command it obeys."""

NEEDED_SERVICES = ("api", "dispatcher", "scheduler", *(service for service, _ in SENDERS.values()))
"""Without one of these alive something that was accepted waits."""


@dataclass(frozen=True)
class Topology:
    """All names of one installation. `prefix` lets several share a broker; `ladder` is its retry ladder."""

    prefix: str = "hermodr"
    ladder: Sequence[Step] = field(default_factory=lambda: parse_ladder(DEFAULT_LADDER))

    def _exchange(self, name: str) -> RabbitExchange:
        return RabbitExchange(f"{self.prefix}.{name}", type=ExchangeType.TOPIC, durable=True)

    @cached_property
    def jobs(self) -> RabbitExchange:
        """Carries `JobsRequested`, keyed `jobs.<lane>`."""
        return self._exchange("jobs")

    @cached_property
    def deliveries(self) -> RabbitExchange:
        """Carries what senders obey, keyed `<channel>.<lane>`."""
        return self._exchange("deliveries")

    @cached_property
    def retry(self) -> RabbitExchange:
        """Carries the same, keyed `<channel>.<lane>.<step>`, to the queue where it waits out the step."""
        return self._exchange("retry")

    @cached_property
    def dead(self) -> RabbitExchange:
        """Carries what could not be read or handled, keyed by the label of its dead queue."""
        return self._exchange("dead")

    @cached_property
    def events(self) -> RabbitExchange:
        """Carries events to whoever binds a queue, keyed by message type."""
        return self._exchange("events")

    @property
    def exchanges(self) -> tuple[RabbitExchange, ...]:
        """All of them, in an order in which they can be declared."""
        return (self.jobs, self.deliveries, self.retry, self.dead, self.events)

    def _queue(self, label: str, arguments: QuorumQueueArgs) -> RabbitQueue:
        return RabbitQueue(
            f"{self.prefix}.{label}", queue_type=QueueType.QUORUM, durable=True, arguments=arguments
        )

    def _work(self, family: str, lane: str, exchange: RabbitExchange, consumer: str) -> QueueSpec:
        label = f"{family}.{lane}"
        arguments: QuorumQueueArgs = {
            "x-dead-letter-exchange": self.dead.name,
            "x-dead-letter-routing-key": f"{family}.dead",
        }
        return QueueSpec(label, self._queue(label, arguments), (Binding(exchange, f"{label}.#"),), consumer)

    def _wait(self, family: str, step: Step) -> QueueSpec:
        label = f"{family}.retry.{step.label}"
        arguments: QuorumQueueArgs = {
            "x-message-ttl": int(step.delay.total_seconds() * 1000),
            "x-dead-letter-exchange": self.deliveries.name,
        }
        key = f"{family}.*.{step.label}"
        return QueueSpec(label, self._queue(label, arguments), (Binding(self.retry, key),), None)

    def _morgue(self, family: str) -> QueueSpec:
        label = f"{family}.dead"
        return QueueSpec(label, self._queue(label, {}), (Binding(self.dead, label),), "scheduler")

    @cached_property
    def queues(self) -> tuple[QueueSpec, ...]:
        """Every queue, each lane of each family before its waiting and dead queues."""
        specs = [self.job_queue(priority) for priority in Priority]
        specs.append(self._morgue("jobs"))
        for channel in SENDERS:
            specs += [self.send_queue(channel, priority) for priority in Priority]
            specs += [self._wait(channel.value, step) for step in self.ladder]
            specs.append(self._morgue(channel.value))
        return tuple(specs)

    def job_queue(self, priority: Priority) -> QueueSpec:
        """The dispatcher's queue of a lane."""
        return self._work("jobs", priority.lane, self.jobs, "dispatcher")

    def send_queue(self, channel: Channel, priority: Priority) -> QueueSpec:
        """A sender's queue of a lane. Raises `KeyError` for a channel without a sender."""
        return self._work(channel.value, priority.lane, self.deliveries, SENDERS[channel][0])

    def dead_queues(self) -> tuple[QueueSpec, ...]:
        """The queues whose messages become rows of `dead_letters`."""
        return tuple(spec for spec in self.queues if spec.consumer == "scheduler")

    @staticmethod
    def job_key(priority: Priority) -> str:
        """The routing key of `JobsRequested`."""
        return f"jobs.{priority.lane}"

    @staticmethod
    def send_key(channel: Channel, priority: Priority, step: Step | None = None) -> str:
        """The routing key of a send command; with `step`, the one for the retry exchange."""
        key = f"{channel.value}.{priority.lane}"
        return f"{key}.{step.label}" if step else key
