"""What the broker is told of queues beyond their arguments: policies, which can be changed while queues exist; and all
of an installation as a file of definitions that RabbitMQ imports.

Nothing here is needed for correctness. The ledger repeats whatever is lost or refused.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hermodr_contracts.broker_rights import SERVICES, permissions, user_name, whole
from hermodr_contracts.topology import LANES, QueueSpec, Topology

MOST_REDELIVERIES = 20
"""As RabbitMQ 4 has it by itself: a message that comes back more often is set aside as a dead letter."""
MOST_WAITING = 1_000_000
"""Messages, of up to 100 ids each. What a full queue refuses is announced again when it is due."""
MOST_DEAD = 100_000

_SAFE: Mapping[str, int | str] = {"overflow": "reject-publish", "dead-letter-strategy": "at-least-once"}
"""A message moves to another queue once that has confirmed it. Only queues that refuse, not drop, can do that."""


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    pattern: str
    definition: Mapping[str, int | str]


def policies(prefix: str) -> tuple[Policy, ...]:
    """For work, wait and dead letter queues of all channels."""
    topology = whole(prefix)
    families = "|".join(dict.fromkeys(spec.label.partition(".")[0] for spec in topology.queues))
    start = f"^{re.escape(prefix)}\\.({families})"
    working: Mapping[str, int | str] = {
        "delivery-limit": MOST_REDELIVERIES,
        "max-length": MOST_WAITING,
        **_SAFE,
    }
    return (
        Policy(f"{prefix}-work", f"{start}\\.({'|'.join(LANES)})$", working),
        Policy(f"{prefix}-retry", f"{start}\\.retry\\.[0-9a-z]+$", {"max-length": MOST_WAITING, **_SAFE}),
        Policy(f"{prefix}-dead", f"{start}\\.dead$", {"max-length": MOST_DEAD, "overflow": "reject-publish"}),
    )


def as_policy(policy: Policy) -> dict[str, Any]:
    """As the management API has it."""
    return {
        "pattern": policy.pattern,
        "apply-to": "queues",
        "priority": 0,
        "definition": dict(policy.definition),
    }


def definitions(topology: Topology, vhost: str = "/") -> dict[str, Any]:
    """All that an installation has at the broker, in RabbitMQ's format. Its users have no password, so that nobody
    logs in until they are given one."""
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            {"name": user_name(service, topology.prefix, vhost), "password_hash": "", "tags": []}
            for service in SERVICES
        ],
        "permissions": [
            {
                "user": user_name(service, topology.prefix, vhost),
                "vhost": vhost,
                **asdict(permissions(service, whole(topology.prefix))),
            }
            for service in SERVICES
        ],
        "policies": [
            {"vhost": vhost, "name": policy.name, **as_policy(policy)} for policy in policies(topology.prefix)
        ],
        "exchanges": [
            {
                "name": exchange.name,
                "vhost": vhost,
                "type": exchange.type.value,
                "durable": exchange.durable,
                "auto_delete": exchange.auto_delete,
                "internal": False,
                "arguments": {},
            }
            for exchange in topology.exchanges
        ],
        "queues": [_queue(spec, vhost) for spec in topology.queues],
        "bindings": [
            {
                "source": binding.exchange.name,
                "vhost": vhost,
                "destination": spec.queue.name,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
                "arguments": {},
            }
            for spec in topology.queues
            for binding in spec.bindings
        ],
    }


def _queue(spec: QueueSpec, vhost: str) -> dict[str, Any]:
    arguments = {"x-queue-type": "quorum", **(spec.queue.arguments or {})}
    return {
        "name": spec.queue.name,
        "vhost": vhost,
        "durable": True,
        "auto_delete": False,
        "arguments": dict(sorted(arguments.items())),
    }
