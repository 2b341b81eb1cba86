"""Unreadable messages among good ones are stored as they came, with the reason, and stop nothing."""

import json
from typing import Any

import aio_pika
import asyncpg
import pytest

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER
from tests.support.installation import Installation
from tests.support.load import Load, reached, under
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD_ID = "01900000-0000-7000-8000-000000000000"
BAD: dict[str, tuple[str | None, object, bytes, str]] = {
    "garbage": ("JobsRequested", 1, b"this is no JSON", "undecodable: JobsRequested v1: body: json_invalid"),
    "unknown-type": ("MakeCoffee", 1, b"{}", "undecodable: unknown message type 'MakeCoffee' version 1"),
    "no-type": (None, 1, b"{}", "undecodable: unknown message type"),
    "unknown-version": ("SendEmails", 99, b"{}", "undecodable: unknown message type 'SendEmails' version 99"),
    "no-version": ("SendEmails", None, b"{}", f"undecodable: header {SCHEMA_VERSION_HEADER} is missing"),
    "wrong-shape": (
        "SendEmails",
        1,
        b'{"delivery_ids":[]}',
        "undecodable: SendEmails v1: delivery_ids: too_short",
    ),
    "too-many": (
        "JobsRequested",
        1,
        json.dumps({"job_ids": [GOOD_ID] * 101}).encode(),
        "undecodable: JobsRequested v1: job_ids: too_long",
    ),
    "binary": ("SendEmails", 1, bytes(range(256)), "undecodable: SendEmails v1: body: json_invalid"),
    "huge": ("JobsRequested", 1, b"[" * 3_000_000, "undecodable: JobsRequested v1: body: json_invalid"),
    "empty": ("SendEmails", 1, b"", "undecodable: SendEmails v1: body: json_invalid"),
}


async def publish(installation: Installation) -> int:
    """How many there were."""
    queues = [
        spec.queue.name
        for spec in installation.topology.queues
        if spec.consumer in ("dispatcher", "email-sender")
    ]
    connection = await aio_pika.connect(installation.amqp_url, timeout=10)
    async with connection, connection.channel() as channel:
        for queue in queues:
            for name, (kind, version, body, _) in BAD.items():
                headers: dict[str, Any] = {} if version is None else {SCHEMA_VERSION_HEADER: version}
                message = aio_pika.Message(
                    body, type=kind, message_id=f"{name}/{queue}", headers=headers | {"x-note": name}
                )
                await channel.default_exchange.publish(message, queue)
    return len(queues) * len(BAD)


async def letters(installation: Installation) -> list[Any]:
    connection = await asyncpg.connect(installation.database_url)
    try:
        return list(
            await connection.fetch(
                "SELECT queue, reason, message_type, body, headers FROM hermodr.dead_letters WHERE headers ? 'x-note'"
            )
        )
    finally:
        await connection.close()


async def test_undecodable_messages_among_good_ones(installation: Installation) -> None:
    starts = {service.name: service.starts for service in installation.fleet.services.values()}
    async with under(Load(installation, "good"), 600, 400) as load:
        await reached(load, 200)
        expected = await publish(installation)

    async def all_there() -> list[Any]:
        found = await letters(installation)
        return found if len(found) >= expected else []

    found: list[Any] = await wait_until(all_there, 60, f"{expected} dead letters", interval=0.2)
    assert len(found) == expected == 60
    for letter in found:
        headers = json.loads(letter["headers"])
        kind, version, body, reason = BAD[headers["x-note"]]
        assert letter["body"] == body
        assert letter["message_type"] == kind
        assert letter["reason"].startswith(reason), (headers["x-note"], letter["reason"])
        assert headers.get(SCHEMA_VERSION_HEADER) == version
        source = headers["x-death"][0]["queue"].removeprefix(f"{installation.topology.prefix}.")
        assert letter["queue"] == source.partition(".")[0] + ".dead"
    facts = await installation.sound()
    assert all(len(jobs) == 1 for jobs in facts.arrivals.values())
    assert {each.name: each.starts for each in installation.fleet.services.values() if each.running} == starts
