"""Every exchange, queue and binding, defined only here (DESIGN §4).

api, scheduler ──▶ jobs ──▶ jobs.{urgent,normal,low} ──▶ dispatcher
dispatcher, scheduler ──▶ deliveries ──▶ email.{urgent,normal,low} ──▶ email-sender
email-sender ──▶ retry ──▶ email.retry.10s ──(TTL)──▶ deliveries, by the same key `email.normal.10s`
any work queue ──(rejected)──▶ dead ──▶ jobs.dead, email.dead ──▶ scheduler ──▶ table dead_letters
the recording service ──▶ events (topic) ──▶ any listener, by its own queue
dispatcher, scheduler, api ──▶ events ──▶ every worker, by its own queue: tasks wait, a task is to stop
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from uuid import uuid4

from faststream.rabbit import ExchangeType, QueueType, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QuorumQueueArgs

from hermodr_contracts.channels import CHANNELS, Channels, usual
from hermodr_contracts.ladder import Step
from hermodr_contracts.messages import (
    CancelRequested,
    DeliveriesChanged,
    DeliveryCommand,
    InboxChanged,
    JobsChanged,
    JobsRequested,
    Message,
    ProjectsChanged,
    RunTasks,
    SendEmails,
    SendSms,
    SendWebhooks,
    TaskProgressed,
)
from hermodr_contracts.vocabulary import Channel, JobKind, Priority

LANES = tuple(priority.lane for priority in Priority)
MOST_EVENTS = 10_000
"""The most messages that wait for one API instance."""


@dataclass(frozen=True)
class Binding:
    exchange: RabbitExchange
    routing_key: str


@dataclass(frozen=True)
class QueueSpec:
    """A queue, its bindings and the service that reads it (`None`: the broker itself, by dead-lettering)."""

    label: str
    queue: RabbitQueue
    bindings: tuple[Binding, ...]
    consumer: str | None

    @property
    def exchange(self) -> RabbitExchange:
        """Routes new messages here, by the key `queue.routing_key`; further bindings are for retries."""
        return self.bindings[0].exchange


@dataclass(frozen=True)
class Outlet:
    """Where messages of a type are published. `address` is the routing key, with `{lane}` and `{step}` in it."""

    message: type[Message]
    exchange: RabbitExchange
    address: str


@dataclass(frozen=True)
class Flow:
    """The senders and readers of a message type: the table of DESIGN §4."""

    message: type[Message]
    publishers: tuple[str, ...]
    consumers: tuple[str, ...]


_RECORDING = ("api", "dispatcher", "scheduler", "email-sender", "sms-sender", "webhook-sender", "worker")
"""The services that change states."""

FLOWS = (
    Flow(JobsRequested, ("api", "dispatcher", "scheduler"), ("dispatcher",)),
    Flow(SendEmails, ("dispatcher", "scheduler", "email-sender"), ("email-sender",)),
    Flow(SendSms, ("dispatcher", "scheduler", "sms-sender"), ("sms-sender",)),
    Flow(SendWebhooks, ("dispatcher", "scheduler", "webhook-sender"), ("webhook-sender",)),
    Flow(RunTasks, ("dispatcher", "scheduler"), ("worker",)),
    Flow(CancelRequested, ("api", "scheduler"), ("worker",)),
    Flow(DeliveriesChanged, _RECORDING, ("api",)),
    Flow(JobsChanged, _RECORDING, ("api",)),
    Flow(ProjectsChanged, _RECORDING, ("api",)),
    Flow(TaskProgressed, ("worker",), ("api",)),
    Flow(InboxChanged, ("api", "dispatcher"), ("api",)),
)

PLANNED_SERVICES: frozenset[str] = frozenset()
"""Services of DESIGN §3 that do not exist yet. Their queues are not declared, so that messages do not pile up."""

SERVED_KINDS = frozenset(JobKind)
"""Job kinds that are served. Jobs of other kinds wait in the ledger without an announcement."""

_CORE = ("api", "dispatcher", "scheduler", "webhook-sender")


@dataclass(frozen=True)
class Topology:
    """All names of one installation. `prefix` lets installations share a broker; `channels` are those it serves."""

    prefix: str = "hermodr"
    channels: Channels = field(default_factory=usual)

    @cached_property
    def services(self) -> tuple[str, ...]:
        """Services that must be alive for accepted jobs to proceed."""
        return tuple(dict.fromkeys((*_CORE, *(spec.service for spec in self.channels.values()))))

    def ladder(self, channel: Channel) -> tuple[Step, ...]:
        """The retry ladder of a channel; the registry's if the channel is not served."""
        return self.channels.get(channel, CHANNELS[channel]).ladder

    def _exchange(self, name: str) -> RabbitExchange:
        return RabbitExchange(f"{self.prefix}.{name}", type=ExchangeType.TOPIC, durable=True)

    @cached_property
    def jobs(self) -> RabbitExchange:
        """Carries `JobsRequested`, keyed `jobs.<lane>`."""
        return self._exchange("jobs")

    @cached_property
    def deliveries(self) -> RabbitExchange:
        """Carries commands to senders, keyed `<channel>.<lane>`."""
        return self._exchange("deliveries")

    @cached_property
    def retry(self) -> RabbitExchange:
        """Carries the same, keyed `<channel>.<lane>.<step>`, to the wait queue of the step."""
        return self._exchange("retry")

    @cached_property
    def dead(self) -> RabbitExchange:
        """Carries messages that could not be handled, keyed by the label of their dead letter queue."""
        return self._exchange("dead")

    @cached_property
    def events(self) -> RabbitExchange:
        """Carries events, keyed by message type."""
        return self._exchange("events")

    @property
    def exchanges(self) -> tuple[RabbitExchange, ...]:
        return (self.jobs, self.deliveries, self.retry, self.dead, self.events)

    def _queue(self, label: str, key: str, arguments: QuorumQueueArgs) -> RabbitQueue:
        return RabbitQueue(
            f"{self.prefix}.{label}",
            queue_type=QueueType.QUORUM,
            durable=True,
            routing_key=key,
            arguments=arguments,
        )

    def _work(self, label: str, consumer: str, *bindings: Binding) -> QueueSpec:
        arguments: QuorumQueueArgs = {
            "x-dead-letter-exchange": self.dead.name,
            "x-dead-letter-routing-key": f"{label.partition('.')[0]}.dead",
        }
        return QueueSpec(label, self._queue(label, bindings[0].routing_key, arguments), bindings, consumer)

    def _wait(self, family: str, step: Step) -> QueueSpec:
        label = f"{family}.retry.{step.label}"
        arguments: QuorumQueueArgs = {
            "x-message-ttl": int(step.delay.total_seconds() * 1000),
            "x-dead-letter-exchange": self.deliveries.name,
        }
        key = f"{family}.*.{step.label}"
        return QueueSpec(label, self._queue(label, key, arguments), (Binding(self.retry, key),), None)

    def _morgue(self, family: str) -> QueueSpec:
        label = f"{family}.dead"
        return QueueSpec(label, self._queue(label, label, {}), (Binding(self.dead, label),), "scheduler")

    @cached_property
    def queues(self) -> tuple[QueueSpec, ...]:
        """Every queue: work queues before wait and dead letter queues."""
        specs = [self.job_queue(priority) for priority in Priority]
        specs.append(self._morgue("jobs"))
        for channel, spec in self.channels.items():
            if spec.command is not None:
                specs += [self.send_queue(channel, priority) for priority in Priority]
                specs += [self._wait(channel.value, step) for step in spec.ladder]
                specs.append(self._morgue(channel.value))
        return tuple(specs)

    def job_queue(self, priority: Priority) -> QueueSpec:
        key = self.job_key(priority)
        return self._work(key, "dispatcher", Binding(self.jobs, key))

    def send_queue(self, channel: Channel, priority: Priority) -> QueueSpec:
        """Raises `KeyError` for a channel that is not served."""
        key = self.send_key(channel, priority)
        new, again = Binding(self.deliveries, key), Binding(self.deliveries, f"{key}.*")
        return self._work(key, self.channels[channel].service, new, again)

    def event_queue(self, service: str, event: type[Message]) -> QueueSpec:
        """A connection's own queue of events, deleted with it. Drops the oldest event if it is full. Each call gives it
        a new name: the broker keeps that of a lost connection until it notices the loss."""
        label = f"events.{service}"
        queue = RabbitQueue(
            f"{self.prefix}.{label}.{uuid4().hex}",
            durable=False,
            exclusive=True,
            auto_delete=True,
            routing_key=self.event_key(event),
            arguments={"x-max-length": MOST_EVENTS, "x-overflow": "drop-head"},
        )
        return QueueSpec(label, queue, (Binding(self.events, self.event_key(event)),), service)

    def outlets(self, service: str) -> tuple[Outlet, ...]:
        """What a service publishes, without messages that only planned services read."""
        return self._of(service, [flow for flow in FLOWS if not set(flow.consumers) <= PLANNED_SERVICES])

    def published(self, service: str) -> tuple[Outlet, ...]:
        """What a service publishes, whoever reads it."""
        return self._of(service, FLOWS)

    def _of(self, service: str, flows: Iterable[Flow]) -> tuple[Outlet, ...]:
        return tuple(
            outlet
            for flow in flows
            if service in flow.publishers
            for outlet in self._outlets(flow.message, retries=service != "dispatcher")
        )

    def _outlets(self, message: type[Message], *, retries: bool) -> tuple[Outlet, ...]:
        if message is JobsRequested:
            return (Outlet(message, self.jobs, "jobs.{lane}"),)
        if not issubclass(message, DeliveryCommand):
            return (Outlet(message, self.events, self.event_key(message)),)
        served = [channel.value for channel, spec in self.channels.items() if spec.command is message]
        sent = [Outlet(message, self.deliveries, f"{each}.{{lane}}") for each in served]
        if retries:
            sent += [Outlet(message, self.retry, f"{each}.{{lane}}.{{step}}") for each in served]
        return tuple(sent)

    def dead_queues(self) -> tuple[QueueSpec, ...]:
        """The queues whose messages become rows of `dead_letters`."""
        return tuple(spec for spec in self.queues if spec.consumer == "scheduler")

    @staticmethod
    def event_key(event: type[Message]) -> str:
        return event.type_name()

    @staticmethod
    def job_key(priority: Priority) -> str:
        return f"jobs.{priority.lane}"

    @staticmethod
    def send_key(channel: Channel, priority: Priority, step: Step | None = None) -> str:
        """The routing key of a send command; with `step`, the one for the retry exchange."""
        key = f"{channel.value}.{priority.lane}"
        return f"{key}.{step.label}" if step else key
