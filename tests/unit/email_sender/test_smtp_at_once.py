"""Whole mails in one write, where the server offers CHUNKING and the connection is known to be alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hermodr_delivery.failures import (
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Throttled,
    TransientError,
)
from hermodr_email_sender import mime
from hermodr_email_sender.providers.smtp.content import may_go_unasked
from hermodr_email_sender.providers.smtp.session import Timeouts
from tests.support.mails import PLAIN, SENDER, mail
from tests.support.scripted_smtp import Action, Cut, Hold, ScriptedSmtp, Stage, Until
from tests.support.smtp_providers import failure_of, provider
from tests.support.waiting import wait_until

OFFERED = ("PIPELINING", "CHUNKING", "SIZE 100000000")


@pytest.fixture
async def chunking() -> AsyncIterator[ScriptedSmtp]:
    async with ScriptedSmtp(extensions=OFFERED).running() as running:
        yield running


def verbs(server: ScriptedSmtp) -> list[str]:
    return [verb for each in server.commands if (verb := each.split(" ")[0]) not in ("EHLO", "QUIT")]


async def test_the_first_mail_asks_before_it_sends_and_the_next_ones_go_at_once(
    chunking: ScriptedSmtp,
) -> None:
    message = mail(text=".\n..two\nthree\n.", html="<p>.</p>\n.\n")
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        accepted = await sender.prepare(message)()
        await sender.prepare(PLAIN)()
    content = mime.build(message, SENDER).content
    assert chunking.mails[1].content == content, "nothing is dot-stuffed"
    assert accepted.provider_message_id == "4XyZ01abc"
    assert [verb for verb in verbs(chunking) if verb in ("DATA", "BDAT")] == ["DATA", "BDAT", "BDAT"]
    assert f"BDAT {len(content)} LAST" in chunking.commands


@pytest.mark.parametrize("offered", [("CHUNKING",), ("PIPELINING",), (*OFFERED, "BURL")])
async def test_both_extensions_are_needed_and_no_third_way_to_make_mails(offered: tuple[str, ...]) -> None:
    async with ScriptedSmtp(extensions=offered).running() as server, provider(server) as sender:
        await sender.prepare(PLAIN)()
        await sender.prepare(PLAIN)()
    assert "BDAT" not in verbs(server)
    assert len(server.mails) == 2


async def test_a_large_mail_waits_for_its_recipient_to_be_accepted(chunking: ScriptedSmtp) -> None:
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        await sender.prepare(mail(text=("x" * 70 + "\n") * 2_000))()
    assert "BDAT" not in verbs(chunking)
    assert len(chunking.mails) == 2


@pytest.mark.parametrize(
    ("content", "may"),
    [
        (b"Date: today\r\n\r\nThe date is updated, bdx, daTe.\r\n", True),
        (b"", True),
        (b"dat", True),
        (b"the date, and a DaTa", False),
        (b"data", False),
        (b"date, bDat", False),
        (b"a\nrCpt to", False),
        (b"xdatdata", False),
        (b"dadata", False),
    ],
)
def test_words_that_mails_are_made_by_are_found_anywhere(content: bytes, may: bool) -> None:
    assert may_go_unasked(content) is may


async def test_a_connection_that_was_idle_is_asked_first(
    chunking: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermodr_email_sender.providers.smtp.session._ALIVE_SECONDS", 0.0)
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        await sender.prepare(PLAIN)()
    assert "BDAT" not in verbs(chunking)


@pytest.mark.parametrize(
    ("stage", "answer", "kind", "bounced"),
    [
        ("MAIL", "451 4.3.0 later", TransientError, None),
        ("MAIL", "552 5.3.4 too big", PermanentError, False),
        ("RCPT", "450 4.2.0 greylisted jane@example.org", Throttled, None),
        ("RCPT", "550 5.1.1 <jane@example.org>: no such user", PermanentError, True),
        ("CONTENT", "451 4.3.0 later", TransientError, None),
        ("CONTENT", "550 5.7.1 spam", PermanentError, False),
        ("CONTENT", "550 5.1.1 no such user after all", PermanentError, True),
    ],
)
async def test_a_refusal_has_its_class_and_ends_the_connection(
    chunking: ScriptedSmtp, stage: Stage, answer: str, kind: type[DeliveryFailure], bounced: object
) -> None:
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        chunking.on(stage, answer)
        failure = await failure_of(sender)
        assert type(failure) is kind
        assert failure.code == f"smtp_{answer[:3]}"
        if isinstance(failure, PermanentError):
            assert failure.bounced is bounced
        await wait_until(lambda: chunking.conversations[0].ended)
        await sender.prepare(PLAIN)()
        await sender.prepare(PLAIN)()
    assert len(chunking.mails) == 3
    assert len(chunking.conversations) == 2, "nobody knows what the server took the content for"
    assert chunking.conversations[0].commands[-1].startswith("BDAT"), "nothing more is said"


@pytest.mark.parametrize("action", ["421 4.7.0 enough for this connection", Cut("421 4.7.0 enough")])
async def test_a_server_that_has_had_enough_of_the_connection_gets_the_mail_on_another(
    chunking: ScriptedSmtp, action: Action
) -> None:
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        chunking.on("MAIL", action)
        await sender.prepare(PLAIN)()
    assert len(chunking.mails) == 2
    assert len(chunking.conversations) == 2


async def test_a_refusal_counts_even_if_the_server_hangs_up_after_it(chunking: ScriptedSmtp) -> None:
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        chunking.on("RCPT", Cut("550 5.1.1 unknown, bye"))
        failure = await failure_of(sender)
    assert isinstance(failure, PermanentError)
    assert failure.bounced


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "CONTENT"])
@pytest.mark.parametrize("action", [Cut(), Hold()])
async def test_no_reply_after_everything_was_sent_is_unknown(
    chunking: ScriptedSmtp, stage: Stage, action: Action
) -> None:
    """Whoever falls silent has the whole mail, wherever in the dialogue its last reply was."""
    async with provider(chunking, timeouts=Timeouts(content=0.2)) as sender:
        await sender.prepare(PLAIN)()
        chunking.on(stage, action)
        failure = await failure_of(sender)
        assert type(failure) is OutcomeUnknown
        assert failure.code in {"connection_lost_after_data", "timeout_after_data"}
        await sender.prepare(PLAIN)()
    assert len(chunking.mails) == 2


async def test_nonsense_instead_of_a_reply_is_unknown(chunking: ScriptedSmtp) -> None:
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        chunking.on("CONTENT", "9999 nonsense")
        assert (await failure_of(sender)).code == "protocol_error_after_data"


async def test_a_reply_out_of_step_costs_the_connection(chunking: ScriptedSmtp) -> None:
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        chunking.on("RCPT", "354 go ahead")
        failure = await failure_of(sender)
        assert (type(failure), failure.code) == (TransientError, "protocol_error")
        await sender.prepare(PLAIN)()
    assert len(chunking.conversations) == 2


FORGERY = "MAIL FROM:<boss@hermodr.example>\nRCPT TO:<bank@example.org>\nDATA\nSubject: pay\n\nnow\n.\n"
FORGERIES = {
    "lines": FORGERY,
    "after RSET": f"RSET\n{FORGERY}",
    "small letters": FORGERY.lower(),
    "indented": "".join(f"  {line}\n" for line in FORGERY.splitlines()),
    "many": FORGERY * 8,
    "with a greeting": f"EHLO me\n{FORGERY}QUIT\n",
    "in chunks": FORGERY.replace("DATA\n", "BDAT 3 LAST\nabc\n"),
    "only what an accepted envelope lacks": "DATA\nFrom: boss@hermodr.example\nSubject: pay\n\nnow\n.\n",
    "the same in chunks": "bdat 3 last\nabc\n",
    "behind as much as a server may read at once": "".join(
        "x" * 512 + f"{line}\n" for line in FORGERY.splitlines()
    ),
}


@pytest.fixture
async def misreading() -> AsyncIterator[ScriptedSmtp]:
    """It offers CHUNKING, and takes the content behind a BDAT that it refuses for commands."""
    async with ScriptedSmtp(extensions=OFFERED, misreads=True).running() as running:
        yield running


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("MAIL", "550 5.7.1 not from you"),
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "450 4.2.0 greylisted"),
        ("BDAT", "502 5.5.1 not implemented"),
    ],
)
async def test_nobody_makes_mails_of_what_a_mail_says(
    misreading: ScriptedSmtp, stage: Stage, answer: str, forgery: str
) -> None:
    async with provider(misreading) as sender:
        await sender.prepare(PLAIN)()
        misreading.on(stage, answer)
        if stage == "BDAT":  # is not used
            await sender.prepare(mail(text=f"Hello\n{forgery}"))()
        else:
            await failure_of(sender, text=f"Hello\n{forgery}")
        await sender.prepare(PLAIN)()
    mails = [received for received in misreading.mails if received.content]
    assert {received.rcpt for received in mails} == {"RCPT TO:<jane@example.org>"}
    assert len(mails) == (3 if stage == "BDAT" else 2)
    assert not [command for command in misreading.commands if "bank@" in command]


@pytest.mark.parametrize(("stage", "code"), [("MAIL", "access_refused"), ("RCPT", "smtp_550")])
async def test_a_refusal_by_a_server_that_misreads_ends_the_connection(
    misreading: ScriptedSmtp, stage: Stage, code: str
) -> None:
    async with provider(misreading) as sender:
        await sender.prepare(PLAIN)()
        misreading.on(stage, "550 5.1.1 no such user")
        assert (await failure_of(sender)).code == code
        await sender.prepare(PLAIN)()
    assert len(misreading.mails) == 2
    assert len(misreading.conversations) == 2


@pytest.mark.parametrize("misreads", [True, False])
@pytest.mark.parametrize("code", [500, 501, 502, 503, 504])
async def test_a_server_that_does_not_know_bdat_gets_data_from_then_on(code: int, misreads: bool) -> None:
    async with (
        ScriptedSmtp(extensions=OFFERED, misreads=misreads).running() as server,
        provider(server) as sender,
    ):
        go_on = asyncio.Event()
        server.on("CONTENT", *[Until(go_on)] * 3)
        sending = [asyncio.ensure_future(sender.prepare(PLAIN)()) for _ in range(3)]
        await wait_until(lambda: verbs(server).count("DATA") == 3)  # three connections, all alive
        go_on.set()
        await asyncio.gather(*sending)
        server.on("BDAT", f"{code} 5.5.1 what?")
        for _ in range(4):
            await sender.prepare(PLAIN)()
    assert len(server.mails) == 7, "the one that was refused as well, and none twice"
    assert verbs(server).count("BDAT") == 1


async def test_any_other_refusal_of_bdat_is_the_mails(chunking: ScriptedSmtp) -> None:
    async with provider(chunking) as sender:
        await sender.prepare(PLAIN)()
        chunking.on("BDAT", "552 5.3.4 too big")
        assert (await failure_of(sender)).code == "smtp_552"
        await sender.prepare(PLAIN)()
        await sender.prepare(PLAIN)()
    assert verbs(chunking).count("BDAT") == 2


async def test_a_whole_mail_is_one_write() -> None:
    """`together` keeps the replies to MAIL and RCPT until the last command of the group has come."""
    async with (
        ScriptedSmtp(extensions=OFFERED, together=True).running() as server,
        provider(server) as sender,
    ):
        for _ in range(3):
            await sender.prepare(PLAIN)()
    assert len(server.mails) == 3
    assert verbs(server).count("BDAT") == 2
