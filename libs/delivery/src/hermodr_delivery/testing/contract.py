"""The contract of a provider, as pytest cases.

class TestSmtp(ProviderContract[OutgoingEmail]):
    def serving(self): …          # a scripted server
    def provider(self, server, *, patience): …
    def message(self, number): …
    def unsendable(self): …
    def key(self, message): …
    secrets = ("the password", "the address", "the body")
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Generic, NamedTuple, TypeVar

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    Throttled,
    TransientError,
)
from hermodr_delivery.provider import Accepted, Provider
from hermodr_delivery.testing.logs import captured
from hermodr_delivery.testing.server import RETRY_AFTER, Answer, ScriptedServer

MessageT = TypeVar("MessageT")

CONCURRENCY = 3
_LONG = 20.0
_SHORT = 1.0


class _Case(NamedTuple, Generic[MessageT]):
    server: ScriptedServer
    provider: Provider[MessageT]


class ProviderContract(ABC, Generic[MessageT]):
    """Each case has its own server and provider, and checks that no log and no failure holds a secret."""

    secrets: ClassVar[Sequence[str]]
    """Credentials, addresses and words of the messages, as they would look in a log."""

    knows_what_was_read: ClassVar[bool] = True
    """Whether the protocol tells how far a server got when it falls silent; HTTP does not."""

    names_bad_addresses: ClassVar[bool] = True
    """Whether an answer ever says for sure that nothing will reach the address by any way."""

    @abstractmethod
    def serving(self) -> AbstractAsyncContextManager[ScriptedServer]:
        """A running server."""

    @abstractmethod
    def provider(self, server: ScriptedServer, *, patience: float) -> Provider[MessageT]:
        """Has credentials and a concurrency of `CONCURRENCY`. `patience`: seconds it waits for the server."""

    @abstractmethod
    def message(self, number: int) -> MessageT:
        """The same for the same number."""

    @abstractmethod
    def unsendable(self) -> MessageT:
        """A message that no server could take as it is."""

    @abstractmethod
    def key(self, message: MessageT) -> str:
        """How a server recognises the message: its `Message-ID`, an idempotency key."""

    # Acceptance.

    async def test_what_is_accepted_was_taken_once_and_in_order(self) -> None:
        async with self._case() as case:
            for number in (1, 2, 3):
                accepted = await self._send(case, number)
                assert accepted.provider_message_id
            assert case.server.taken == self._keys(1, 2, 3)

    async def test_preparing_sends_nothing(self) -> None:
        async with self._case() as case:
            case.provider.prepare(self.message(1))
            await self._send(case, 2)
            assert (case.server.tried, case.server.taken) == (1, self._keys(2))

    async def test_a_message_that_is_sent_again_has_the_same_key(self) -> None:
        async with self._case() as case:
            await self._send(case, 1)
            await self._send(case, 1)
            assert case.server.taken == self._keys(1, 1)

    async def test_calls_at_once_are_no_more_than_allowed(self) -> None:
        async with self._case() as case:
            numbers = range(4 * CONCURRENCY)
            await asyncio.gather(*(self._send(case, number) for number in numbers))
            assert sorted(case.server.taken) == sorted(self._keys(*numbers))
            assert 0 < case.server.most_at_once <= CONCURRENCY

    async def test_a_connection_that_died_while_idle_costs_no_message(self) -> None:
        async with self._case() as case:
            await self._send(case, 1)
            await case.server.drop_idle()
            await self._send(case, 2)
            assert case.server.taken == self._keys(1, 2)

    # Refusals.

    async def test_what_cannot_be_sent_as_it_is_fails_before_any_call(self) -> None:
        async with self._case() as case:
            with contextlib.suppress(PermanentError):
                case.provider.prepare(self.unsendable())
                raise AssertionError("it was prepared")
            assert case.server.tried == 0

    async def test_a_refused_address_is_a_bounce(self) -> None:
        failure = await self._refused(Answer.BAD_ADDRESS)
        assert isinstance(failure, PermanentError)
        assert failure.bounced is self.names_bad_addresses

    async def test_a_refused_message_is_no_bounce(self) -> None:
        failure = await self._refused(Answer.BAD_MESSAGE)
        assert isinstance(failure, PermanentError)
        assert not failure.bounced

    async def test_a_refusal_for_now_is_transient(self) -> None:
        assert isinstance(await self._refused(Answer.NOT_NOW), TransientError)

    async def test_the_pause_that_a_server_asks_for_is_told(self) -> None:
        failure = await self._refused(Answer.THROTTLE)
        assert isinstance(failure, Throttled) or _cause(failure) is Cause.PACE
        assert failure.retry_after == RETRY_AFTER

    async def test_wrong_credentials_are_the_operators_to_mend_and_tried_once(self) -> None:
        async with self._case() as case:
            case.server.answer(Answer.WRONG_CREDENTIALS)
            assert _cause(await self._failure(case, 1)) is Cause.ACCESS
            assert (case.server.tried, list(case.server.taken)) == (1, [])

    async def test_too_much_at_once_is_no_fault_of_the_message(self) -> None:
        assert _cause(await self._refused(Answer.TOO_MUCH)) in {Cause.CONNECTIONS, Cause.PACE}

    # Silence and lost connections.

    async def test_a_server_that_is_away_is_tried_later(self) -> None:
        async with self.serving() as server:
            provider = self.provider(server, patience=_LONG)
        try:
            failure = await self._failure(_Case(server, provider), 1)
        finally:
            await provider.close()
        assert isinstance(failure, TransientError)

    async def test_a_connection_lost_before_the_message_was_sent_is_tried_later(self) -> None:
        self._was_not_sent(await self._refused(Answer.DROP_BEFORE))

    async def test_silence_before_the_message_was_sent_is_tried_later(self) -> None:
        async with self._case(patience=_SHORT) as case:
            case.server.answer(Answer.HANG_BEFORE)
            self._was_not_sent(await self._failure(case, 1))
            assert list(case.server.taken) == []

    async def test_a_connection_lost_before_the_answer_leaves_the_outcome_unknown(self) -> None:
        await self._unknown(Answer.DROP_AFTER, patience=_LONG)

    async def test_silence_instead_of_an_answer_leaves_the_outcome_unknown(self) -> None:
        await self._unknown(Answer.HANG_AFTER, patience=_SHORT)

    async def test_an_answer_that_makes_no_sense_leaves_the_outcome_unknown(self) -> None:
        await self._unknown(Answer.NONSENSE, patience=_LONG)

    async def test_a_call_that_is_cancelled_is_not_made_again(self) -> None:
        async with self._case() as case:
            case.server.answer(Answer.HANG_AFTER)
            call = asyncio.ensure_future(self._send(case, 1))
            async with asyncio.timeout(_LONG):
                while not case.server.taken:
                    await asyncio.sleep(0.01)
            call.cancel()
            await asyncio.wait([call])
            await self._send(case, 2)
            assert case.server.taken == self._keys(1, 2)

    # Afterwards.

    async def test_after_any_failure_the_next_message_is_sent(self) -> None:
        for answer in set(Answer) - {Answer.HANG_BEFORE, Answer.HANG_AFTER}:
            async with self._case() as case:
                case.server.answer(answer)
                with contextlib.suppress(DeliveryFailure):
                    await self._send(case, 1)
                before = list(case.server.taken)
                await self._send(case, 2)
                assert case.server.taken == [*before, *self._keys(2)], answer

    async def test_checking_sends_nothing(self) -> None:
        async with self._case() as case:
            assert await case.provider.check()
            assert (case.server.tried, list(case.server.taken)) == (1, [])

    async def test_checking_tells_of_wrong_credentials(self) -> None:
        async with self._case() as case:
            case.server.answer(Answer.WRONG_CREDENTIALS)
            failure: DeliveryFailure | None = None
            try:
                await case.provider.check()
            except DeliveryFailure as error:
                failure = self._without_secrets(error)
            assert _cause(failure) is Cause.ACCESS

    async def test_it_shows_no_credentials(self) -> None:
        async with self._case() as case:
            shown = f"{case.provider!r} {vars(case.provider)!r} {case.provider.name} {case.provider.place}"
            self._holds_no_secret(shown)
            await case.provider.close()  # and once more when the case ends

    # How the cases are made.

    @contextlib.asynccontextmanager
    async def _case(self, *, patience: float = _LONG) -> AsyncIterator[_Case[MessageT]]:
        with captured() as lines:
            async with self.serving() as server:
                provider = self.provider(server, patience=patience)
                try:
                    yield _Case(server, provider)
                finally:
                    await provider.close()
        self._holds_no_secret("\n".join(lines))

    async def _send(self, case: _Case[MessageT], number: int) -> Accepted:
        return await case.provider.prepare(self.message(number))()

    async def _failure(self, case: _Case[MessageT], number: int) -> DeliveryFailure:
        try:
            await self._send(case, number)
        except DeliveryFailure as failure:
            return self._without_secrets(failure)
        raise AssertionError("it was accepted")

    async def _refused(self, answer: Answer) -> DeliveryFailure:
        """The failure of a message that the server refused; it must have been offered once."""
        async with self._case() as case:
            case.server.answer(answer)
            failure = await self._failure(case, 1)
            assert (case.server.tried, list(case.server.taken)) == (1, [])
        return failure

    async def _unknown(self, answer: Answer, *, patience: float) -> None:
        async with self._case(patience=patience) as case:
            case.server.answer(answer)
            assert isinstance(await self._failure(case, 1), OutcomeUnknown)
            assert case.server.taken == self._keys(1)  # and was not sent again

    def _was_not_sent(self, failure: DeliveryFailure) -> None:
        if self.knows_what_was_read:
            assert isinstance(failure, TransientError) or _cause(failure) is Cause.CONNECTIONS
        else:
            assert isinstance(failure, OutcomeUnknown)

    def _keys(self, *numbers: int) -> list[str]:
        return [self.key(self.message(number)) for number in numbers]

    def _without_secrets(self, failure: DeliveryFailure) -> DeliveryFailure:
        assert failure.code.replace("_", "").isalnum(), "fit for a metric's label"
        self._holds_no_secret(f"{failure!r} {failure.code} {failure.detail}")
        return failure

    def _holds_no_secret(self, text: str) -> None:
        assert not [each for each in self.secrets if each.lower() in text.lower()]


def _cause(failure: DeliveryFailure | None) -> Cause | None:
    return failure.cause if isinstance(failure, Refused) else None
