"""SMTP providers from their DSNs.

    smtp://[user:password@]host[:port]             STARTTLS when offered; with a password, required off this machine
    smtp+starttls://[user:password@]host[:port]    STARTTLS required
    smtps://[user:password@]host[:port]            TLS from the start

Options of their own: `starttls=required|opportunistic|off`, `ca=/path/to/ca.pem` (instead of the system's),
`verify=false` (never in production), `helo=name`; and in seconds: `timeout=10` to connect, `greeting_timeout=60` for
each of greeting, EHLO, TLS, AUTH, then by RFC 5321 §4.5.3.2 `command_timeout=300` (MAIL, RCPT), `data_timeout=120`,
`block_timeout=180` (without progress while the content is sent), `final_timeout=600` (the reply to the content).
"""

from __future__ import annotations

import ssl

from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_email_sender.dkim_signing import DkimSigner
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.providers.sender import sender_of
from hermodr_email_sender.providers.smtp.endpoint import Security, SmtpEndpoint
from hermodr_email_sender.providers.smtp.provider import SmtpProvider
from hermodr_email_sender.providers.smtp.session import Timeouts
from hermodr_servicekit.return_paths import BounceAddress

DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}

_STARTTLS = {"required": Security.REQUIRED, "opportunistic": Security.OPPORTUNISTIC, "off": Security.NONE}
_TIMEOUTS = (
    ("connect", "timeout", 600.0),
    ("greeting", "greeting_timeout", 600.0),
    ("command", "command_timeout", 1200.0),
    ("data", "data_timeout", 1200.0),
    ("block", "block_timeout", 1200.0),
    ("content", "final_timeout", 1200.0),
)


def build(
    dsn: Dsn,
    name: str,
    *,
    sender: Mailbox,
    production: bool,
    send_seconds: float,
    signer: DkimSigner | None = None,
    bounces: BounceAddress | None = None,
) -> SmtpProvider:
    """`sender` is used if the DSN names no `from`. Raises `Unusable`."""
    options = dsn.options()
    endpoint = SmtpEndpoint(
        host=dsn.host,
        port=dsn.port or DEFAULT_PORTS[dsn.scheme],
        security=_security(dsn),
        tls=_tls(dsn, production),
        username=dsn.username,
        password=dsn.password,
        helo=_helo(dsn.take("helo")),
        timeouts=_timeouts(dsn, send_seconds),
    )
    return SmtpProvider(
        endpoint,
        sender=sender_of(options, sender),
        name=name,
        options=options,
        signer=signer,
        bounces=bounces,
    )


def _security(dsn: Dsn) -> Security:
    wish = dsn.take("starttls")
    if dsn.scheme == "smtps":
        if wish is not None:
            raise Unusable("combines smtps:// with starttls=: it is encrypted from the start")
        return Security.IMPLICIT
    if wish is None:
        wish = "required" if dsn.scheme == "smtp+starttls" else None
    elif wish not in _STARTTLS or (dsn.scheme == "smtp+starttls" and wish != "required"):
        raise Unusable(
            f"has a starttls option other than {', '.join(_STARTTLS)}, or one at odds with its scheme"
        )
    if wish is None:
        # otherwise an attacker could remove STARTTLS from the greeting and read the password
        wish = "required" if dsn.password and not dsn.is_here else "opportunistic"
    return _STARTTLS[wish]


def _tls(dsn: Dsn, production: bool) -> ssl.SSLContext:
    verify = dsn.take("verify")
    if verify not in (None, "true", "false"):
        raise Unusable("has a verify option other than true or false")
    context = dsn.trusting()
    if verify == "false":
        if production:
            raise Unusable("has verify=false, which production refuses: name the server's CA by ca=")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _timeouts(dsn: Dsn, send_seconds: float) -> Timeouts:
    given = {
        name: seconds
        for name, option, longest in _TIMEOUTS
        if (seconds := dsn.seconds(option, longest)) is not None
    }
    return Timeouts(session=send_seconds, **given)


def _helo(value: str | None) -> str | None:
    if value is not None and (not value.isascii() or not value.isprintable() or not value or " " in value):
        raise Unusable("has a helo that is not a host name")
    return value
