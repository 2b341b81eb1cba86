"""Copies of a mail: one transaction, and none of them holds up the mail."""

from __future__ import annotations

import pytest

from hermodr_delivery.failures import PermanentError, TransientError
from tests.support.mails import PLAIN, mail
from tests.support.scripted_smtp import Cut, ScriptedSmtp
from tests.support.smtp_providers import BOTH_WAYS, failure_of, provider

COPIED = mail(cc=("max@example.org",), bcc=("eve@example.org", "zoe@example.org"))
COPIES = {"cc": COPIED.cc, "bcc": COPIED.bcc}


@BOTH_WAYS
async def test_all_get_it_in_one_transaction(extensions: tuple[str, ...]) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        assert (await sender.prepare(COPIED)()).detail == "250 2.0.0"
        await sender.prepare(PLAIN)()
    copied, plain = server.mails
    assert copied.rcpt == "RCPT TO:<jane@example.org>"
    assert copied.copies == tuple(f"RCPT TO:<{each}>" for each in (*COPIED.cc, *COPIED.bcc))
    assert plain.copies == ()


@BOTH_WAYS
@pytest.mark.parametrize("refusal", ["550 5.1.1 eve: no such user", "452 4.2.2 full"])
async def test_a_copy_that_is_refused_is_left_out(extensions: tuple[str, ...], refusal: str) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        server.on("RCPT", "250 ok", "250 ok", refusal)
        accepted = await sender.prepare(COPIED)()
        assert accepted.note == f"1 of 3 copies refused: {refusal[:9]}"
        assert (await sender.prepare(COPIED)()).note is None
    assert [len(each.copies) for each in server.mails] == [2, 3]


@BOTH_WAYS
async def test_without_its_recipient_nobody_gets_a_mail_not_even_an_empty_one(
    extensions: tuple[str, ...],
) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        server.on("RCPT", "550 5.1.1 no such user")
        failure = await failure_of(sender, **COPIES)
        assert isinstance(failure, PermanentError)
        assert failure.bounced
        await sender.prepare(COPIED)()
    (content,) = server.contents
    assert content


@BOTH_WAYS
async def test_a_server_that_leaves_at_a_copy_has_accepted_nothing(extensions: tuple[str, ...]) -> None:
    async with ScriptedSmtp(extensions=extensions).running() as server, provider(server) as sender:
        server.on("RCPT", "250 ok", Cut("421 4.3.2 closing"))
        assert isinstance(await failure_of(sender, **COPIES), TransientError)
        await sender.prepare(COPIED)()
    assert len(server.contents) == 1
