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

from hermodr_contracts.addresses import mailbox
from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.providers.smtp.endpoint import Security, SmtpEndpoint
from hermodr_email_sender.providers.smtp.provider import SmtpProvider
from hermodr_email_sender.providers.smtp.session import Timeouts

DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}

_STARTTLS = {"required": Security.REQUIRED, "opportunistic": Security.OPPORTUNISTIC, "off": Security.NONE}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUTS = (
    ("connect", "timeout", 600.0),
    ("greeting", "greeting_timeout", 600.0),
    ("command", "command_timeout", 1200.0),
    ("data", "data_timeout", 1200.0),
    ("block", "block_timeout", 1200.0),
    ("content", "final_timeout", 1200.0),
)


def build(dsn: Dsn, name: str, *, sender: Mailbox, production: bool, send_seconds: float) -> SmtpProvider:
    """`sender` is used if the DSN names no `from`. Raises `Unusable`."""
    options = dsn.options()
    endpoint = SmtpEndpoint(
        host=dsn.host,
        port=dsn.port or DEFAULT_PORTS[dsn.scheme],
        security=_security(dsn),
        tls=_tls(dsn.take("ca"), dsn.take("verify"), production),
        username=dsn.username,
        password=dsn.password,
        helo=_helo(dsn.take("helo")),
        timeouts=_timeouts(dsn, send_seconds),
    )
    own_sender = _mailbox(options.sender) if options.sender is not None else sender
    return SmtpProvider(endpoint, sender=own_sender, name=name, options=options)


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
        wish = "required" if dsn.password and dsn.host not in _LOOPBACK else "opportunistic"
    return _STARTTLS[wish]


def _tls(ca: str | None, verify: str | None, production: bool) -> ssl.SSLContext:
    if verify not in (None, "true", "false"):
        raise Unusable("has a verify option other than true or false")
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError):
        raise Unusable("names a ca file that cannot be read as PEM certificates") from None
    if verify == "false":
        if production:
            raise Unusable("has verify=false, which production refuses: name the server's CA by ca=")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _timeouts(dsn: Dsn, send_seconds: float) -> Timeouts:
    given = {
        name: _seconds(option, value, longest)
        for name, option, longest in _TIMEOUTS
        if (value := dsn.take(option)) is not None
    }
    return Timeouts(session=send_seconds, **given)


def _seconds(option: str, value: str, longest: float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= longest:
        raise Unusable(f"has a {option} that is not a number of seconds up to {longest:g}")
    return seconds


def _helo(value: str | None) -> str | None:
    if value is not None and (not value.isascii() or not value.isprintable() or not value or " " in value):
        raise Unusable("has a helo that is not a host name")
    return value


def _mailbox(value: str) -> Mailbox:
    try:
        name, address = mailbox(value)
    except ValueError as error:
        raise Unusable(f"has a from that {error}") from None
    return Mailbox(address, name)
