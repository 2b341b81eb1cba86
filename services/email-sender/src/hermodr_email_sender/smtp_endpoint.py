"""Where an SMTP server is, how to speak to it, and how a session with it begins."""

from __future__ import annotations

import asyncio
import socket
import ssl
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

    Raises TransientError when the server is away, Refused when it does not let us in: until MAIL nothing has been said
    about any mail.
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
            await client.connect()
            if client.local_hostname == NAMELESS:
                client.local_hostname = address_literal(client.get_transport_info("sockname"))
            await _greet(client)
            if endpoint.security in (Security.REQUIRED, Security.OPPORTUNISTIC):
                await _encrypt(client, endpoint)
            if endpoint.username is not None:
                await _log_in(client, endpoint.username, endpoint.password or "")
            return SmtpSession(
                cast(asyncio.Transport, client.transport),
                client.esmtp_extensions,
                endpoint.timeouts,
                endpoint.learnt,
            )
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        client.close()
        raise _connect_failure(error, endpoint) from error
    except BaseException:
        client.close()
        raise


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


def _connect_failure(error: Exception, endpoint: SmtpEndpoint) -> DeliveryFailure:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _of_reply(error)
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Refused(
            Cause.ACCESS, "tls_failed", f"the server's certificate does not verify: {cause.verify_message}"
        )
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Refused(Cause.ACCESS, "tls_failed", f"TLS could not be negotiated: {cause.reason}")
    if isinstance(cause, socket.gaierror):
        return TransientError("dns_failed", "the server's host name does not resolve")
    if isinstance(cause, ConnectionRefusedError):
        return TransientError("connect_refused", "nothing listens on the server's port")
    if isinstance(error, TimeoutError):
        return TransientError("connect_timeout", f"no session within {endpoint.timeouts.connect:g} s")
    return TransientError("connect_failed", type(cause).__name__)


def _of_reply(error: aiosmtplib.SMTPResponseException) -> DeliveryFailure:
    refusal = failure(Stage.CONNECT, Reply(error.code, error.message))
    if not isinstance(refusal, Refused):
        return TransientError("protocol_error", "the server's greeting made no sense")
    if refusal.cause is Cause.ACCESS and isinstance(error, aiosmtplib.SMTPAuthenticationError):
        # Not the reply's text: some servers echo the user.
        return Refused(Cause.ACCESS, "auth_failed", f"the server refused our credentials: {error.code}")
    if refusal.cause is Cause.ACCESS and isinstance(error, aiosmtplib.SMTPHeloError):
        detail = f"the server refused our name: {error.code} {error.message}"
        return Refused(Cause.ACCESS, "helo_refused", detail)
    return refusal
