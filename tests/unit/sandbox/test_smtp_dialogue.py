from __future__ import annotations

import base64

import pytest

from hermodr_sandbox.protocols.smtp.session import SmtpOptions
from tests.support.smtp_dialogue import House, sandbox_house


async def test_a_whole_dialogue_stores_the_mail(house: House) -> None:
    peer = await house.connect(greet=False)
    assert (await peer.reply()).startswith("220 ")
    extensions = await peer.ask("EHLO client.example")
    for name in (
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "SIZE 26214400",
        "ENHANCEDSTATUSCODES",
        "AUTH PLAIN LOGIN",
    ):
        assert name in extensions
    assert "STARTTLS" not in extensions
    assert await peer.ask("MAIL FROM:<me@example.org> BODY=8BITMIME SIZE=20") == "250 2.1.0 Sender ok"
    assert await peer.ask("RCPT TO:<you@example.org>") == "250 2.1.5 Recipient ok"
    assert (await peer.ask("DATA")).startswith("354 ")
    await peer.say(b"Message-ID: <1@x>\r\nSubject: hi\r\n\r\nb\xc3\xb6dy\r\n.\r\n")
    assert await peer.reply() == "250 2.0.0 Ok: queued as 1"
    assert (await peer.ask("QUIT")).startswith("221 ")
    assert await peer.ended()
    mail = house.sandbox.mail(1)
    assert mail.raw == b"Message-ID: <1@x>\r\nSubject: hi\r\n\r\nb\xc3\xb6dy\r\n"
    assert (mail.sender, mail.recipients, mail.message_id) == (
        "me@example.org",
        ("you@example.org",),
        "<1@x>",
    )
    assert (mail.client.helo, mail.client.tls, mail.received_at) == (
        "client.example",
        False,
        house.clock.now(),
    )


async def test_everything_in_one_packet(house: House) -> None:
    peer = await house.connect(greet=False)
    await peer.say(
        b"EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\none\r\n.\r\n"
        b"MAIL FROM:<a@x.org>\r\nRCPT TO:<c@x.org>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n"
    )
    codes = [(await peer.reply())[:3] for _ in range(11)]
    assert codes == ["220", "250", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    assert [house.sandbox.mail(n).raw for n in (1, 2)] == [b"one\r\n", b"two\r\n"]


async def test_one_byte_at_a_time(house: House) -> None:
    peer = await house.connect()
    said = b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n..dot\r\n.\r\n"
    for position in range(len(said)):
        await peer.say(said[position : position + 1])
    assert [(await peer.reply())[:3] for _ in range(4)] == ["250", "250", "354", "250"]
    assert house.sandbox.mail(1).raw == b".dot\r\n"


@pytest.mark.parametrize(
    ("wire", "stored"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\r\n...\r\n..b\r\n.\r\n", b"a\r\n..\r\n.b\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n"),
        (b"a\r.\r\n.\r\n", b"a\r.\r\n"),
    ],
)
async def test_only_crlf_dot_crlf_ends_a_mail(house: House, wire: bytes, stored: bytes) -> None:
    peer = await house.connect()
    await peer.begin("you@example.org")
    await peer.say(wire)
    assert (await peer.reply()).startswith("250 ")
    assert house.sandbox.mail(1).raw == stored
    assert len(house.sandbox.mailbox) == 1


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (["BANANA"], "500 5.5.1"),
        ([""], "500 5.5.1"),
        (["EHLO"], "501 5.5.4"),
        (["MAIL FROM:a@x.org"], "501 5.5.4"),
        (["MAIL TO:<a@x.org>"], "501 5.5.4"),
        (["MAIL FROM:<a b@x.org>"], "501 5.1.3"),
        (["MAIL FROM:<a@>"], "501 5.1.3"),
        (["MAIL FROM:<a@x.org> SIZE=many"], "501 5.5.4"),
        (["MAIL FROM:<a@x.org> SIZE=99999999999"], "552 5.3.4"),
        (["MAIL FROM:<a@x.org> BODY=9BIT"], "501 5.5.4"),
        (["MAIL FROM:<a@x.org> COLOUR=red"], "555 5.5.4"),
        (["MAIL FROM:<jö@x.org>"], "553 5.6.7"),
        (["MAIL FROM:<>"], "250 2.1.0"),
        (["MAIL FROM:<jö@x.org> SMTPUTF8"], "250 2.1.0"),
        (["MAIL FROM:<@relay.org,@b.org:a@x.org>"], "250 2.1.0"),
        (['MAIL FROM:<"a b>c"@x.org>'], "250 2.1.0"),
        (["MAIL FROM:<a@x.org>", "MAIL FROM:<a@x.org>"], "503 5.5.1"),
        (["RCPT TO:<a@x.org>"], "503 5.5.1"),
        (["DATA"], "503 5.5.1"),
        (["MAIL FROM:<a@x.org>", "DATA"], "554 5.5.1"),
        (["MAIL FROM:<a@x.org>", "RCPT TO:<>"], "501 5.1.3"),
        (["MAIL FROM:<a@x.org>", "RCPT TO:<jö@x.org>"], "553 5.6.7"),
        (["MAIL FROM:<a@x.org>", "RCPT TO:<b@x.org> NOTIFY=NEVER"], "555 5.5.4"),
        (["MAIL FROM:<a@x.org>", "RCPT TO:<postmaster>"], "250 2.1.5"),
        (["MAIL FROM:<a@x.org>", "RSET", "RCPT TO:<b@x.org>"], "503 5.5.1"),
        (["MAIL FROM:<a@x.org>", "EHLO again", "RCPT TO:<b@x.org>"], "503 5.5.1"),
        (["STARTTLS"], "502 5.5.1"),
        (["AUTH CRAM-MD5"], "504 5.5.4"),
        (["AUTH PLAIN !!!"], "501 5.5.2"),
        (["AUTH PLAIN", "*"], "501 5.7.0"),
        (["NOOP"], "250 2.0.0"),
        (["noop please"], "250 2.0.0"),
        (["VRFY ann"], "252 2.1.5"),
        (["EXPN all"], "502 5.5.1"),
        (["HELO old"], "250 sandbox"),
    ],
)
async def test_replies(house: House, commands: list[str], code: str) -> None:
    peer = await house.connect()
    assert (await peer.ask(*commands)).startswith(code)


async def test_mail_needs_a_greeting(house: House) -> None:
    peer = await house.connect(greet=False)
    await peer.reply()
    assert (await peer.ask("MAIL FROM:<a@x.org>")).startswith("503 5.5.1")


async def test_garbage_is_answered_until_patience_ends(house: House) -> None:
    peer = await house.connect(greet=False)
    await peer.reply()
    await peer.say(b"\x00\xff\xfe\x80\n" * 30)
    replies = [await peer.reply() for _ in range(21)]
    assert all(reply.startswith("500 ") for reply in replies[:20])
    assert replies[20].startswith("421 ")
    assert await peer.ended()
    assert (await (await house.connect()).send("you@example.org")).startswith("250 ")


async def test_an_endless_line_is_refused_once(house: House) -> None:
    peer = await house.connect()
    await peer.say(b"A" * 200_000 + b"\r\nNOOP\r\n")
    assert (await peer.reply()).startswith("500 5.5.2")
    assert (await peer.reply()).startswith("250 ")


@pytest.mark.parametrize(
    ("lines", "code"), [(666, "250 "), (667, "552 5.3.4"), (1334, "552 5.3.4"), (30_000, "552 5.3.4")]
)
async def test_an_oversize_mail_is_refused_and_the_session_goes_on(lines: int, code: str) -> None:
    async with sandbox_house(options=SmtpOptions(max_size=2000)) as house:
        peer = await house.connect()
        assert (await peer.send("you@example.org", content=b"x\r\n" * lines)).startswith(code)
        assert (await peer.send("you@example.org")).startswith("250 ")


async def test_the_limit_counts_the_mail_not_its_doubled_dots() -> None:
    async with sandbox_house(options=SmtpOptions(max_size=3000)) as house:
        peer = await house.connect()
        assert (await peer.send("you@example.org", content=b"..\r\n" * 1000)).startswith("250 ")
        assert house.sandbox.mail(1).raw == b".\r\n" * 1000


async def test_long_text_lines_are_refused_unless_allowed() -> None:
    line = b"x" * 999 + b"\r\n"
    async with sandbox_house() as strict:
        peer = await strict.connect()
        assert (await peer.send("you@example.org", content=line)).startswith("554 5.6.0")
        assert (await peer.send("you@example.org", content=line[1:])).startswith("250 ")
    async with sandbox_house(options=SmtpOptions(max_text_line=0)) as lax:
        assert (await (await lax.connect()).send("you@example.org", content=line)).startswith("250 ")


async def test_the_thousand_and_first_recipient_is_put_off(house: House) -> None:
    peer = await house.connect()
    await peer.ask("MAIL FROM:<a@x.org>")
    await peer.say(b"".join(b"RCPT TO:<r%d@x.org>\r\n" % n for n in range(1001)))
    replies = [await peer.reply() for _ in range(1001)]
    assert {reply[:3] for reply in replies[:1000]} == {"250"}
    assert replies[1000].startswith("452 4.5.3")


async def test_many_connections_and_the_one_too_many() -> None:
    async with sandbox_house(max_connections=50) as house:
        peers = [await house.connect() for _ in range(50)]
        extra = await house.connect(greet=False)
        assert (await extra.reply()).startswith("421 4.7.0")
        assert await extra.ended()
        for peer in peers:
            assert (await peer.send("you@example.org")).startswith("250 ")


def _plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


async def test_any_credentials_will_do_by_default(house: House) -> None:
    peer = await house.connect()
    assert (await peer.ask(f"AUTH PLAIN {_plain('ann', 'x')}")).startswith("235 ")
    assert (await peer.ask(f"AUTH PLAIN {_plain('ann', 'x')}")).startswith("503 ")
    await peer.send("you@example.org")
    assert house.sandbox.mail(1).client.user == "ann"


async def test_required_credentials() -> None:
    async with sandbox_house(options=SmtpOptions(credentials=("ann", "secret"))) as house:
        peer = await house.connect()
        assert (await peer.ask("MAIL FROM:<a@x.org>")).startswith("530 5.7.0")
        assert (await peer.ask(f"AUTH PLAIN {_plain('ann', 'wrong')}")).startswith("535 5.7.8")
        words = [base64.b64encode(word).decode() for word in (b"ann", b"secret")]
        assert await peer.ask("AUTH LOGIN") == "334 " + base64.b64encode(b"Username:").decode()
        assert await peer.ask(words[0]) == "334 " + base64.b64encode(b"Password:").decode()
        assert (await peer.ask(words[1])).startswith("235 ")
        assert (await peer.send("you@example.org")).startswith("250 ")
