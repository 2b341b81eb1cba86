"""One established SMTP connection and the mail transactions on it.

aiosmtplib opens the connection (greeting, EHLO, STARTTLS, AUTH; see `endpoint`); then this protocol takes it
over, because the transaction is the hot path. With PIPELINING (RFC 2920), MAIL, RCPT and DATA go out in one write and
their replies come back in one read: a fraction of the CPU and a third of the round trips.

    offer     [RSET] MAIL RCPT DATA →     ← their replies
    refused   "." if DATA got its 354 regardless (RFC 2920 §3.1): an empty message to nobody, which ends the
              transaction without a mail
    content   message and "." →           ← the reply that counts

With CHUNKING (RFC 3030) too, a mail is one write and one read, as long as the connection is known to be alive:

    at once   [RSET] MAIL RCPT BDAT message →     ← their replies, the last of them counts

Whatever breaks after the last octet left is then unknown, where "offer" would have known that nothing was sent: hence
only on a connection whose last mail was accepted a moment ago, and for mails that are cheap to send in vain and that no
server can take for commands (`content`). After a refusal nothing more is said or believed there (ADR 0025).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, PermanentError, TransientError
from hermodr_email_sender.mime import MimeMessage
from hermodr_email_sender.providers.smtp.content import chunk, dot_stuffed, may_go_unasked
from hermodr_email_sender.providers.smtp.dialogue import Reply, Stage, reply_line
from hermodr_email_sender.providers.smtp.patience import Patience
from hermodr_email_sender.providers.smtp.replies import refusal

MAX_REPLY_OCTETS = 32 * 1024
_START_INPUT = 354
_CLOSING = 421
_ALIVE_SECONDS = 1.0
"""How long after a mail was accepted its connection counts as alive: servers hang up on idle ones, after minutes."""
_COMMAND_NOT_KNOWN = frozenset({500, 501, 502, 503, 504})
"""RFC 5321 §4.2.2: about the command, not about the mail."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds until we give up, most of them after RFC 5321 §4.5.3.2. Whichever ends first counts.

    `send`: the whole call, less than what the pump takes for a call that hangs. `session`: until a connection is free;
    `connect`: until TCP has one; `greeting`: each of greeting, EHLO, TLS, AUTH, where the RFC has minutes. `command`:
    the reply to MAIL, RCPT, RSET; `data`: the 354 to DATA; `block`: any progress while the content leaves; `content`:
    the reply to it: whoever gives up before has sent the mail for nothing. `quit`: the reply to QUIT.
    """

    send: float = 1740.0
    session: float = 60.0
    connect: float = 10.0
    greeting: float = 60.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    content: float = 600.0
    quit: float = 2.0


class StaleSession(Exception):
    """A reused connection turned out to be dead before the server accepted MAIL, or to a server that does not know how
    we sent the mail: another one may be tried, since nothing was accepted."""


class SessionBroken(Exception):
    """The connection ended, or its server fell silent, before all replies were there."""

    def __init__(self, code: str, replies: Sequence[Reply]) -> None:
        self.code = code
        self.replies = replies
        super().__init__(code)


@dataclass(slots=True)
class Learnt:
    """What a server's replies have taught us about it; shared by its sessions.

    `no_chunks`: it offers CHUNKING and does not know BDAT. It gets DATA from then on.
    """

    no_chunks: bool = False


class SmtpSession(asyncio.Protocol):
    """A connection past its greeting. One transaction at a time; whoever holds the session owns it."""

    def __init__(
        self,
        transport: asyncio.Transport,
        extensions: Mapping[str, str],
        timeouts: Timeouts,
        learnt: Learnt | None = None,
    ) -> None:
        self._transport = transport
        self._timeouts = timeouts
        self._learnt = learnt or Learnt()
        self._pipelining = "pipelining" in extensions
        self._chunking = self._pipelining and "chunking" in extensions and "burl" not in extensions
        self._smtputf8 = "smtputf8" in extensions
        self._eightbitmime = "8bitmime" in extensions
        size = extensions.get("size")
        self._max_size = int(size) if size is not None and size.isdecimal() else 0
        self._announce_size = size is not None
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._lines: list[str] = []
        self._octets = 0
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._unflushed = False
        self._cut_short = False
        self._patience = Patience(transport, timeouts.block, self._break)
        self._deadline = 0.0
        self._broken = ""  # why, once it is
        self._clean = True
        self._reset_due = False
        self._alive_until = 0.0
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.transactions = 0
        # A pause while octets are unsent is how we know whether the final dot has left this process. Not high=0:
        # with that, TLS transports pause when there is nothing to send.
        transport.set_write_buffer_limits(high=1, low=0)
        transport.set_protocol(self)
        if transport.is_closing():
            self._break("connection_lost")

    @property
    def encrypted(self) -> bool:
        """Whether what we say is hidden from the network."""
        return self._transport.get_extra_info("sslcontext") is not None

    @property
    def alive(self) -> bool:
        """Whether the server keeps the connection open, as far as we know."""
        return not self._broken

    @property
    def reusable(self) -> bool:
        """Whether another transaction may begin: the last one came to its end and the server is still there."""
        return self._clean and not self._broken

    async def transact(self, mail: MimeMessage, deadline: float) -> Reply:
        """Hands one mail to the server and returns the reply by which it accepted it, by `deadline` (loop time).

        Raises the `DeliveryFailure` that fits; or, when this connection had been used before, `StaleSession` if it died
        before MAIL was accepted, and `ConnectionUsedUp`. After a cancellation the session is not reusable.
        """
        commands = self._commands(mail)
        secrets = (mail.envelope_to, mail.envelope_to.rpartition("@")[0])
        reused = self.transactions > 0
        self._clean = False
        self._deadline = deadline
        self.transactions += 1
        if self._may_go_at_once(mail.content):
            reply = await self._send_at_once(commands, mail.content, secrets)
        else:
            await self._offer(commands, reused, secrets)
            reply = await self._hand_over(mail.content)
            if not reply.positive:
                if reply.code >= 400:  # else nobody knows what it waits for
                    self._end(reset=True)
                raise refusal(Stage.CONTENT, reply, secrets, reused=reused)
        self._end(reset=False)
        self._alive_until = self._loop.time() + _ALIVE_SECONDS
        return reply

    def quit(self) -> None:
        """Says QUIT and closes once the server has answered, or not answered in time. `closed` tells when."""
        if self.reusable:
            self._clean = False
            self._transport.write(b"QUIT\r\n")
            self._loop.call_later(self._timeouts.quit, self._transport.abort)
        else:
            self._transport.abort()

    def _commands(self, mail: MimeMessage) -> dict[Stage, bytes]:
        """The envelope's commands; refuses a mail that this server's extensions cannot carry."""
        parameters = ""
        if mail.needs_smtputf8:
            if not self._smtputf8:
                raise PermanentError(
                    "smtputf8_unsupported", "an address needs SMTPUTF8, which this server does not offer"
                )
            parameters = " SMTPUTF8 BODY=8BITMIME" if self._eightbitmime else " SMTPUTF8"
        if 0 < self._max_size < len(mail.content):
            raise PermanentError(
                "message_too_large", f"the server takes messages up to {self._max_size} octets"
            )
        if self._announce_size:
            parameters += f" SIZE={len(mail.content)}"
        return {
            Stage.MAIL: f"MAIL FROM:<{mail.envelope_from}>{parameters}\r\n".encode(),
            Stage.RCPT: f"RCPT TO:<{mail.envelope_to}>\r\n".encode(),
            Stage.DATA: b"DATA\r\n",
        }

    def _may_go_at_once(self, content: bytes) -> bool:
        alive = self._chunking and not self._learnt.no_chunks and self._loop.time() < self._alive_until
        return alive and may_go_unasked(content)

    async def _send_at_once(
        self, commands: Mapping[Stage, bytes], content: bytes, secrets: Sequence[str]
    ) -> Reply:
        """Envelope and content in one write; the positive reply to the content.

        Raises after any refusal, and leaves the session unclean: nobody knows what the server took the content for.
        """
        try:
            replies = await self._group(
                [commands[Stage.MAIL], commands[Stage.RCPT], chunk(content)],
                [self._timeouts.content] * 3,
            )
        except SessionBroken as broken:
            if self._cut_short and not broken.replies:
                raise StaleSession from broken
            raise self._unanswered(broken) from broken
        for stage, reply in zip((Stage.MAIL, Stage.RCPT, Stage.CONTENT), replies, strict=False):
            if reply.positive:
                continue
            if stage is Stage.MAIL and reply.code == _CLOSING:
                raise StaleSession
            if stage is Stage.CONTENT and reply.code in _COMMAND_NOT_KNOWN:
                self._learn_that_chunks_are_unknown(reply)
                raise StaleSession  # nothing was taken: by DATA, on another connection
            raise refusal(stage, reply, secrets, reused=True)
        self._check_in_step()
        return replies[-1]

    def _learn_that_chunks_are_unknown(self, reply: Reply) -> None:
        if not self._learnt.no_chunks:
            self._learnt.no_chunks = True
            log.warning("the server offers CHUNKING and refuses BDAT: its mails go by DATA", code=reply.code)

    async def _offer(self, commands: Mapping[Stage, bytes], reused: bool, secrets: Sequence[str]) -> None:
        """Sends the envelope. Returns when the server waits for the content; raises in every other case."""
        try:
            replies = await self._envelope(commands)
        except SessionBroken as broken:
            if reused and not broken.replies:
                raise StaleSession from broken
            raise TransientError(broken.code, "the connection ended before the message was sent") from broken
        go_ahead = len(replies) == len(commands) and replies[-1].code == _START_INPUT
        for stage, reply in zip(commands, replies, strict=False):
            if go_ahead if stage is Stage.DATA else reply.positive:
                continue
            if reused and stage is Stage.MAIL and reply.code == _CLOSING:
                raise StaleSession
            if reply.code >= 400:  # else the server is out of step: the session is discarded
                await self._back_out(go_ahead)
            raise refusal(stage, reply, secrets, reused=reused)

    async def _envelope(self, commands: Mapping[Stage, bytes]) -> list[Reply]:
        """The replies to MAIL, RCPT and DATA; fewer when one is a refusal that makes the rest pointless."""
        patience = [
            self._timeouts.data if stage is Stage.DATA else self._timeouts.command for stage in commands
        ]
        if self._pipelining:
            return await self._group(list(commands.values()), patience)
        if self._reset_due:
            self._reset_due = False
            await self._exchange(b"RSET\r\n", [self._timeouts.command])
        replies: list[Reply] = []
        for command, seconds in zip(commands.values(), patience, strict=True):
            try:
                replies += await self._exchange(command, [seconds])
            except SessionBroken as broken:
                raise SessionBroken(broken.code, replies) from broken
            if not replies[-1].positive:
                break
        return replies

    async def _group(self, commands: Sequence[bytes], patience: Sequence[float]) -> list[Reply]:
        """Sends the commands in one write, after a RSET if one is due; the replies to them alone, unless RSET's is all
        there is."""
        if not self._reset_due:
            return await self._exchange(b"".join(commands), patience)
        self._reset_due = False
        try:
            replies = await self._exchange(
                b"".join((b"RSET\r\n", *commands)), [self._timeouts.command, *patience]
            )
        except SessionBroken as broken:
            raise SessionBroken(broken.code, broken.replies[1:]) from broken
        return replies[1:] or replies

    async def _back_out(self, go_ahead: bool) -> None:
        """Brings the server back between two transactions after it refused this one."""
        if self._broken:
            return
        if go_ahead:
            try:
                await self._exchange(b".\r\n", [self._timeouts.command])
            except SessionBroken:
                return  # the refusal is what counts; the session knows that it is broken
        self._end(reset=True)

    async def _hand_over(self, content: bytes) -> Reply:
        try:
            (reply,) = await self._exchange(dot_stuffed(content), [self._timeouts.content])
        except SessionBroken as broken:
            raise self._unanswered(broken) from broken
        self._check_in_step()
        return reply

    def _unanswered(self, broken: SessionBroken) -> DeliveryFailure:
        """What it means that the connection ended without the reply to the content."""
        if self._cut_short:
            return TransientError(broken.code, "the connection ended before the whole message was sent")
        return OutcomeUnknown(f"{broken.code}_after_data", "the whole message was sent, and no reply came")

    def _check_in_step(self) -> None:
        if self._unflushed:  # answered before it had everything; whatever follows would be out of step
            self._break("protocol_error")

    def _end(self, *, reset: bool) -> None:
        self._reset_due = reset
        self._clean = True

    async def _exchange(self, data: bytes, patience: Sequence[float]) -> list[Reply]:
        """Writes `data` and returns a reply for each `patience`, the seconds it may take; fewer if one of them is a
        refusal and the server left then."""
        if self._broken:
            raise SessionBroken(self._broken, ())
        self._replies, self._wanted = [], len(patience)
        self._waiter = waiter = self._loop.create_future()
        self._transport.write(data)
        self._patience.begin(patience, self._deadline, unsent=self._unflushed)
        try:
            await waiter
        finally:
            self._patience.end()
            self._waiter = None
        if len(self._replies) < self._wanted and not any(reply.code >= 400 for reply in self._replies):
            raise SessionBroken(self._broken, self._replies)
        return self._replies

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._buffer) > MAX_REPLY_OCTETS:
            self._break("protocol_error")

    def _take(self, line: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            # Unasked: usually "421 idle for too long, closing", or the answer to QUIT.
            self._break("connection_lost")
            return
        parsed = reply_line(line)
        self._octets += len(line)
        if parsed is None or self._octets > MAX_REPLY_OCTETS:
            self._break("protocol_error")
            return
        code, more, text = parsed
        self._lines.append(text)
        if more:
            return
        self._replies.append(Reply(code, " ".join(self._lines)))
        self._lines.clear()
        self._octets = 0
        if self._replies[-1].code == _CLOSING:
            self._break("connection_lost")
        elif len(self._replies) == self._wanted:
            self._waiter.set_result(None)
        else:
            self._patience.answered()

    def _break(self, code: str) -> None:
        """The connection is of no more use. The first reason is the one that counts."""
        if not self._broken:
            self._broken = code
            self._cut_short = self._unflushed
            self._patience.close()
            self._transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def pause_writing(self) -> None:
        self._unflushed = True

    def resume_writing(self) -> None:
        self._unflushed = False
        self._patience.sent()

    def eof_received(self) -> None:
        self._break("connection_lost")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - every reason is the same to us
        self._break("connection_lost")
        if not self.closed.done():
            self.closed.set_result(None)
