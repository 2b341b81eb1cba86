"""The doorbell: publishing with proof of arrival, consuming with care, and coming back by itself after an outage."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import structlog
from aio_pika.exceptions import DeliveryError
from faststream.rabbit import RabbitBroker, RabbitExchange
from prometheus_client import CollectorRegistry

from hermodr_contracts.messages import Message
from hermodr_contracts.topology import Topology
from hermodr_servicekit.broker_session import Session
from hermodr_servicekit.cancellation import obey_cancellation
from hermodr_servicekit.outages import BrokerUnavailable, outages_translated
from hermodr_servicekit.streaming import BrokerMetrics, Subscribe, describe

log = structlog.get_logger()

OPEN_SECONDS = 15.0
CLOSE_SECONDS = 3.0
RETRY_SECONDS = 0.5
UPKEEP_SECONDS = 5.0
"""How long a queue is missing that only we may make."""


class Unroutable(Exception):
    """The broker has no queue for the message."""


class Broker:
    """One service's way to RabbitMQ.

    `run` is to be kept running in a task: it connects whenever there is a broker, for ever anew, until cancelled.
    Handlers that return acknowledge, those that raise reject to the dead queue, and `NackMessage` puts back. Metrics of
    messages go to `registry`.
    """

    def __init__(
        self,
        url: str,
        topology: Topology,
        service: str,
        *,
        registry: CollectorRegistry | None = None,
        publish_seconds: float = 5.0,
    ) -> None:
        self.topology = topology
        self._url = url
        self._service = service
        self._publish_seconds = publish_seconds
        self._middlewares = [] if registry is None else [BrokerMetrics(registry, service)]
        self._subscribes: list[Subscribe] = []
        self._session: Session | None = None
        self._complaint = ""
        self._narrow = False
        self._stopped = False

    @property
    def connected(self) -> bool:
        """Whether publishing can be expected to work at this moment."""
        return self._session is not None and not self._session.lost.is_set()

    def include(self, subscribe: Subscribe) -> None:
        """Has `subscribe` register handlers at the router of each connection; before `run`."""
        self._subscribes.append(subscribe)

    def described(self) -> RabbitBroker:
        """What the service reads and publishes, for AsyncAPI. Connects to nothing."""
        return describe(self._url, self._service, self._subscribes, self.topology.outlets(self._service))

    async def run(self) -> None:
        """Connects, and connects again, until cancelled; then gives back what is unacknowledged and leaves."""
        while True:
            session = Session(
                self._url,
                self.topology,
                self._service,
                self._subscribes,
                self._middlewares,
                narrow=self._narrow,
            )
            try:
                with outages_translated():
                    await self._use(session)
            except BrokerUnavailable as error:
                self._complain(str(error))
            finally:
                self._session = None
                await self._close(session)
            obey_cancellation()
            await asyncio.sleep(RETRY_SECONDS)

    async def publish(
        self, message: Message, exchange: RabbitExchange, routing_key: str, *, mandatory: bool = True
    ) -> None:
        """Publishes persistently and waits for the broker's confirmation.

        Raises `Unroutable` when no queue takes it (and `mandatory`), `BrokerUnavailable` for everything else.
        """
        session = self._connected_session()
        with outages_translated():
            try:
                async with asyncio.timeout(self._publish_seconds):
                    await session.publish(message, exchange, routing_key, mandatory=mandatory)
            except DeliveryError as error:
                raise Unroutable(
                    f"{message.type_name()} to {exchange.name} with key {routing_key}"
                ) from error

    async def publish_raw(
        self, body: bytes, queue: str, *, message_type: str | None, headers: Mapping[str, Any]
    ) -> None:
        """Puts a message into a queue as it is, and waits for the confirmation. Raises as `publish` does."""
        session = self._connected_session()
        with outages_translated():
            try:
                async with asyncio.timeout(self._publish_seconds):
                    await session.publish_raw(body, queue, message_type=message_type, headers=headers)
            except DeliveryError as error:
                raise Unroutable(queue) from error

    async def declare(self) -> None:
        """Declares whatever of the topology has gone missing. Raises `BrokerUnavailable`."""
        session = self._connected_session()
        with outages_translated():
            async with asyncio.timeout(self._publish_seconds):
                await session.declare()

    async def queue_sizes(self) -> dict[str, tuple[int, int]]:
        """`{label: (ready messages, consumers)}` of every queue. Raises `BrokerUnavailable`."""
        session = self._connected_session()
        with outages_translated():
            async with asyncio.timeout(self._publish_seconds):
                return await session.queue_sizes()

    async def stop_consuming(self) -> None:
        """Takes no further messages; those being handled go on. First step of a shutdown: the library's own
        stop waits for handlers before it cancels consumers, and messages arriving meanwhile would be burnt."""
        self._stopped = True
        self._subscribes.clear()  # a connection made from now on is for publishing only
        if self._session is None or self._session.lost.is_set():
            return
        try:
            with outages_translated():
                async with asyncio.timeout(self._publish_seconds):
                    await self._session.stop_consuming()
        except BrokerUnavailable as error:
            log.warning("consumers were not cancelled in order", error=str(error))

    async def _use(self, session: Session) -> None:
        """Returns when the session is lost."""
        async with asyncio.timeout(OPEN_SECONDS):
            await session.open()
            if self._stopped:  # while it opened
                await session.stop_consuming()
        obey_cancellation()
        self._session = session
        self._complaint = ""
        self._narrow = session.narrow
        log.info("broker connected", rights="its own" if session.narrow else "all queues")
        await self._keep(session)
        log.warning("broker connection lost", reason=session.reason)

    async def _keep(self, session: Session) -> None:
        """Returns when the session is lost. What only we may make, nobody else mends."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UPKEEP_SECONDS if session.narrow else None):
                    await session.lost.wait()
                    return
            with contextlib.suppress(BrokerUnavailable), outages_translated():
                async with asyncio.timeout(self._publish_seconds):
                    await session.declare()

    def _connected_session(self) -> Session:
        if self._session is None or self._session.lost.is_set():
            raise BrokerUnavailable("not connected")
        return self._session

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            log.warning("broker unavailable; trying on", error=complaint)

    async def _close(self, session: Session) -> None:
        try:
            with outages_translated():
                async with asyncio.timeout(CLOSE_SECONDS):
                    await session.close()
        except BrokerUnavailable as error:
            log.info("broker connection did not close in order", error=str(error))
