"""What the scheduler listens to: the dead queues, read raw, so that what nobody could decode is kept as it came."""

import asyncio
import hashlib
from typing import Any

import structlog
from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitRouter
from faststream.rabbit.annotations import RabbitMessage

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER, Undecodable, decode
from hermodr_contracts.topology import QueueSpec, Topology
from hermodr_ledger.dead_letters.burying import DeadMessage, bury
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.engine.setting_aside import set_aside
from hermodr_servicekit.streaming import AsItCame

log = structlog.get_logger()

_PREFETCH = 20
_PAUSE_SECONDS = 1.0


def subscribe(router: RabbitRouter, topology: Topology, ledger: Ledger) -> None:
    """Registers a subscriber for every dead queue. It acknowledges what is stored, and nothing else."""
    for spec in topology.dead_queues():
        _subscribe(router, spec, ledger)


def _subscribe(router: RabbitRouter, spec: QueueSpec, ledger: Ledger) -> None:
    @router.subscriber(
        spec.queue,
        spec.exchange,
        channel=Channel(prefetch_count=_PREFETCH),
        ack_policy=AckPolicy.MANUAL,
        codec=AsItCame(),
        no_reply=True,
    )
    async def on_dead_message(dead: RabbitMessage) -> None:
        """Stores a message that nobody could read or handle, and acknowledges it then."""
        message = dead.raw_message
        letter = DeadMessage(
            source_id=_source(spec, message),
            queue=spec.label,
            reason=_reason(message),
            message_type=message.type,
            body=message.body,
            headers={**message.headers, "x-routing-key": message.routing_key},
        )
        try:
            await _store(ledger, letter)
        except Exception as error:  # noqa: BLE001 - it stays in its queue, and the others go on
            await set_aside(ledger, "dead letters", {letter.source_id: error})
            return
        await dead.ack()
        log.warning("dead letter", queue=spec.label, reason=letter.reason, message_id=message.message_id)


async def _store(ledger: Ledger, letter: DeadMessage) -> None:
    """For as long as it takes. Putting the message back instead would bring it again at once, and a broker that counts
    deliveries would soon drop it."""
    while True:
        try:
            await bury(ledger, letter)
        except LedgerUnavailable as error:
            log.warning("a dead letter waits for the database", queue=letter.queue, error=str(error))
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


def _source(spec: QueueSpec, message: AbstractIncomingMessage) -> str:
    digest = hashlib.sha256(message.body).hexdigest()[:16]
    return f"{spec.label}/{message.message_id or 'anonymous'}/{digest}/{_death(message).get('time', '')}"


def _reason(message: AbstractIncomingMessage) -> str:
    try:
        decode(message.type, message.headers.get(SCHEMA_VERSION_HEADER), message.body)
    except Undecodable as error:
        return f"undecodable: {error}"
    death = _death(message)
    return f"{death.get('reason')} from {death.get('queue')}" if death else "put here by hand"


def _death(message: AbstractIncomingMessage) -> dict[str, Any]:
    deaths = message.headers.get("x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        return deaths[0]
    return {}
