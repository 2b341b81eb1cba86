"""What goes over the broker does not change by accident, and all of it is described."""

import difflib
import json
from typing import Any

import asyncapi
from hermodr_contracts.topology import Topology


def test_the_description_is_the_one_written_down() -> None:
    known, now = asyncapi.SNAPSHOT.read_text("utf-8"), asyncapi.described()
    changes = "\n".join(
        difflib.unified_diff(known.splitlines(), now.splitlines(), "written down", "now", n=2)
    )
    assert known == now, f"if this is on purpose: make openapi, and a line in the changelog\n{changes[:5000]}"


def test_every_queue_that_a_service_reads_and_every_outlet_is_described() -> None:
    document, topology = json.loads(asyncapi.described()), Topology()
    assert document["asyncapi"].startswith("3.")
    queues = {queue for each in document["channels"].values() if (queue := queue_of(each))}
    own = {f"{topology.prefix}.events.api.{{connection}}"}  # of each api process
    assert queues == {each.queue.name for each in topology.queues if each.consumer is not None} | own
    sent = {each["address"] for each in document["channels"].values() if not queue_of(each)}
    assert sent == {outlet.address for name in topology.services for outlet in topology.outlets(name)}


def queue_of(channel: dict[str, Any]) -> str | None:
    name: str | None = channel["bindings"]["amqp"].get("queue", {}).get("name")
    return name
