"""One established SMTP connection and the mail transactions on it. aiosmtplib opens it (see `endpoint`); then this
protocol takes over, because transactions are the hot path. With PIPELINING (RFC 2920), then with CHUNKING (RFC 3030):

    offer     [RSET] MAIL RCPT DATA →     ← their replies, in one read
    refused   "." if DATA got its 354 regardless (RFC 2920 §3.1): an empty message to nobody ends the transaction
    content   message and "." →           ← the reply that counts
    at once   [RSET] MAIL RCPT BDAT message →     ← their replies, the last of them counts

If the connection breaks during "at once", the outcome is unknown. So it is only used if the last mail was accepted a
moment ago, for mails that no server can take for commands (`content`). After a refusal the session ends (ADR 0025).
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
_WITHOUT_COPIES = 3
"""Commands of an envelope."""
_ALIVE_SECONDS = 1.0
"""A connection counts as alive for so long after an accepted mail: servers close idle ones after minutes."""
_COMMAND_NOT_KNOWN = frozenset({500, 501, 502, 503, 504})
"""RFC 5321 §4.2.2: about the command, not about the mail."""

log = structlog.get_logger()

Commands = list[tuple[Stage, bytes]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, mostly after RFC 5321 §4.5.3.2. `send`: the whole call, less than the pump allows. `session`: until a
    connection is free; `connect`: TCP; `greeting`: each of greeting, EHLO, TLS, AUTH. `command`: the reply to MAIL,
    RCPT, RSET; `data`: to DATA; `block`: without progress while the content is sent; `content`: the reply to it;
    `quit`: to QUIT."""

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
    """Nothing was accepted on a reused connection, which was dead or did not know BDAT: another one may be tried."""


class SessionBroken(Exception):
    """The connection ended, or its server fell silent, before all replies were there."""

    def __init__(self, code: str, replies: Sequence[Reply]) -> None:
        self.code = code
        self.replies = replies
        super().__init__(code)


@dataclass(slots=True)
class Learnt:
    """Shared by a server's sessions. `no_chunks`: it offers CHUNKING but does not know BDAT, so it gets DATA."""

    no_chunks: bool = False


class SmtpSession(asyncio.Protocol):
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
        self._max_size = int(size) if size is not None and size.isdecimal() and len(size) < 20 else 0
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
        self._broken = ""  # why, once it is broken
        self._clean = True
        self._reset_due = False
        self._alive_until = 0.0
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.transactions = 0
        self.left_out: Sequence[Reply] = ()
        """The refusals of copies of the mail accepted last, which went to the others."""
        # A pause while octets are unsent tells us whether the final dot has left this process. Not high=0: with that,
        # TLS transports pause when there is nothing to send.
        transport.set_write_buffer_limits(high=1, low=0)
        transport.set_protocol(self)
        if transport.is_closing():
            self._break("connection_lost")

    @property
    def encrypted(self) -> bool:
        return self._transport.get_extra_info("sslcontext") is not None

    @property
    def alive(self) -> bool:
        return not self._broken

    @property
    def reusable(self) -> bool:
        """Whether another transaction may begin: the last one has ended and the server is still there."""
        return self._clean and not self._broken

    async def transact(self, mail: MimeMessage, deadline: float) -> Reply:
        """Sends one mail by `deadline` (loop time); the reply that accepted it. Raises a `DeliveryFailure`; on a reused
        connection also `StaleSession` and `ConnectionUsedUp`. After a cancellation the session is not reusable."""
        commands = self._commands(mail)
        secrets = (mail.envelope_to, mail.envelope_to.rpartition("@")[0], *mail.copies_to)
        reused = self.transactions > 0
        self._clean = False
        self._deadline = deadline
        self.transactions += 1
        self.left_out = ()
        if not mail.copies_to and self._may_go_at_once(mail.content):
            reply = await self._send_at_once(commands, mail.content, secrets)
        else:
            await self._offer(commands, reused, secrets)
            reply = await self._hand_over(mail.content)
            if not reply.positive:
                if reply.code >= 400:  # else the server is in an unknown state
                    self._end(reset=True)
                raise refusal(Stage.CONTENT, reply, secrets, reused=reused)
        self._end(reset=False)
        self._alive_until = self._loop.time() + _ALIVE_SECONDS
        return reply

    def quit(self) -> None:
        """Sends QUIT and closes on the answer or after a timeout; `closed` tells when."""
        if self.reusable:
            self._clean = False
            self._transport.write(b"QUIT\r\n")
            self._loop.call_later(self._timeouts.quit, self._transport.abort)
        else:
            self._transport.abort()

    def _commands(self, mail: MimeMessage) -> Commands:
        """The commands of the envelope. Raises `PermanentError` for a mail that this server cannot take."""
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
        return [
            (Stage.MAIL, f"MAIL FROM:<{mail.envelope_from}>{parameters}\r\n".encode()),
            (Stage.RCPT, f"RCPT TO:<{mail.envelope_to}>\r\n".encode()),
            *((Stage.COPY, f"RCPT TO:<{each}>\r\n".encode()) for each in mail.copies_to),
            (Stage.DATA, b"DATA\r\n"),
        ]

    def _may_go_at_once(self, content: bytes) -> bool:
        alive = self._chunking and not self._learnt.no_chunks and self._loop.time() < self._alive_until
        return alive and may_go_unasked(content)

    async def _send_at_once(self, commands: Commands, content: bytes, secrets: Sequence[str]) -> Reply:
        """Envelope and content in one write. Unclean after a refusal: nobody knows what the content was taken for."""
        try:
            replies = await self._group(
                [commands[0][1], commands[1][1], chunk(content)],
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
                raise StaleSession  # nothing was accepted: again by DATA, on another connection
            raise refusal(stage, reply, secrets, reused=True)
        self._check_in_step()
        return replies[-1]

    def _learn_that_chunks_are_unknown(self, reply: Reply) -> None:
        if not self._learnt.no_chunks:
            self._learnt.no_chunks = True
            log.warning("the server offers CHUNKING and refuses BDAT: its mails go by DATA", code=reply.code)

    async def _offer(self, commands: Commands, reused: bool, secrets: Sequence[str]) -> None:
        """Sends the envelope. Returns when the server waits for the content, raises otherwise. Copies that it refuses
        are `left_out`."""
        try:
            replies = await self._envelope(commands)
        except SessionBroken as broken:
            if reused and not broken.replies:
                raise StaleSession from broken
            raise TransientError(broken.code, "the connection ended before the message was sent") from broken
        go_ahead = len(replies) == len(commands) and replies[-1].code == _START_INPUT
        for (stage, _), reply in zip(commands, replies, strict=False):
            if stage is Stage.COPY or (go_ahead if stage is Stage.DATA else reply.positive):
                continue
            if reused and stage is Stage.MAIL and reply.code == _CLOSING:
                raise StaleSession
            if reply.code >= 400:  # else the server is out of step: the session is discarded
                await self._back_out(go_ahead, copies=len(commands) > _WITHOUT_COPIES)
            raise refusal(stage, reply, secrets, reused=reused)
        if not go_ahead:  # it refused a copy and left
            raise TransientError("connection_lost", "the connection ended before the message was sent")
        if len(commands) > _WITHOUT_COPIES:
            self.left_out = [reply for reply in replies[2:-1] if not reply.positive]

    async def _envelope(self, commands: Commands) -> list[Reply]:
        patience = [
            self._timeouts.data if stage is Stage.DATA else self._timeouts.command for stage, _ in commands
        ]
        if self._pipelining:
            return await self._group([command for _, command in commands], patience)
        if self._reset_due:
            self._reset_due = False
            await self._exchange(b"RSET\r\n", [self._timeouts.command])
        replies: list[Reply] = []
        for (stage, command), seconds in zip(commands, patience, strict=True):
            try:
                replies += await self._exchange(command, [seconds])
            except SessionBroken as broken:
                raise SessionBroken(broken.code, replies) from broken
            if not replies[-1].positive and stage is not Stage.COPY:
                break
        return replies

    async def _group(self, commands: Sequence[bytes], patience: Sequence[float]) -> list[Reply]:
        """Sends the commands in one write, after a RSET if one is due, whose reply is left out unless it is the only
        one."""
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

    async def _back_out(self, go_ahead: bool, *, copies: bool) -> None:
        if self._broken:
            return
        if go_ahead and copies:  # a dot would send an empty message to them
            self._break("backed_out")
            return
        if go_ahead:
            try:
                await self._exchange(b".\r\n", [self._timeouts.command])
            except SessionBroken:
                return  # the refusal counts; the session knows that it is broken
        self._end(reset=True)

    async def _hand_over(self, content: bytes) -> Reply:
        try:
            (reply,) = await self._exchange(dot_stuffed(content), [self._timeouts.content])
        except SessionBroken as broken:
            raise self._unanswered(broken) from broken
        self._check_in_step()
        return reply

    def _unanswered(self, broken: SessionBroken) -> DeliveryFailure:
        if self._cut_short:
            return TransientError(broken.code, "the connection ended before the whole message was sent")
        return OutcomeUnknown(f"{broken.code}_after_data", "the whole message was sent, and no reply came")

    def _check_in_step(self) -> None:
        if self._unflushed:  # answered before it had everything; what follows would be out of step
            self._break("protocol_error")

    def _end(self, *, reset: bool) -> None:
        self._reset_due = reset
        self._clean = True

    async def _exchange(self, data: bytes, patience: Sequence[float]) -> list[Reply]:
        """One reply for each timeout in `patience` (seconds); fewer if the server refused and left."""
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
