"""Whatever a client sends by the rules of dot-stuffing is stored unchanged, however the network cuts it up."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st

from hermodr_sandbox.protocols.smtp.connection import Lobby
from hermodr_sandbox.protocols.smtp.session import SmtpOptions, SmtpSession
from hermodr_sandbox.service import Sandbox
from tests.support.smtp_dialogue import MovableClock


class SilentTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def stuffed(content: bytes) -> bytes:
    """As RFC 5321 §4.5.2 has it (and smtplib does), with the final dot."""
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def _sandbox() -> Sandbox:
    return Sandbox.build(MovableClock(), max_mails=100, max_bytes=1 << 24, address_tags=True)


async def _deliver(wire: bytes, cuts: list[int]) -> tuple[Sandbox, bytes]:
    sandbox = _sandbox()
    session = SmtpSession(Lobby(sandbox, 1 << 20, 10, set()), SmtpOptions(), tls=False)
    transport = SilentTransport()
    session.connection_made(transport)
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        session.data_received(wire[start:end])
    session.connection_lost(None)
    return sandbox, bytes(transport.written)


_LINES = st.lists(
    st.sampled_from(
        [b"\r\n", b".", b"..", b"\r", b"\n", b"x", b"\xff\x00", b"\r\n.\r\n", b".\r\n", b"QUIT\r\n"]
    ),
    max_size=20,
).map(b"".join)


@given(st.one_of(st.binary(max_size=300), _LINES), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_bytes_come_through_unchanged(content: bytes, cuts: list[int]) -> None:
    wire = b"EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n" + stuffed(content)
    sandbox, _ = asyncio.run(_deliver(wire + b"QUIT\r\n", cuts))
    ended = content if not content or content.endswith(b"\r\n") else content + b"\r\n"
    assert [mail.raw for mail in sandbox.mailbox.newest_first()] == [ended]


@given(st.binary(max_size=400), st.lists(st.integers(0, 10_000), max_size=6))
def test_no_bytes_break_a_session(wire: bytes, cuts: list[int]) -> None:
    _, written = asyncio.run(_deliver(wire, cuts))
    assert written.startswith(b"220 ")
    assert all(line[:3].isdigit() for line in written.splitlines())


_COMMANDS = st.lists(
    st.sampled_from(
        [
            b"EHLO c", b"HELO c", b"MAIL FROM:<a@x.org>", b"MAIL FROM:<>", b"RCPT TO:<b@x.org>",
            b"RCPT TO:<b+550@x.org>", b"RCPT TO:<b+421@x.org>",
            b"RCPT TO:<b+dropafter@x.org>", b"RCPT TO:<b+452x1-dot@x.org>", b"DATA", b".", b"RSET",
            b"AUTH PLAIN", b"AUTH LOGIN", b"*", b"AGEAYg==",
            b"STARTTLS", b"NOOP", b"VRFY x", b"QUIT", b"", b"\xff", b"A" * 13_000,
        ]
    ),
    max_size=30,
)  # fmt: skip


@given(_COMMANDS, st.lists(st.integers(0, 100_000), max_size=8))
def test_commands_in_any_order_mean_the_same_however_they_are_cut(
    commands: list[bytes], cuts: list[int]
) -> None:
    wire = b"".join(command + b"\r\n" for command in commands)
    whole, said = asyncio.run(_deliver(wire, []))
    pieces, answered = asyncio.run(_deliver(wire, cuts))
    assert said == answered
    assert [m.raw for m in whole.mailbox.newest_first()] == [m.raw for m in pieces.mailbox.newest_first()]
    assert whole.mailbox.totals.recipients == pieces.mailbox.totals.recipients
