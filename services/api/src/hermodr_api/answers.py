"""Answers that can be replayed by idempotency key, and how long a request waits for the ledger."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from hermodr_api.errors import KEY_REUSED, STILL_RUNNING, Refused
from hermodr_ledger.access import idempotency
from hermodr_ledger.access.idempotency import KeyReused, Replay, StillRunning
from hermodr_ledger.engine import Ledger, Overloaded, Transaction

PATIENCE_SECONDS = 4.5
"""After this long a request is answered `503`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`replayed`: it is the answer to an earlier request with the same key."""

    status: int
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """The client's `Idempotency-Key` with a fingerprint of its request."""

    value: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """The body of a first answer; `kept` is stored for replays if it differs (without a secret)."""

    body: bytes
    kept: bytes | None = None

    @classmethod
    def of(cls, view: type[BaseModel], row: object) -> Self:
        return cls(view.model_validate(row).model_dump_json(by_alias=True).encode())


Act = Callable[[Transaction], Awaitable[Outcome]]


@contextlib.asynccontextmanager
async def patience(seconds: float = PATIENCE_SECONDS) -> AsyncIterator[None]:
    """Raises `LedgerUnavailable` after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Overloaded("no answer in time") from error


def settled(verdict: Replay | KeyReused | StillRunning) -> Answer:
    """The answer to a request whose key was used before. Raises `Refused`."""
    if isinstance(verdict, Replay):
        return Answer(verdict.status, verdict.response, replayed=True)
    if isinstance(verdict, KeyReused):
        raise Refused(
            KEY_REUSED,
            "the first request with this Idempotency-Key had another body or target; "
            "use a new key for a new request",
        )
    raise Refused(
        STILL_RUNNING,
        "the first request with this Idempotency-Key has no answer yet; try again",
        headers={"retry-after": "1"},
    )


class Repeatable:
    """Runs a POST with its idempotency key and answer in one transaction. If it fails, nothing is kept."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def run(
        self, project_id: UUID, key: Key | None, status: int, act: Act, *, seconds: float = PATIENCE_SECONDS
    ) -> Answer:
        """The answer of `act`, or the earlier answer for the key. Raises `Refused` and what `act` raises."""
        try:
            async with patience(seconds), self._ledger.transaction() as transaction:
                if key is None:
                    return Answer(status, (await act(transaction)).body)
                verdict = await idempotency.take(transaction, project_id, key.value, key.fingerprint)
                if verdict is not None:
                    return settled(verdict)
                outcome = await act(transaction)
                kept = outcome.kept if outcome.kept is not None else outcome.body
                await idempotency.keep(transaction, project_id, key.value, status, kept)
                return Answer(status, outcome.body)
        except idempotency.InUse:
            async with patience():
                return settled(await idempotency.in_use(self._ledger))
