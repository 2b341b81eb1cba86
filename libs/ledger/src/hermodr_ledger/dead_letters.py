"""Messages nobody could read or handle, kept as they came."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hermodr_ledger.engine import Ledger
from hermodr_servicekit.ids import new_id

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


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
        _storable(letter.source_id),
        letter.queue,
        _storable(letter.reason),
        _storable(letter.message_type) if letter.message_type is not None else None,
        letter.body,
        json.dumps(_storable_json(dict(letter.headers))),
    )


def _storable(text: str) -> str:
    """`text` without what PostgreSQL cannot hold: null characters and halves of surrogate pairs."""
    return _UNSTORABLE.sub("\ufffd", text)


def _storable_json(value: Any) -> Any:
    """A header's value as JSON that PostgreSQL can hold; what JSON has no word for becomes its text."""
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_json(each) for each in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _storable(str(value))


async def count(ledger: Ledger) -> int:
    """How many dead letters were not replayed."""
    rows = await ledger.fetch("SELECT count(*) AS n FROM hermodr.dead_letters WHERE replayed_at IS NULL")
    return int(rows[0]["n"])
