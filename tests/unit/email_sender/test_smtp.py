from __future__ import annotations

import asyncio

import pytest

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    Throttled,
    TransientError,
)
from hermodr_email_sender import mime
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.providers.smtp.dialogue import Reply
from hermodr_email_sender.providers.smtp.dialogue import Stage as Asked
from hermodr_email_sender.providers.smtp.replies import failure
from hermodr_email_sender.providers.smtp.session import Timeouts
from tests.support.mails import PLAIN, SENDER, mail
from tests.support.scripted_smtp import Action, Cut, CutInside, Hold, Later, ScriptedSmtp, Stage, StallInside
from tests.support.smtp_providers import BOTH_WAYS, failure_of, provider
from tests.support.waiting import wait_until


@BOTH_WAYS
async def test_a_mail_arrives_as_it_was_built(extensions: tuple[str, ...]) -> None:
    message = mail(text=".\n..two\nthree\n.", html="<p>.</p>\n.\n")
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        accepted = await sender.prepare(message)()
    content = mime.build(message, SENDER).content
    (received,) = server.mails
    assert undotted(received.content) == content
    size = f" SIZE={len(content)}" if extensions else ""
    assert received.mail == f"MAIL FROM:<{SENDER.address}>{size}"
    assert received.rcpt == "RCPT TO:<jane@example.org>"
    assert accepted.provider_message_id == "4XyZ01abc"
    assert accepted.detail == "250 2.0.0"


def undotted(content: bytes) -> bytes:
    lines = content.split(b"\r\n")
    assert b"." not in lines
    return b"\r\n".join(line.removeprefix(b".") for line in lines)


async def test_pipelining_sends_the_envelope_in_one_write() -> None:
    async with ScriptedSmtp(together=True).running() as server, provider(server) as sender:
        await sender.prepare(PLAIN)()
        await sender.prepare(PLAIN)()
    assert len(server.mails) == 2


async def test_connections_are_reused_and_end_with_quit(server: ScriptedSmtp) -> None:
    async with provider(server) as sender:
        for _ in range(3):
            await sender.prepare(PLAIN)()
    assert len(server.mails) == 3
    (conversation,) = server.conversations
    await wait_until(lambda: conversation.ended)
    assert conversation.commands[-1] == "QUIT"
    assert "RSET" not in conversation.commands


REFUSALS: list[tuple[str, str, type[DeliveryFailure], str, float | bool | Cause | None]] = [
    ("MAIL", "451 4.3.0 later", TransientError, "smtp_451", None),
    ("MAIL", "450 4.7.1 slow down", Refused, "smtp_450", Cause.PACE),
    ("MAIL", "452 4.3.1 full, try again in 5 minutes", Refused, "smtp_452", Cause.PACE),
    ("MAIL", "421 4.7.0 too many, wait 30 seconds", Refused, "smtp_421", Cause.PACE),
    ("MAIL", "530 5.7.0 authenticate first", Refused, "auth_failed", Cause.ACCESS),
    ("MAIL", "550 5.1.8 bad sender", Refused, "access_refused", Cause.ACCESS),
    ("MAIL", "552 5.3.4 too big", PermanentError, "smtp_552", False),
    ("RCPT", "450 4.2.0 greylisted jane@example.org", Throttled, "smtp_450", None),
    ("RCPT", "451 4.2.0 jane", TransientError, "smtp_451", None),
    ("RCPT", "451 4.7.1 Greylisted, try again in 600 seconds", TransientError, "smtp_451", 600.0),
    ("RCPT", "421 4.3.2 closing", Refused, "smtp_421", Cause.PACE),
    ("RCPT", "550 5.1.1 <jane@example.org>: no such user", PermanentError, "smtp_550", True),
    ("RCPT", "550 no such user Jane", PermanentError, "smtp_550", True),
    ("RCPT", "551 5.1.6 moved", PermanentError, "smtp_551", True),
    ("RCPT", "553 bad mailbox name", PermanentError, "smtp_553", True),
    ("RCPT", "554 5.1.0 rejected", PermanentError, "smtp_554", False),
    ("RCPT", "550 5.7.1 blocked by policy", PermanentError, "smtp_550", False),
    ("RCPT", "552 5.2.2 mailbox full", PermanentError, "smtp_552", False),
    ("RCPT", "550-5.1.1 first line\r\n550 5.1.1 second line", PermanentError, "smtp_550", True),
    ("DATA", "451 4.3.0 later", TransientError, "smtp_451", None),
    ("DATA", "554 5.5.1 no", PermanentError, "smtp_554", False),
    ("CONTENT", "451 4.3.0 later", TransientError, "smtp_451", None),
    ("CONTENT", "421 4.3.0 closing", Refused, "smtp_421", Cause.PACE),
    ("CONTENT", "550 5.1.1 no such user after all", PermanentError, "smtp_550", True),
    ("CONTENT", "550 5.7.1 spam", PermanentError, "smtp_550", False),
    ("CONTENT", "554 5.6.0 malformed", PermanentError, "smtp_554", False),
]


@BOTH_WAYS
@pytest.mark.parametrize(("stage", "answer", "kind", "code", "more"), REFUSALS)
async def test_every_refusal_has_its_class_and_the_next_mail_gets_through(
    stage: Stage,
    answer: str,
    kind: type[DeliveryFailure],
    code: str,
    more: object,
    extensions: tuple[str, ...],
) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        server.on(stage, answer)
        failure = await failure_of(sender)
        assert (type(failure), failure.code) == (kind, code)
        if isinstance(failure, PermanentError):
            assert failure.bounced is more
        if isinstance(failure, Throttled):
            assert failure.retry_after == more
        if isinstance(failure, Refused):
            assert (failure.cause, failure.named) == (more, True)
        await sender.prepare(PLAIN)()
        assert len([received for received in server.mails if received.content]) == 1
        assert len(server.conversations) == (2 if code == "smtp_421" else 1), (
            "only a 421 costs the connection"
        )


async def test_a_refused_recipient_behind_a_354_ends_with_an_empty_message(server: ScriptedSmtp) -> None:
    """RFC 2920 §3.1: DATA was pipelined and accepted though no recipient was."""
    server.on("RCPT", "550 5.1.1 unknown")
    server.on("CONTENT", "554 5.5.1 no valid recipients")
    async with provider(server) as sender:
        failure = await failure_of(sender)
        await sender.prepare(PLAIN)()
    assert isinstance(failure, PermanentError)
    assert failure.bounced
    (conversation,) = server.conversations
    verbs = [command.split(" ")[0] for command in conversation.commands]
    assert verbs[:5] == ["EHLO", "MAIL", "RCPT", "DATA", "[0"]
    assert verbs[5] == "RSET"
    assert len(server.mails) == 1


async def test_a_refused_recipient_with_data_refused_too_needs_no_message(server: ScriptedSmtp) -> None:
    server.on("RCPT", "550 5.1.1 unknown")
    server.on("DATA", "503 5.5.1 no recipients")
    async with provider(server) as sender:
        failure = await failure_of(sender)
        await sender.prepare(PLAIN)()
    assert failure.code == "smtp_550"
    assert len(server.conversations) == 1
    assert not any("[0" in command for command in server.commands)


async def test_a_refused_sender_is_what_counts_when_everything_behind_it_fails(server: ScriptedSmtp) -> None:
    server.on("MAIL", "552 5.3.4 too big")
    server.on("RCPT", "503 5.5.1 MAIL first")
    server.on("DATA", "503 5.5.1 RCPT first")
    async with provider(server) as sender:
        assert (await failure_of(sender)).code == "smtp_552"


@BOTH_WAYS
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_a_break_before_the_content_is_transient(stage: Stage, extensions: tuple[str, ...]) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        server.on(stage, Cut())
        failure = await failure_of(sender)
        assert (type(failure), failure.code) == (TransientError, "connection_lost")
        await sender.prepare(PLAIN)()


@BOTH_WAYS
async def test_a_refusal_counts_even_if_the_server_hangs_up_after_it(extensions: tuple[str, ...]) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        server.on("RCPT", Cut("550 5.1.1 unknown, bye"))
        failure = await failure_of(sender)
        assert isinstance(failure, PermanentError)
        assert failure.bounced


@pytest.mark.parametrize("action", [Cut(), Cut("2"), Hold(), "9999 nonsense"])
async def test_no_reply_after_the_final_dot_is_unknown(server: ScriptedSmtp, action: Action) -> None:
    server.on("CONTENT", action)
    async with provider(server, timeouts=Timeouts(connect=10, command=10, content=0.05)) as sender:
        failure = await failure_of(sender)
        assert type(failure) is OutcomeUnknown
        assert failure.code in {
            "connection_lost_after_data",
            "timeout_after_data",
            "protocol_error_after_data",
        }
        await sender.prepare(PLAIN)()


@BOTH_WAYS
@pytest.mark.parametrize("answer", ["354 what", "334 go on", "399 5.1.1 no such user"])
async def test_neither_yes_nor_no_to_the_content_is_unknown(extensions: tuple[str, ...], answer: str) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        await sender.prepare(PLAIN)()
        server.on("CONTENT", answer)
        failure = await failure_of(sender)
        assert (type(failure), failure.code) == (OutcomeUnknown, "protocol_error_after_data")
        await sender.prepare(PLAIN)()
    assert len(server.conversations) == 2


@pytest.mark.parametrize(
    ("action", "code"), [(CutInside(1000), "connection_lost"), (StallInside(1000), "timeout")]
)
async def test_a_break_inside_the_content_is_transient(
    server: ScriptedSmtp, action: Action, code: str
) -> None:
    """The message is larger than all buffers on its way, so its final dot never left this process."""
    server.on("CONTENT", action)
    async with provider(server, timeouts=Timeouts(block=0.2)) as sender:
        failure = await failure_of(sender, text=("x" * 70 + "\n") * 300_000)
    assert (type(failure), failure.code) == (TransientError, code)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_silence_before_the_content_is_a_transient_timeout(server: ScriptedSmtp, stage: Stage) -> None:
    server.on(stage, Hold())
    async with provider(server, timeouts=Timeouts(connect=10, command=0.05, data=0.05)) as sender:
        failure = await failure_of(sender)
    assert (type(failure), failure.code) == (TransientError, "timeout")


@BOTH_WAYS
async def test_each_reply_has_time_of_its_own(extensions: tuple[str, ...]) -> None:
    """RFC 5321 §4.5.3.2: what MAIL took is not missing to RCPT; together they take longer than one may."""
    async with (
        ScriptedSmtp(extensions=extensions).running() as server,
        provider(server, timeouts=Timeouts(session=1.5, command=1.5, data=1.5, content=1.5)) as sender,
    ):
        loop = asyncio.get_running_loop()
        for stage in ("MAIL", "RCPT", "DATA", "CONTENT"):
            server.on(stage, Later(0.5))
        began = loop.time()
        await sender.prepare(PLAIN)()
    assert loop.time() - began > 1.5
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "answer", ["hello", "099 x", "250" + "x" * 40_000, "\0", "250-\r\n" * 10_000 + "250 ok"]
)
async def test_a_server_that_talks_nonsense_is_a_transient_protocol_error(
    server: ScriptedSmtp, answer: str
) -> None:
    server.on("MAIL", answer)
    async with provider(server) as sender:
        failure = await failure_of(sender)
    assert (type(failure), failure.code) == (TransientError, "protocol_error")


async def test_a_data_reply_that_is_neither_yes_nor_no_costs_the_connection(server: ScriptedSmtp) -> None:
    server.on("DATA", "250 2.0.0 ok?")
    async with provider(server) as sender:
        assert (await failure_of(sender)).code == "protocol_error"
        await sender.prepare(PLAIN)()
    assert len(server.conversations) == 2


async def test_smtputf8_is_used_when_offered(server: ScriptedSmtp) -> None:
    async with provider(server) as sender:
        await sender.prepare(mail(to_address="jané@bücher.example"))()
    (received,) = server.mails
    assert received.mail.endswith("> SMTPUTF8 BODY=8BITMIME")
    assert received.rcpt == "RCPT TO:<jané@xn--bcher-kva.example>"


async def test_smtputf8_is_named_when_missing() -> None:
    async with ScriptedSmtp(extensions=["PIPELINING"]).running() as server, provider(server) as sender:
        failure = await failure_of(sender, to_address="jané@example.org")
        assert (type(failure), failure.code) == (PermanentError, "smtputf8_unsupported")
        assert "SMTPUTF8" in failure.detail
        await sender.prepare(PLAIN)()
        assert len(server.conversations) == 1


async def test_a_message_over_the_offered_size_is_refused_before_it_is_sent() -> None:
    async with ScriptedSmtp(extensions=["SIZE 1000"]).running() as server, provider(server) as sender:
        failure = await failure_of(sender, text="x" * 1000)
        assert (type(failure), failure.code) == (PermanentError, "message_too_large")


async def test_what_cannot_be_built_is_permanent(server: ScriptedSmtp) -> None:
    async with provider(server) as sender:
        failure = await failure_of(sender, subject="hello\r\nBcc: joe@example.org")
        assert (type(failure), failure.code) == (PermanentError, "header_injection")
    assert not server.conversations


async def test_the_mails_own_sender_comes_first(server: ScriptedSmtp) -> None:
    async with provider(server) as sender:
        await sender.prepare(mail(sender=Mailbox("other@hermodr.example")))()
    assert server.mails[0].mail == "MAIL FROM:<other@hermodr.example>"


@pytest.mark.parametrize(
    ("stage", "reply", "about_message"),
    [
        (Asked.RCPT, "450 4.2.0 greylisted", True),
        (Asked.RCPT, "451 4.3.0 Local error in processing", True),
        (Asked.RCPT, "451 try again later", True),
        (Asked.RCPT, "451 4.4.1 no route to the host", False),
        (Asked.MAIL, "451 4.3.0 Local error in processing", False),
        (Asked.MAIL, "451 4.1.8 sender's domain does not resolve", True),
        (Asked.CONTENT, "451 4.3.0 Local error in processing", False),
        (Asked.CONTENT, "451 4.6.0 cannot be converted", True),
    ],
)
def test_whose_trouble_a_4xx_is(stage: Asked, reply: str, about_message: bool) -> None:
    """Only a server's own trouble opens its breaker, and is taken over by another provider."""
    assert failure(stage, Reply(int(reply[:3]), reply[4:])).about_message is about_message
