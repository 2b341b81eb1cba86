"""What SMTP commands mean (RFC 5321), and where fault rules apply."""

from __future__ import annotations

import base64
import binascii
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import structlog

from hermodr_sandbox.domain.faults import (
    Action,
    Drop,
    DropAfterData,
    DropBeforeAccept,
    Lie,
    Reply,
    Stage,
    Throttle,
    reply_line,
)
from hermodr_sandbox.domain.mail import Client
from hermodr_sandbox.protocols.smtp.commands import (
    BadCommand,
    check_mail_parameters,
    check_rcpt_parameters,
    has_long_line,
    parse_path,
)
from hermodr_sandbox.protocols.smtp.connection import Connection, Lobby

_MAX_RECIPIENTS = 1_000
_OK = b"250 2.0.0 Ok"
_MAIL_OK = b"250 2.1.0 Sender ok"
_RCPT_OK = b"250 2.1.5 Recipient ok"
_GO_AHEAD = b"354 End data with <CR><LF>.<CR><LF>"


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """`max_text_line` 0 allows any line; without credentials any pair will do."""

    hostname: str = "sandbox.hermodr.local"
    max_size: int = 25 * 1024 * 1024
    max_text_line: int = 998
    credentials: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None


class SmtpSession(Connection):
    """`tls`: the connection is encrypted from its first byte."""

    def __init__(self, lobby: Lobby, options: SmtpOptions, *, tls: bool) -> None:
        super().__init__(lobby)
        self._sandbox = lobby.sandbox
        self._options = options
        self._expect: Callable[[bytes], None] | None = None
        self._tls = tls
        self._user: str | None = None
        self._helo = ""
        self._client: Client | None = None
        self._sender: str | None = None
        self._utf8 = False
        self._recipients: list[str] = []
        self._chunks: bytearray | None = None

    def _opened(self) -> None:
        self._step(Stage.CONNECT, lambda: self._say(f"220 {self._options.hostname} ESMTP Hermodr".encode()))

    def _line(self, line: bytes) -> None:
        if self._expect is not None:
            handle, self._expect = self._expect, None
            handle(line)
            return
        verb, _, argument = line.partition(b" ")
        handler = self._HANDLERS.get(verb.strip().upper())
        if handler is None:
            self._refuse(b"500 5.5.1 Command not recognised")
            return
        try:
            handler(self, argument.strip())
        except BadCommand as bad:
            self._refuse(bad.reply)

    # -- faults ------------------------------------------------------------------------------------------

    def _step(self, stage: Stage, go: Callable[[], None], recipients: tuple[str, ...] = ()) -> None:
        """Does `go` unless a rule says otherwise."""
        verdict = self._sandbox.judge(stage, self._sender or "", recipients)
        if verdict is None:
            go()
        elif verdict.delay:
            self._hold(verdict.delay, lambda: self._suffer(verdict.action, stage, go))
        else:
            self._suffer(verdict.action, stage, go)

    def _suffer(self, action: Action | None, stage: Stage, go: Callable[[], None]) -> None:
        if action is None:
            go()
        elif isinstance(action, Reply):
            self._out.append(reply_line(action.code, action.text))
            if stage is Stage.MAIL or stage is Stage.DATA or stage is Stage.AFTER_DATA:
                self._reset()
            if action.code == 421 or stage is Stage.CONNECT:
                self.close()
        elif isinstance(action, Throttle):
            self._out.append(reply_line(421, action.text or "4.7.0 Too much mail, slow down"))
            self.close()
        elif isinstance(action, DropAfterData | Lie):
            self._flush()
            go()
            self._out.clear()  # the 250 stays unsaid
            if isinstance(action, Lie):
                self._out.append(reply_line(action.code, action.text))
            else:
                self.close()
        elif isinstance(action, Drop | DropBeforeAccept):
            self.close()

    # -- greeting, encryption, authentication ------------------------------------------------------------

    def _on_ehlo(self, argument: bytes) -> None:
        self._greeted(argument, self._say_extensions)

    def _on_helo(self, argument: bytes) -> None:
        self._greeted(argument, lambda: self._say(b"250 " + self._options.hostname.encode()))

    def _greeted(self, argument: bytes, answer: Callable[[], None]) -> None:
        if not argument:
            raise BadCommand(b"501 5.5.4 Syntax: EHLO hostname")

        def go() -> None:
            self._reset()
            self._helo = argument[:255].decode("ascii", "replace")
            self._client = None
            answer()

        self._step(Stage.EHLO, go)

    def _say_extensions(self) -> None:
        lines = [
            self._options.hostname,
            "PIPELINING",
            "CHUNKING",
            "8BITMIME",
            "SMTPUTF8",
            f"SIZE {self._options.max_size}",
            "ENHANCEDSTATUSCODES",
            "AUTH PLAIN LOGIN",
        ]
        if self._options.tls is not None and not self._tls:
            lines.append("STARTTLS")
        self._out.extend(f"250-{line}\r\n".encode() for line in lines[:-1])
        self._say(b"250 " + lines[-1].encode())

    def _on_starttls(self, argument: bytes) -> None:
        if self._options.tls is None or self._tls:
            raise BadCommand(b"502 5.5.1 STARTTLS is not available")
        if argument:
            raise BadCommand(b"501 5.5.4 STARTTLS takes no argument")
        self._say(b"220 2.0.0 Ready to start TLS")
        self._buffer.clear()  # nothing said in the clear counts after the handshake (RFC 3207 §4.2)
        self._pause("starttls")
        self._flush()
        self._upgrade = self._loop.create_task(self._start_tls(self._options.tls))

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        plain = self._transport
        assert plain is not None
        self._pauses.discard("starttls")  # start_tls itself resumes reading, on the encrypted transport
        try:
            secure = await self._loop.start_tls(plain, self, context, server_side=True)
        except OSError as error:  # ssl.SSLError and ConnectionError are OSErrors
            structlog.get_logger().info("tls handshake failed", error=type(error).__name__)
            plain.abort()
            return
        if secure is None:
            plain.abort()
            return
        self._transport = secure
        self._tls = True
        self._helo, self._user, self._client = "", None, None
        self._reset()
        self._upgrade = None
        self._process()

    def _on_auth(self, argument: bytes) -> None:
        if self._user is not None or self._sender is not None:
            raise BadCommand(b"503 5.5.1 AUTH is not allowed now")
        mechanism, _, initial = argument.partition(b" ")
        match mechanism.upper():
            case b"PLAIN":
                self._challenge(b"", initial, self._plain)
            case b"LOGIN":
                self._challenge(b"Username:", initial, self._login)
            case _:
                raise BadCommand(b"504 5.5.4 AUTH mechanism not known")

    def _challenge(self, prompt: bytes, given: bytes, then: Callable[[bytes], None]) -> None:
        def answered(line: bytes) -> None:
            if line == b"*":
                self._refuse(b"501 5.7.0 AUTH cancelled")
                return
            try:
                then(base64.b64decode(b"" if line == b"=" else line, validate=True))
            except binascii.Error:
                self._refuse(b"501 5.5.2 Not base64")

        if given:
            answered(given)
        else:
            self._say(b"334 " + base64.b64encode(prompt))
            self._expect = answered

    def _plain(self, response: bytes) -> None:
        parts = response.split(b"\0")
        if len(parts) != 3:
            self._refuse(b"501 5.5.2 PLAIN needs identity, user and password")
            return
        self._authenticate(parts[1], parts[2])

    def _login(self, user: bytes) -> None:
        self._challenge(b"Password:", b"", lambda password: self._authenticate(user, password))

    def _authenticate(self, user: bytes, password: bytes) -> None:
        def go() -> None:
            wanted = self._options.credentials
            if wanted is not None and not (
                hmac.compare_digest(user, wanted[0].encode())
                and hmac.compare_digest(password, wanted[1].encode())
            ):
                self._refuse(b"535 5.7.8 Credentials are wrong")
                return
            self._user = user.decode("utf-8", "replace")[:255]
            self._client = None
            self._say(b"235 2.7.0 Authenticated")

        self._step(Stage.AUTH, go)

    # -- transaction -------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._sender = None
        self._utf8 = False
        self._recipients = []
        self._chunks = None
        self._oversize = False

    def _on_mail(self, argument: bytes) -> None:
        if not self._helo:
            raise BadCommand(b"503 5.5.1 Say EHLO first")
        if self._options.credentials is not None and self._user is None:
            raise BadCommand(b"530 5.7.0 Authentication required")
        if self._sender is not None:
            raise BadCommand(b"503 5.5.1 A mail is under way")
        path = parse_path(argument, b"FROM:")
        check_mail_parameters(path, self._options.max_size)
        self._sender = path.address
        self._utf8 = "SMTPUTF8" in path.parameters
        self._step(Stage.MAIL, lambda: self._say(_MAIL_OK))

    def _on_rcpt(self, argument: bytes) -> None:
        if self._sender is None:
            raise BadCommand(b"503 5.5.1 Say MAIL first")
        path = parse_path(argument, b"TO:")
        check_rcpt_parameters(path, self._utf8)
        if len(self._recipients) >= _MAX_RECIPIENTS:
            self._say(b"452 4.5.3 Too many recipients")
            return
        address = path.address

        def go() -> None:
            self._recipients.append(address)
            self._say(_RCPT_OK)

        self._step(Stage.RCPT, go, (address,))

    def _on_data(self, argument: bytes) -> None:
        if argument:
            raise BadCommand(b"501 5.5.4 DATA takes no argument")
        if self._sender is None:
            raise BadCommand(b"503 5.5.1 Say MAIL first")
        if self._chunks is not None:
            raise BadCommand(b"503 5.5.1 The mail has begun with BDAT")
        if not self._recipients:
            self._say(b"554 5.5.1 No valid recipients")  # a pipelining client could not know: no error of its
            return

        def go() -> None:
            self._say(_GO_AHEAD)
            self._open_data()

        self._step(Stage.DATA, go, tuple(self._recipients))

    def _on_bdat(self, argument: bytes) -> None:
        """RFC 3030: the octets are read even if they belong to nothing."""
        size, _, last = argument.partition(b" ")
        if not (size.isdigit() and len(size) <= 10 and last.strip().upper() in (b"", b"LAST")):
            self._refuse(b"501 5.5.4 Syntax: BDAT octets [LAST]")
            self.close()  # how many octets follow is not known, and none of them is a command
            return
        came = partial(self._chunk_came, last=bool(last))
        self._step(Stage.BDAT, lambda: self._open_chunk(int(size), came), tuple(self._recipients))

    def _chunk_came(self, chunk: bytes, *, last: bool) -> None:
        if (
            self._sender is None or not self._recipients
        ):  # a pipelining client could not know: no error of its
            self._oversize = False
            self._say(b"554 5.5.1 No valid recipients" if self._sender else b"503 5.5.1 Say MAIL first")
        elif self._chunks is None:
            self._step(Stage.DATA, lambda: self._add(chunk, last=last), tuple(self._recipients))
        else:
            self._add(chunk, last=last)

    def _add(self, chunk: bytes, *, last: bool) -> None:
        self._chunks = (self._chunks or bytearray()) + chunk
        if len(self._chunks) > self._options.max_size:
            self._oversize = True
            self._chunks.clear()
        if last:
            self._mail(bytes(self._chunks))
        else:
            self._say(b"250 2.0.0 %d octets received" % len(chunk))

    def _mail(self, raw: bytes) -> None:
        limit = self._options.max_text_line
        if self._oversize or len(raw) > self._options.max_size:
            self._say(b"552 5.3.4 Message size exceeds fixed limit")
            self._reset()
        elif limit and has_long_line(raw, limit):
            self._say(f"554 5.6.0 A line is longer than {limit} octets".encode())
            self._reset()
        else:
            self._step(Stage.AFTER_DATA, lambda: self._store(raw), tuple(self._recipients))

    def _store(self, raw: bytes) -> None:
        if self._client is None:
            self._client = Client(self._peer(), self._helo, self._tls, self._user)
        mail = self._sandbox.accept(self._sender or "", tuple(self._recipients), raw, self._client)
        if self._lobby.taken is not None:
            self._lobby.taken(mail)
        self._reset()
        self._say(b"250 2.0.0 Ok: queued as %d" % mail.number)

    def _peer(self) -> str:
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""

    # -- the rest ----------------------------------------------------------------------------------------

    def _on_rset(self, _argument: bytes) -> None:
        self._reset()
        self._say(_OK)

    def _on_noop(self, _argument: bytes) -> None:
        self._say(_OK)

    def _on_vrfy(self, argument: bytes) -> None:
        if not argument:
            raise BadCommand(b"501 5.5.4 Syntax: VRFY address")
        self._say(b"252 2.1.5 Cannot verify, but will take a mail")

    def _on_help(self, _argument: bytes) -> None:
        self._say(b"214 2.0.0 Mails sent here are kept for the page and go nowhere")

    def _on_expn(self, _argument: bytes) -> None:
        raise BadCommand(b"502 5.5.1 There are no lists here")

    def _on_quit(self, _argument: bytes) -> None:
        self._say(b"221 2.0.0 Bye")
        self.close()

    _HANDLERS: ClassVar[dict[bytes, Callable[[SmtpSession, bytes], None]]] = {
        b"EHLO": _on_ehlo,
        b"HELO": _on_helo,
        b"STARTTLS": _on_starttls,
        b"AUTH": _on_auth,
        b"MAIL": _on_mail,
        b"RCPT": _on_rcpt,
        b"DATA": _on_data,
        b"BDAT": _on_bdat,
        b"RSET": _on_rset,
        b"NOOP": _on_noop,
        b"VRFY": _on_vrfy,
        b"EXPN": _on_expn,
        b"HELP": _on_help,
        b"QUIT": _on_quit,
    }
