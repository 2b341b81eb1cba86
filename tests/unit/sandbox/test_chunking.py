"""BDAT (RFC 3030): octets counted, never read as commands, and faults as with DATA."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, PermanentError, TransientError
from hermodr_email_sender.providers.smtp.endpoint import Security, SmtpEndpoint
from hermodr_email_sender.providers.smtp.provider import SmtpProvider
from hermodr_sandbox.protocols.smtp.session import SmtpOptions
from tests.support.mails import PLAIN, SENDER, mail
from tests.support.smtp_dialogue import Dialogue, House, sandbox_house
from tests.support.smtp_providers import PATIENT

ENVELOPE = b"MAIL FROM:<me@example.org>\r\nRCPT TO:<you@example.org>\r\n"
COMMANDS = b"RSET\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nforged\r\n.\r\n"


async def codes(peer: Dialogue, count: int) -> list[str]:
    return [(await peer.reply())[:3] for _ in range(count)]


def chunk(content: bytes, last: str = " LAST") -> bytes:
    return b"BDAT %d%b\r\n%b" % (len(content), last.encode(), content)


async def test_it_is_offered(house: House) -> None:
    peer = await house.connect(greet=False)
    await peer.reply()
    assert "CHUNKING" in await peer.ask("EHLO client.example")


async def test_envelope_and_mail_in_one_write(house: House) -> None:
    peer = await house.connect()
    content = b"Subject: x\r\n\r\n.\r\n..two\r\nno line end"
    await peer.say(ENVELOPE + chunk(content) + ENVELOPE + chunk(b"two\r\n", " last") + b"NOOP\r\n")
    assert await codes(peer, 7) == ["250"] * 7
    assert [house.sandbox.mail(n).raw for n in (1, 2)] == [content, b"two\r\n"]


async def test_one_octet_at_a_time_and_in_several_chunks(house: House) -> None:
    peer = await house.connect()
    for octet in ENVELOPE + chunk(b"one\r\n", "") + chunk(b"", "") + chunk(b"two\r\n") + b"NOOP\r\n":
        await peer.say(bytes([octet]))
    assert await codes(peer, 6) == ["250"] * 6
    assert house.sandbox.mail(1).raw == b"one\r\ntwo\r\n"


@pytest.mark.parametrize(
    ("envelope", "answers"),
    [
        (b"", ["503"]),
        (b"MAIL FROM:<me@example.org>\r\n", ["250", "554"]),
        (b"MAIL FROM:<me@example.org>\r\nRCPT TO:<gone+550@example.org>\r\n", ["250", "550", "554"]),
    ],
)
async def test_what_belongs_to_nothing_is_read_and_dropped(
    house: House, envelope: bytes, answers: list[str]
) -> None:
    peer = await house.connect()
    await peer.say(envelope + chunk(COMMANDS) + b"RSET\r\n" + ENVELOPE + chunk(b"mine\r\n"))
    assert await codes(peer, len(answers) + 4) == [*answers, "250", "250", "250", "250"]
    assert [each.raw for each in (house.sandbox.mail(1),)] == [b"mine\r\n"]
    assert house.sandbox.mailbox.totals.mails == 1


@pytest.mark.parametrize(
    "line", [b"BDAT", b"BDAT x LAST", b"BDAT -1", b"BDAT 5 FIRST", b"BDAT 99999999999 LAST"]
)
async def test_a_size_that_nobody_understands_ends_the_connection(house: House, line: bytes) -> None:
    peer = await house.connect()
    await peer.say(ENVELOPE + line + b"\r\n" + COMMANDS)
    assert await codes(peer, 3) == ["250", "250", "501"]
    assert await peer.ended()
    assert house.sandbox.mailbox.totals.mails == 0


async def test_data_after_bdat_is_out_of_order(house: House) -> None:
    peer = await house.connect()
    await peer.say(ENVELOPE + chunk(b"one\r\n", ""))
    await codes(peer, 3)
    assert (await peer.ask("DATA")).startswith("503 ")


async def test_too_much_is_dropped_and_the_next_mail_is_taken() -> None:
    async with sandbox_house(options=SmtpOptions(max_size=100)) as house:
        peer = await house.connect()
        for content in (chunk(b"x" * 101), chunk(b"x" * 60, "") + chunk(b"x" * 60), chunk(b"fits\r\n")):
            await peer.say(ENVELOPE + content)
        assert await codes(peer, 10) == ["250", "250", "552", "250", "250", "250", "552", "250", "250", "250"]
        assert house.sandbox.mailbox.totals.mails == 1
        await peer.say(chunk(b"x" * 1000) + ENVELOPE + chunk(b"fits\r\n"))
        assert await codes(peer, 4) == ["503", "250", "250", "250"]


@pytest.mark.parametrize(
    ("stage", "answers"),
    [("rcpt", ["250", "450", "554"]), ("data", ["250", "250", "450"]), ("after_data", ["250", "250", "450"])],
)
async def test_rules_answer_at_their_stage(house: House, stage: str, answers: list[str]) -> None:
    await house.fault(stage=stage, action={"kind": "reply", "code": 450}, times=1)
    peer = await house.connect()
    await peer.say(ENVELOPE + chunk(COMMANDS) + b"RSET\r\n" + ENVELOPE + chunk(b"mine\r\n"))
    assert await codes(peer, 7) == [*answers, "250", "250", "250", "250"]
    assert house.sandbox.mailbox.totals.mails == 1


async def test_a_reply_at_bdat_takes_the_chunk_for_commands(house: House) -> None:
    await house.fault(stage="bdat", action={"kind": "reply", "code": 502}, times=1)
    peer = await house.connect()
    await peer.say(ENVELOPE + chunk(COMMANDS) + ENVELOPE + chunk(b"mine\r\n"))
    assert await codes(peer, 11) == [
        "250",
        "250",
        "502",
        "250",
        "250",
        "250",
        "354",
        "250",
        "250",
        "250",
        "250",
    ]
    assert [house.sandbox.mail(n).raw for n in (1, 2)] == [b"forged\r\n", b"mine\r\n"]


@pytest.mark.parametrize(("action", "stored"), [("drop_after_data", 1), ("drop_before_accept", 0)])
async def test_rules_cut_at_the_end(house: House, action: str, stored: int) -> None:
    await house.fault(action={"kind": action})
    peer = await house.connect()
    await peer.say(ENVELOPE + chunk(b"mine\r\n"))
    assert await codes(peer, 2) == ["250", "250"]
    assert await peer.ended()
    assert house.sandbox.mailbox.totals.mails == stored


async def test_a_delay_holds_what_follows(house: House) -> None:
    await house.fault(stage="data", action={"kind": "delay", "seconds": 0.05})
    peer = await house.connect()
    await peer.say(ENVELOPE + chunk(b"one\r\n", "") + chunk(b"two\r\n"))
    assert await codes(peer, 4) == ["250"] * 4
    assert house.sandbox.mail(1).raw == b"one\r\ntwo\r\n"


@pytest.fixture
def sender(house: House) -> SmtpProvider:
    context = ssl.create_default_context()
    endpoint = SmtpEndpoint(
        "127.0.0.1", house.server.port, Security.NONE, context, helo="test.example", timeouts=PATIENT
    )
    return SmtpProvider(endpoint, sender=SENDER)


async def test_our_sender_goes_this_way_until_it_is_told_that_it_does_not_exist(
    house: House, sender: SmtpProvider
) -> None:
    await sender.prepare(PLAIN)()
    rule = await house.fault(stage="bdat", action={"kind": "reply", "code": 502})
    for _ in range(3):
        await sender.prepare(mail(text=f"Hello\n{COMMANDS.decode()}"))()
        await sender.prepare(PLAIN)()
    await sender.close()
    assert await house.fired(rule) == 1
    assert house.sandbox.mailbox.totals.mails == 7


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ann+550@example.org", PermanentError),
        ("ann+451@example.org", TransientError),
        ("ann+451-dot@example.org", TransientError),
        ("ann+drop@example.org", OutcomeUnknown),
        ("ann+drop-dot@example.org", OutcomeUnknown),
        ("ann+dropafter@example.org", OutcomeUnknown),
    ],
)
async def test_what_faults_by_address_mean_to_our_sender(
    house: House, sender: SmtpProvider, address: str, kind: type[DeliveryFailure]
) -> None:
    await sender.prepare(PLAIN)()
    with pytest.raises(kind):
        await sender.prepare(mail(to_address=address))()
    await asyncio.gather(*[sender.prepare(PLAIN)() for _ in range(2)])
    await sender.close()
