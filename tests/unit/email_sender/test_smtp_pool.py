"""The connection pool behind the SMTP provider: reuse, staleness, limits, cancellation, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    Refused,
    TransientError,
)
from hermodr_delivery.provider import Accepted
from hermodr_email_sender.providers.smtp.pool import PoolLimits
from hermodr_email_sender.providers.smtp.provider import SmtpProvider
from hermodr_email_sender.providers.smtp.session import Timeouts
from tests.support.mails import PLAIN
from tests.support.scripted_smtp import Action, Cut, Hold, Later, ScriptedSmtp, Stage, Until
from tests.support.smtp_providers import BOTH_WAYS, failure_of, provider
from tests.support.waiting import wait_until


async def test_a_connection_closed_while_idle_is_noticed_and_replaced(server: ScriptedSmtp) -> None:
    async with provider(server) as sender:
        await sender.prepare(PLAIN)()
        writer = server.conversations[0].writer
        assert writer is not None
        writer.write(b"421 4.4.2 idle for too long\r\n")
        writer.close()
        await sender.prepare(PLAIN)()
    assert len(server.mails) == 2
    assert len(server.conversations) == 2


@BOTH_WAYS
@pytest.mark.parametrize("action", [Cut(), Cut("421 4.4.2 idle for too long"), "421 4.4.2 too many mails"])
async def test_a_stale_connection_is_replaced_once(action: Action, extensions: tuple[str, ...]) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        await sender.prepare(PLAIN)()
        server.on("MAIL", action)
        await sender.prepare(PLAIN)()
        assert len(server.mails) == 2
        server.on("MAIL", action, action)
        failure = await failure_of(sender)
        assert type(failure) in (TransientError, Refused)
        assert len(server.conversations) == 3


ENOUGH = "452 4.5.3 Too many messages in this session"


@pytest.mark.parametrize("extensions", [("PIPELINING",), (), ("PIPELINING", "CHUNKING")])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "CONTENT"])
async def test_a_used_up_connection_is_ended_and_replaced_once(
    stage: Stage, extensions: tuple[str, ...]
) -> None:
    if "CHUNKING" in extensions and stage in ("DATA", "CONTENT"):
        stage = "BDAT"
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        await sender.prepare(PLAIN)()
        server.on(stage, ENOUGH)
        await sender.prepare(PLAIN)()
        assert sum(bool(each.content) for each in server.mails) == len(server.conversations) == 2
        await wait_until(lambda: server.conversations[0].ended)
        if "CHUNKING" not in extensions:
            assert server.conversations[0].commands[-1] == "QUIT"
        server.on("MAIL", ENOUGH, ENOUGH)
        assert type(await failure_of(sender)) is Refused
        assert len(server.conversations) == 3


async def test_a_reused_connection_that_breaks_after_mail_is_not_retried(server: ScriptedSmtp) -> None:
    async with provider(server) as sender:
        await sender.prepare(PLAIN)()
        server.on("RCPT", Cut())
        assert (await failure_of(sender)).code == "connection_lost"
    assert len(server.conversations) == 1


async def test_a_cancelled_transaction_costs_the_connection(server: ScriptedSmtp) -> None:
    server.on("CONTENT", Hold())
    async with provider(server, limits=PoolLimits(size=1)) as sender:
        sending = asyncio.ensure_future(sender.prepare(PLAIN)())
        await wait_until(lambda: any(command.endswith("octets]") for command in server.commands))
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await sender.prepare(PLAIN)()
        await wait_until(lambda: server.conversations[0].ended)
    assert len(server.conversations) == 2


async def test_cancelled_while_connecting_gives_the_slot_back(server: ScriptedSmtp) -> None:
    server.on("CONNECT", Hold())
    async with provider(server, limits=PoolLimits(size=1)) as sender:
        sending = asyncio.ensure_future(sender.prepare(PLAIN)())
        await wait_until(lambda: server.conversations)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await wait_until(lambda: server.conversations[0].ended)
        await sender.prepare(PLAIN)()


async def test_the_pool_is_bounded_and_waits(server: ScriptedSmtp) -> None:
    async with provider(server, limits=PoolLimits(size=2)) as sender:
        await asyncio.gather(*(sender.prepare(PLAIN)() for _ in range(20)))
    assert len(server.mails) == 20
    assert len(server.conversations) <= 2


@pytest.mark.parametrize(
    ("stage", "kind", "code"),
    [
        ("CONNECT", Refused, "connect_timeout"),
        ("MAIL", TransientError, "timeout"),
        ("DATA", TransientError, "timeout"),
        ("CONTENT", OutcomeUnknown, "timeout_after_data"),
    ],
)
async def test_a_call_that_takes_too_long_tells_whether_the_mail_may_be_out(
    server: ScriptedSmtp, stage: Stage, kind: type[DeliveryFailure], code: str
) -> None:
    server.on(stage, Hold())
    seconds = 0.05 if stage == "CONNECT" else 1.0  # before the others there is a connection to be made
    async with provider(server, timeouts=Timeouts(send=seconds)) as sender:
        failure = await failure_of(sender)
    assert (type(failure), failure.code) == (kind, code)


async def test_waiting_for_a_free_connection_counts(server: ScriptedSmtp) -> None:
    server.on("CONNECT", Hold(), Hold())
    async with provider(server, timeouts=Timeouts(send=0.05), limits=PoolLimits(size=1)) as sender:
        failures = await asyncio.gather(failure_of(sender), failure_of(sender))
    assert [(type(failure), failure.code) for failure in failures] == [(Refused, "connect_timeout")] * 2


async def test_a_connection_ends_after_its_share_of_mails(server: ScriptedSmtp) -> None:
    async with provider(server, limits=PoolLimits(size=1, max_transactions=2)) as sender:
        for _ in range(5):
            await sender.prepare(PLAIN)()
    mails = [sum(command == "DATA" for command in seen.commands) for seen in server.conversations]
    assert mails == [2, 2, 1]
    assert all(seen.commands[-1] == "QUIT" for seen in server.conversations)


async def test_idle_connections_end_by_themselves(server: ScriptedSmtp) -> None:
    async with provider(server, limits=PoolLimits(size=2, idle_seconds=0.01)) as sender:
        await asyncio.gather(sender.prepare(PLAIN)(), sender.prepare(PLAIN)())
        await wait_until(lambda: all(seen.ended for seen in server.conversations))
        assert all(seen.commands[-1] == "QUIT" for seen in server.conversations)
        await sender.prepare(PLAIN)()


async def test_closing_refuses_new_mails_and_lets_those_under_way_finish(server: ScriptedSmtp) -> None:
    async with provider(server) as sender:
        await sender.prepare(PLAIN)()
        sending = asyncio.ensure_future(sender.prepare(PLAIN)())
        await asyncio.sleep(0)
        await sender.close()
        await sending
        assert (await failure_of(sender)).code == "provider_closed"
    assert len(server.mails) == 2


async def test_a_server_that_ignores_quit_does_not_hold_up_the_end(server: ScriptedSmtp) -> None:
    server.on("QUIT", Hold())
    async with provider(server, timeouts=Timeouts(quit=0.01)) as sender:
        await sender.prepare(PLAIN)()
    await wait_until(lambda: server.conversations[0].ended)


@pytest.mark.parametrize(
    "answer", ["421 4.7.0 too many connections", "554 5.7.0 no", "454 4.7.0 rate limit", Cut()]
)
async def test_what_fails_while_others_are_alive_is_a_limit_of_connections(
    server: ScriptedSmtp, answer: Action
) -> None:
    async with provider(server) as sender:
        server.on("CONTENT", Hold())
        under_way = asyncio.ensure_future(sender.prepare(PLAIN)())
        await wait_until(lambda: any(command.endswith("octets]") for command in server.commands))
        server.on("CONNECT", answer)
        failure = await failure_of(sender)
        under_way.cancel()
    assert isinstance(failure, Refused)
    assert (failure.alive, failure.named) == (1, False)
    assert failure.cause is (Cause.ACCESS if answer == "554 5.7.0 no" else Cause.CONNECTIONS)


async def test_while_none_is_alive_one_connection_is_tried_for_all(server: ScriptedSmtp) -> None:
    server.on("CONNECT", "421 4.3.2 not now", "421 4.3.2 not now")
    async with provider(server, limits=PoolLimits(size=10)) as sender:
        failures = await asyncio.gather(*(failure_of(sender) for _ in range(10)))
        assert [(type(failure), failure.code) for failure in failures] == [(Refused, "smtp_421")] * 10
        assert len(server.conversations) == 1


@asynccontextmanager
async def one_waits_for_a_greeting(
    server: ScriptedSmtp, silence_seconds: float
) -> AsyncIterator[tuple[SmtpProvider, asyncio.Future[Accepted], asyncio.Event]]:
    """A mail is under way, until the event is set, and another connection is not greeted."""
    async with provider(server, limits=PoolLimits(size=4, silence_seconds=silence_seconds)) as sender:
        goes_on = asyncio.Event()
        server.on("CONTENT", Until(goes_on))
        under_way = asyncio.ensure_future(sender.prepare(PLAIN)())
        await wait_until(lambda: any(command.endswith("octets]") for command in server.commands))
        server.on("CONNECT", Hold())
        yield sender, under_way, goes_on


async def test_who_waits_for_a_greeting_takes_a_connection_that_is_given_back(server: ScriptedSmtp) -> None:
    async with one_waits_for_a_greeting(server, 60.0) as (sender, under_way, goes_on):
        waits = asyncio.ensure_future(sender.prepare(PLAIN)())
        await wait_until(lambda: len(server.conversations) == 2)
        goes_on.set()
        await asyncio.gather(under_way, waits)
    assert len(server.mails) == 2
    assert server.conversations[1].commands == []


async def test_silence_beside_a_living_connection_is_a_limit(server: ScriptedSmtp) -> None:
    async with one_waits_for_a_greeting(server, 0.05) as (sender, under_way, goes_on):
        for _ in range(3):  # the first after a while, the others at once
            failure = await failure_of(sender)
            assert isinstance(failure, Refused)
            assert (failure.cause, failure.code, failure.alive) == (Cause.CONNECTIONS, "connect_timeout", 1)
        assert len(server.conversations) == 2, "one is enough to know"
        goes_on.set()
        await under_way
        await sender.prepare(PLAIN)()
    assert len(server.mails) == 2


async def test_when_a_connection_ends_another_may_take_its_place(server: ScriptedSmtp) -> None:
    async with one_waits_for_a_greeting(server, 0.05) as (sender, under_way, _):
        assert type(await failure_of(sender)) is Refused
        under_way.cancel()
        await wait_until(lambda: server.conversations[1].ended)
        await sender.prepare(PLAIN)()
    assert len(server.conversations) == 3


async def test_while_a_greeting_does_not_come_another_connection_is_tried(server: ScriptedSmtp) -> None:
    server.on("CONNECT", Hold())
    async with provider(server, limits=PoolLimits(size=4, silence_seconds=0.05)) as sender:
        await sender.prepare(PLAIN)()
    assert len(server.mails) == 1
    assert server.conversations[0].commands == []


async def test_what_a_slow_server_taught_counts_for_those_that_wait_already(server: ScriptedSmtp) -> None:
    server.on("CONNECT", Later(0.4), Later(0.6), Later(0.6))
    async with provider(server, limits=PoolLimits(size=3, silence_seconds=0.2)) as sender:
        goes_on = asyncio.Event()
        server.on("CONTENT", Until(goes_on))
        first = asyncio.ensure_future(sender.prepare(PLAIN)())
        second = asyncio.ensure_future(sender.prepare(PLAIN)())
        await second
        goes_on.set()
        await first
    assert len(server.mails) == 2
