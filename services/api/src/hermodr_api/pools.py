"""The api's connections to PostgreSQL: 18 per process at most."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from hermodr_ledger.engine import Ledger
from hermodr_servicekit.events import Events

_LOCK_SECONDS = 1.5
"""Twice this is less than a statement may take: the second waiter waits for the first one to give up, then as long
again. And less than the patience of a request, so there is time for a second try without the blocked keys."""
_PROMPT: Mapping[str, Any] = {
    "statement_seconds": 4.0,
    "connection_seconds": 2.0,
    "lock_seconds": _LOCK_SECONDS,
}
FIRST: Mapping[str, Any] = {"pool_size": 10, "cold_pool_size": 4, **_PROMPT}
"""Options of the ledger that most requests use."""
_TRIAL: Mapping[str, Any] = {"pool_size": 1, **_PROMPT}
_MANY: Mapping[str, Any] = {
    "pool_size": 3,
    "statement_seconds": 15.0,
    "connection_seconds": 20.0,
    "lock_seconds": _LOCK_SECONDS,
}


def other_ledgers(database_url: str, service: str, events: Events) -> tuple[Ledger, Ledger]:
    """One with a connection of its own for checks, which do not wait for the others; one for requests with many items,
    which cannot take all connections."""
    another = partial(Ledger, database_url, service=service, tell=events.tell)
    return another(**_TRIAL), another(**_MANY)
