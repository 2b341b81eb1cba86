"""Messages nobody could read or handle, kept as they came."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hermodr_ledger.engine import Ledger
from hermodr_servicekit.ids import new_id


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message taken from a dead queue. `source_id` tells a redelivered one from a second."""

    source_id: str
    queue: str
    reason: str
    message_type: str | None
    body: bytes
    headers: Mapping[str, Any]


async def bury(ledger: Ledger, letter: DeadMessage) -> None:
    """Stores the message once."""
    await ledger.fetch(
        """
        INSERT INTO hermodr.dead_letters (id, source_id, queue, reason, message_type, body, headers)
        VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb) ON CONFLICT (source_id) DO NOTHING
        """,
        new_id(),
        letter.source_id,
        letter.queue,
        letter.reason,
        letter.message_type,
        letter.body,
        json.dumps(dict(letter.headers), default=str).replace("\\u0000", "\\ufffd"),
    )


async def count(ledger: Ledger) -> int:
    """How many dead letters were not replayed."""
    rows = await ledger.fetch("SELECT count(*) AS n FROM hermodr.dead_letters WHERE replayed_at IS NULL")
    return int(rows[0]["n"])
