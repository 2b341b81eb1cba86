"""Where an SMTP server is, how to speak to it, and how a session with it begins."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

import aiosmtplib

from hermodr_delivery.failures import DeliveryFailure, TransientError
from hermodr_email_sender.smtp_dialogue import Reply, Stage
from hermodr_email_sender.smtp_replies import failure
from hermodr_email_sender.smtp_session import SmtpSession, Timeouts


class Security(Enum):
    """When the connection is encrypted."""

    IMPLICIT = "TLS from the first octet"
    REQUIRED = "STARTTLS, or no mail is sent"
    OPPORTUNISTIC = "STARTTLS when offered"
    NONE = "never"


# What aiosmtplib calls these.
_START_TLS = {
    Security.IMPLICIT: False,
    Security.REQUIRED: True,
    Security.OPPORTUNISTIC: None,
    Security.NONE: False,
}


@dataclass(frozen=True, slots=True)
class SmtpEndpoint:
    """One server and account. `helo` is the name we greet with; None for this machine's own."""

    host: str
    port: int
    security: Security
    tls: ssl.SSLContext
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    helo: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)


async def connect(endpoint: SmtpEndpoint) -> SmtpSession:
    """A session ready for its first transaction: greeted, encrypted, authenticated.

    Raises TransientError or Throttled whatever goes wrong: until MAIL nothing has been said about any mail.
    """
    client = aiosmtplib.SMTP(
        hostname=endpoint.host,
        port=endpoint.port,
        username=endpoint.username,
        password=endpoint.password,
        local_hostname=endpoint.helo,
        timeout=endpoint.timeouts.connect,
        use_tls=endpoint.security is Security.IMPLICIT,
        start_tls=_START_TLS[endpoint.security],
        tls_context=endpoint.tls,
    )
    try:
        async with asyncio.timeout(endpoint.timeouts.connect):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _greet(client)
            return SmtpSession(
                cast(asyncio.Transport, client.transport), client.esmtp_extensions, endpoint.timeouts
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


def _connect_failure(error: Exception, endpoint: SmtpEndpoint) -> DeliveryFailure:
    cause = error.__cause__ or error
    if (
        isinstance(error, aiosmtplib.SMTPAuthenticationError)
        and error.code != aiosmtplib.SMTPStatus.domain_unavailable
    ):
        return TransientError("auth_failed", f"the server refused our credentials: {error.code}")
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 400:
        return failure(Stage.CONNECT, Reply(error.code, error.message))
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return TransientError("protocol_error", "the server's greeting made no sense")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TransientError(
            "tls_failed", f"the server's certificate does not verify: {cause.verify_message}"
        )
    if isinstance(cause, ssl.SSLError):
        return TransientError("tls_failed", f"TLS could not be negotiated: {cause.reason}")
    if isinstance(cause, socket.gaierror):
        return TransientError("dns_failed", "the server's host name does not resolve")
    if isinstance(cause, ConnectionRefusedError):
        return TransientError("connect_refused", "nothing listens on the server's port")
    if isinstance(error, TimeoutError):
        return TransientError("connect_timeout", f"no session within {endpoint.timeouts.connect:g} s")
    if isinstance(error, OSError):  # aiosmtplib's connection errors are among them
        return TransientError("connect_failed", type(cause).__name__)
    if endpoint.security is Security.REQUIRED and "STARTTLS" in str(error):
        return TransientError("tls_unavailable", "STARTTLS is required, and the server does not offer it")
    return TransientError("auth_failed", "the server offers no way to authenticate that we know")
