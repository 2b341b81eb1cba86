"""An SMTP server, and how a session with it begins."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

import aiosmtplib

from hermodr_delivery.failures import Cause, DeliveryFailure, Refused, TransientError
from hermodr_email_sender.providers.smtp.dialogue import Reply, Stage
from hermodr_email_sender.providers.smtp.names import NAMELESS, address_literal, own_name
from hermodr_email_sender.providers.smtp.replies import failure
from hermodr_email_sender.providers.smtp.session import Learnt, SmtpSession, Timeouts


class Security(Enum):
    IMPLICIT = "TLS from the first octet"
    REQUIRED = "STARTTLS, or no mail is sent"
    OPPORTUNISTIC = "STARTTLS when offered"
    NONE = "never"


class Step(Enum):
    """The words follow "the server hung up"."""

    REACH = "before there was a connection"
    GREETING = "before it greeted us"
    NAME = "when we said our name (EHLO)"
    TLS = "when encryption was to begin (STARTTLS)"
    LOGIN = "when we logged in (AUTH)"


_OTHER_MECHANISM = frozenset({500, 502, 504, 534})
"""Replies to AUTH about the mechanism (RFC 4954 §4, §6), not about the credentials."""


@dataclass(frozen=True, slots=True)
class SmtpEndpoint:
    """One server and account. `helo` is the name in EHLO; `None`: this machine's own (`names`)."""

    host: str
    port: int
    security: Security
    tls: ssl.SSLContext
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    helo: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    learnt: Learnt = field(default_factory=Learnt, compare=False)


async def connect(endpoint: SmtpEndpoint) -> SmtpSession:
    """A session ready for its first transaction: greeted, encrypted, authenticated. Raises TransientError if there is
    no TCP connection, and Refused for everything after that, silence included."""
    client = aiosmtplib.SMTP(
        hostname=endpoint.host,
        local_hostname=endpoint.helo or await own_name(),
        timeout=None,
        use_tls=endpoint.security is Security.IMPLICIT,
        start_tls=False,
        tls_context=endpoint.tls,
    )
    async with _during(Step.REACH, endpoint.timeouts.connect):
        reached = await _reach(endpoint)
    if client.local_hostname == NAMELESS:
        client.local_hostname = address_literal(reached.getsockname())
    patience = endpoint.timeouts.greeting
    try:
        async with _during(Step.GREETING, patience):
            await client.connect(sock=reached)
        async with _during(Step.NAME, patience):
            await _greet(client)
        if endpoint.security in (Security.REQUIRED, Security.OPPORTUNISTIC):
            async with _during(Step.TLS, patience):
                await _encrypt(client, endpoint)
        if endpoint.username is not None:
            async with _during(Step.LOGIN, patience):
                await _log_in(client, endpoint.username, endpoint.password or "")
        return SmtpSession(
            cast(asyncio.Transport, client.transport),
            client.esmtp_extensions,
            endpoint.timeouts,
            endpoint.learnt,
        )
    except BaseException:
        client.close()
        reached.close()
        raise


@asynccontextmanager
async def _during(step: Step, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except (aiosmtplib.SMTPException, OSError) as error:  # also errors of TLS
        raise _connect_failure(step, error, seconds) from error


async def _reach(endpoint: SmtpEndpoint) -> socket.socket:
    """A TCP connection. Raises OSError. aiosmtplib does not tell whether a server did not accept or did not greet."""
    loop = asyncio.get_running_loop()
    failed: OSError | None = None
    for family, kind, protocol, _, address in await loop.getaddrinfo(
        endpoint.host, endpoint.port, type=socket.SOCK_STREAM
    ):
        reached = socket.socket(family, kind, protocol)
        reached.setblocking(False)
        try:
            await loop.sock_connect(reached, address)
        except OSError as error:
            reached.close()
            failed = failed or error
        except BaseException:
            reached.close()
            raise
        else:
            return reached
    raise failed or OSError(errno.EHOSTUNREACH, "no address")


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


async def _encrypt(client: aiosmtplib.SMTP, endpoint: SmtpEndpoint) -> None:
    """STARTTLS, if the server offers it or we require it; what it offered unencrypted is forgotten (RFC 3207 §4.2)."""
    if client.supports_extension("starttls"):
        await client.starttls()
        await _greet(client)
    elif endpoint.security is Security.REQUIRED:
        raise Refused(
            Cause.ACCESS, "tls_unavailable", "STARTTLS is required, and the server does not offer it"
        )


async def _log_in(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    """By the first mechanism the server supports: one try of a password, because failures may lock the account."""
    known = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    offered = [each for each in known if each in client.supported_auth_methods]
    if client.get_transport_info("sslcontext") is None:
        offered.sort(key=lambda each: each != "cram-md5")  # the only one that does not send the password
    if not offered:
        raise Refused(Cause.ACCESS, "auth_failed", "the server offers no way to authenticate that we know")
    for mechanism in offered:
        try:
            await known[mechanism](username, password)
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code not in _OTHER_MECHANISM or mechanism == offered[-1]:
                raise
        else:
            return


def _connect_failure(step: Step, error: Exception, seconds: float) -> DeliveryFailure:
    if step is Step.REACH:
        return _away(error, seconds)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _of_reply(step, error)
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Refused(
            Cause.ACCESS, "tls_failed", f"the server's certificate does not verify: {cause.verify_message}"
        )
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Refused(Cause.ACCESS, "tls_failed", f"TLS could not be negotiated: {cause.reason}")
    if isinstance(error, TimeoutError):
        return _closed_to_us(step, "connect_timeout", f"the server was silent for {seconds:g} s")
    return _closed_to_us(step, "connect_failed", "the server hung up")


def _away(error: Exception, seconds: float) -> TransientError:
    if isinstance(error, socket.gaierror):
        return TransientError("dns_failed", "the server's host name does not resolve")
    if isinstance(error, ConnectionRefusedError):
        return TransientError("connect_refused", "nothing listens on the server's port")
    if isinstance(error, OSError) and error.errno:
        return TransientError("connect_failed", f"no connection: {os.strerror(error.errno)}")
    return TransientError("connect_timeout", f"no connection within {seconds:g} s")


def _closed_to_us(step: Step, code: str, what: str) -> Refused:
    """The server accepted the connection and closed it; at AUTH, this is how servers ban for wrong passwords."""
    if step is Step.LOGIN:
        return Refused(Cause.ACCESS, "auth_failed", f"{what} {step.value}")
    return Refused(Cause.CONNECTIONS, code, f"{what} {step.value}")


def _of_reply(step: Step, error: aiosmtplib.SMTPResponseException) -> DeliveryFailure:
    refusal = failure(Stage.CONNECT, Reply(error.code, error.message))
    if not isinstance(refusal, Refused):
        return _nonsense(step)
    if refusal.cause is Cause.ACCESS and isinstance(error, aiosmtplib.SMTPAuthenticationError):
        # without the reply's text: some servers repeat the user
        return Refused(Cause.ACCESS, "auth_failed", f"the server refused our credentials: {error.code}")
    if refusal.cause is Cause.ACCESS and isinstance(error, aiosmtplib.SMTPHeloError):
        detail = f"the server refused our name: {error.code} {error.message}"
        return Refused(Cause.ACCESS, "helo_refused", detail)
    return refusal


def _nonsense(step: Step) -> Refused:
    code = "auth_failed" if step is Step.LOGIN else "protocol_error"
    return Refused(Cause.ACCESS, code, f"the server's answer made no sense {step.value}")
