"""What every provider has to pass: the toy channel's provider does, and one with a fault does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import pytest
import structlog

from hermodr_delivery.dsn import Kind, providers_of
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, PermanentError, TransientError
from hermodr_delivery.provider import Accepted, Call, Provider
from hermodr_delivery.testing import ProviderContract, ScriptedServer
from hermodr_delivery.testing.contract import CONCURRENCY
from tests.support.board import Board
from tests.support.toy_channel import Note, ToyProvider

log = structlog.get_logger()


class TestToy(ProviderContract[Note]):
    kind: type[ToyProvider] = ToyProvider
    secrets = ("s3cret-horse", "+15550100", "the gate's code")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedServer]:
        async with Board().running() as board:
            yield board

    def provider(self, server: ScriptedServer, *, patience: float) -> Provider[Note]:
        port = cast("Board", server).port
        dsn = f"toy://:s3cret-horse@127.0.0.1:{port}?timeout={patience}&concurrency={CONCURRENCY}"
        (provider,) = providers_of("TOY_PROVIDERS", dsn, {"toy": Kind("toy", self.kind)})
        return provider

    def message(self, number: int) -> Note:
        return Note(str(number), "+15550100", "the gate's code is 4711")

    def unsendable(self) -> Note:
        return Note("1", "+15550100", "two\nlines")

    def key(self, message: Note) -> str:
        return message.key


class Resending(ToyProvider):
    async def _say(self, line: str) -> Accepted:
        try:
            return await super()._say(line)
        except OutcomeUnknown:
            return await super()._say(line)


class Certain(ToyProvider):
    async def _say(self, line: str) -> Accepted:
        try:
            return await super()._say(line)
        except OutcomeUnknown as error:
            raise TransientError(error.code) from error


class Hopeless(ToyProvider):
    async def _say(self, line: str) -> Accepted:
        try:
            return await super()._say(line)
        except DeliveryFailure as error:
            raise PermanentError(error.code) from error


class Talkative(ToyProvider):
    async def _say(self, line: str) -> Accepted:
        log.debug("sending", line=line)
        return await super()._say(line)


class Quoting(ToyProvider):
    async def _say(self, line: str) -> Accepted:
        try:
            return await super()._say(line)
        except DeliveryFailure as error:
            error.detail = line
            raise


class Crowding(ToyProvider):
    def prepare(self, message: Note) -> Call:
        self._room = asyncio.Semaphore(100)
        return super().prepare(message)


class Hasty(ToyProvider):
    def prepare(self, message: Note) -> Call:
        call = asyncio.ensure_future(super().prepare(message)())
        return partial(asyncio.wait_for, call, None)


class Doubling(ToyProvider):
    async def _say(self, line: str) -> Accepted:
        await super()._say(line)
        return await super()._say(line)


FAULTS = [
    (Resending, "test_a_connection_lost_before_the_answer_leaves_the_outcome_unknown"),
    (Certain, "test_silence_instead_of_an_answer_leaves_the_outcome_unknown"),
    (Certain, "test_an_answer_that_makes_no_sense_leaves_the_outcome_unknown"),
    (Hopeless, "test_a_refusal_for_now_is_transient"),
    (Hopeless, "test_a_refused_address_is_a_bounce"),
    (Hopeless, "test_the_pause_that_a_server_asks_for_is_told"),
    (Hopeless, "test_wrong_credentials_are_the_operators_to_mend_and_tried_once"),
    (Hopeless, "test_too_much_at_once_is_no_fault_of_the_message"),
    (Hopeless, "test_a_server_that_is_away_is_tried_later"),
    (Hopeless, "test_silence_before_the_message_was_sent_is_tried_later"),
    (Talkative, "test_what_is_accepted_was_taken_once_and_in_order"),
    (Quoting, "test_a_refused_message_is_no_bounce"),
    (Crowding, "test_calls_at_once_are_no_more_than_allowed"),
    (Hasty, "test_preparing_sends_nothing"),
    (Doubling, "test_what_is_accepted_was_taken_once_and_in_order"),
]


@pytest.mark.parametrize(("kind", "case"), FAULTS, ids=[f"{kind.__name__}-{case}" for kind, case in FAULTS])
async def test_a_fault_is_found(kind: type[ToyProvider], case: str) -> None:
    contract = TestToy()
    contract.kind = kind
    with pytest.raises(AssertionError):
        await getattr(contract, case)()
