"""Where an SMTP server is, how to speak to it, and how a session with it begins."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

import aiosmtplib

from hermodr_delivery.failures import Cause, DeliveryFailure, Refused, TransientError
from hermodr_email_sender.smtp_dialogue import Reply, Stage
from hermodr_email_sender.smtp_names import NAMELESS, address_literal, own_name
from hermodr_email_sender.smtp_replies import failure
from hermodr_email_sender.smtp_session import Learnt, SmtpSession, Timeouts


class Security(Enum):
    """When the connection is encrypted."""

    IMPLICIT = "TLS from the first octet"
    REQUIRED = "STARTTLS, or no mail is sent"
    OPPORTUNISTIC = "STARTTLS when offered"
    NONE = "never"


class Step(Enum):
    """How far the beginning of a session got; the words follow "the server hung up"."""

    GREETING = "before it greeted us"
    NAME = "when we said our name (EHLO)"
    TLS = "when encryption was to begin (STARTTLS)"
    LOGIN = "when we logged in (AUTH)"


_OTHER_MECHANISM = frozenset({500, 502, 504, 534})
"""Replies to AUTH that are about the mechanism (RFC 4954 §4, §6), not about the credentials."""


@dataclass(frozen=True, slots=True)
class SmtpEndpoint:
    """One server and account. `helo` is the name we greet with; None for this machine's own
    (`smtp_names`)."""

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
    """A session ready for its first transaction: greeted, encrypted, authenticated.

    Raises TransientError when the server is away, which is silent or says nothing but a greeting; Refused when it does
    not let us in, or hangs up after its greeting: until MAIL nothing has been said about any mail.
    """
    client = aiosmtplib.SMTP(
        hostname=endpoint.host,
        port=endpoint.port,
        local_hostname=endpoint.helo or await own_name(),
        timeout=endpoint.timeouts.connect,
        use_tls=endpoint.security is Security.IMPLICIT,
        start_tls=False,
        tls_context=endpoint.tls,
    )
    try:
        async with asyncio.timeout(endpoint.timeouts.connect):
            with _during(Step.GREETING, endpoint):
                await client.connect()
            if client.local_hostname == NAMELESS:
                client.local_hostname = address_literal(client.get_transport_info("sockname"))
            with _during(Step.NAME, endpoint):
                await _greet(client)
            if endpoint.security in (Security.REQUIRED, Security.OPPORTUNISTIC):
                with _during(Step.TLS, endpoint):
                    await _encrypt(client, endpoint)
            if endpoint.username is not None:
                with _during(Step.LOGIN, endpoint):
                    await _log_in(client, endpoint.username, endpoint.password or "")
            return SmtpSession(
                cast(asyncio.Transport, client.transport),
                client.esmtp_extensions,
                endpoint.timeouts,
                endpoint.learnt,
            )
    except TimeoutError as error:
        client.close()
        raise TransientError(
            "connect_timeout", f"no session within {endpoint.timeouts.connect:g} s"
        ) from error
    except BaseException:
        client.close()
        raise


@contextmanager
def _during(step: Step, endpoint: SmtpEndpoint) -> Iterator[None]:
    """Turns what breaks in this step into the failure it stands for."""
    try:
        yield
    except (aiosmtplib.SMTPException, OSError) as error:  # among them TLS's
        raise _connect_failure(step, error, endpoint) from error


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


async def _encrypt(client: aiosmtplib.SMTP, endpoint: SmtpEndpoint) -> None:
    """STARTTLS, if the server offers it or we insist; what it offered in clear is forgotten (RFC 3207 §4.2)."""
    if client.supports_extension("starttls"):
        await client.starttls()
        await _greet(client)
    elif endpoint.security is Security.REQUIRED:
        raise Refused(
            Cause.ACCESS, "tls_unavailable", "STARTTLS is required, and the server does not offer it"
        )


async def _log_in(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    """By the first mechanism that the server really has: a wrong password is not tried in several ways, as each counts
    where accounts are locked."""
    known = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    offered = [each for each in known if each in client.supported_auth_methods]
    if client.get_transport_info("sslcontext") is None:
        offered.sort(key=lambda each: each != "cram-md5")  # the only one that keeps the password to itself
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


def _connect_failure(step: Step, error: Exception, endpoint: SmtpEndpoint) -> DeliveryFailure:
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
        return _silence(step, endpoint.timeouts.connect)
    if step is not Step.GREETING:
        return _hung_up(step)
    if isinstance(cause, socket.gaierror):
        return TransientError("dns_failed", "the server's host name does not resolve")
    if isinstance(cause, ConnectionRefusedError):
        return TransientError("connect_refused", "nothing listens on the server's port")
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ConnectionError):
        return TransientError("connect_failed", f"no connection: {os.strerror(cause.errno)}")
    return TransientError("connect_failed", f"the server hung up {step.value}")


def _silence(step: Step, seconds: float) -> DeliveryFailure:
    detail = f"the server was silent for {seconds:g} s {step.value}"
    if step is Step.LOGIN:
        return Refused(Cause.ACCESS, "auth_failed", detail)
    return TransientError("connect_timeout", detail)


def _hung_up(step: Step) -> Refused:
    """By a server that is there: it greeted us. At AUTH that is how those look who ban us for wrong passwords."""
    detail = f"the server hung up {step.value}"
    if step is Step.LOGIN:
        return Refused(Cause.ACCESS, "auth_failed", detail)
    return Refused(Cause.CONNECTIONS, "connect_failed", detail)


def _of_reply(step: Step, error: aiosmtplib.SMTPResponseException) -> DeliveryFailure:
    refusal = failure(Stage.CONNECT, Reply(error.code, error.message))
    if not isinstance(refusal, Refused):
        return _nonsense(step)
    if refusal.cause is Cause.ACCESS and isinstance(error, aiosmtplib.SMTPAuthenticationError):
        # Not the reply's text: some servers echo the user.
        return Refused(Cause.ACCESS, "auth_failed", f"the server refused our credentials: {error.code}")
    if refusal.cause is Cause.ACCESS and isinstance(error, aiosmtplib.SMTPHeloError):
        detail = f"the server refused our name: {error.code} {error.message}"
        return Refused(Cause.ACCESS, "helo_refused", detail)
    return refusal


def _nonsense(step: Step) -> DeliveryFailure:
    """Neither yes nor no."""
    if step is Step.GREETING:
        return TransientError("protocol_error", "the server's greeting made no sense")
    code = "auth_failed" if step is Step.LOGIN else "protocol_error"
    return Refused(Cause.ACCESS, code, f"the server's answer made no sense {step.value}")
