"""Email providers from their DSNs (`HERMODR_EMAIL_PROVIDERS`).

    smtp://[user:password@]host[:port]             STARTTLS when offered; with a password, required off this machine
    smtp+starttls://[user:password@]host[:port]    STARTTLS required
    smtps://[user:password@]host[:port]            TLS from the start

Query options: `rate=50/s`, `concurrency=20`, `from=Name <address>`, `starttls=required|opportunistic|off`,
`ca=/path/to/ca.pem` (trusted instead of the system's), `verify=false` (never in production), `helo=name`,
`timeout=10` (seconds to connect), `greeting_timeout=60` (for each of greeting, EHLO, TLS, AUTH),
`command_timeout=300` (for the reply to MAIL and RCPT), `data_timeout=120` (to DATA), `block_timeout=180` (while the
content leaves, without progress), `final_timeout=600` (for the reply to the content): the defaults are those of
RFC 5321 §4.5.3.2, but for the first two. Percent-encode what URLs reserve; "+" is a plus.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from hermodr_contracts.addresses import mailbox
from hermodr_delivery.provider import Provider, ProviderOptions
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.errors import ProviderConfigError
from hermodr_email_sender.providers.smtp.endpoint import Security, SmtpEndpoint
from hermodr_email_sender.providers.smtp.provider import SmtpProvider
from hermodr_email_sender.providers.smtp.session import Timeouts

VARIABLE = "HERMODR_EMAIL_PROVIDERS"

_DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_LATER = frozenset({"resend", "sendgrid"})
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_STARTTLS = {"required": Security.REQUIRED, "opportunistic": Security.OPPORTUNISTIC, "off": Security.NONE}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_CONCURRENCY = 1000
_TIMEOUTS = (
    ("connect", "timeout", 600.0),
    ("greeting", "greeting_timeout", 600.0),
    ("command", "command_timeout", 1200.0),
    ("data", "data_timeout", 1200.0),
    ("block", "block_timeout", 1200.0),
    ("content", "final_timeout", 1200.0),
)


class EmailProvider(Provider[OutgoingEmail], Protocol):
    """A provider of this service, with the limits its DSN set."""

    @property
    def options(self) -> ProviderOptions: ...

    @property
    def place(self) -> str:
        """Where it is, for people; no credential."""
        ...

    async def check(self) -> str:
        """Goes as far as one can without sending; what was found, in words. Raises `DeliveryFailure`."""
        ...


def build_providers(
    dsns: str | Sequence[str], *, sender: Mailbox, production: bool, send_seconds: float = 25.0
) -> list[EmailProvider]:
    """The providers in order of preference; each `name` is unique (`smtp`, `smtp-2`).

    `dsns` is the variable's value or its entries; `sender` the From where neither mail nor DSN names one;
    a mail waits `send_seconds` at most for a free connection. Opens no
    connection, but reads `ca` files. Raises ProviderConfigError, whose text never contains a credential.
    """
    entries = dsns.split() if isinstance(dsns, str) else list(dsns)
    if not entries:
        raise ProviderConfigError(f"{VARIABLE} is empty")
    providers: list[EmailProvider] = []
    for number, dsn in enumerate(entries, 1):
        name = "smtp" if number == 1 else f"smtp-{number}"
        try:
            providers.append(_smtp(_parse(dsn), name, sender, production, send_seconds))
        except _Unusable as error:
            raise ProviderConfigError(f"{VARIABLE}: entry {number} {error}") from None
    return providers


class _Unusable(Exception):
    """Says what is wrong with an entry, in words that follow "entry 1"."""


@dataclass(slots=True)
class _Dsn:
    scheme: str
    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    query: dict[str, str] = field(repr=False)

    def take(self, option: str) -> str | None:
        return self.query.pop(option, None)


def _parse(dsn: str) -> _Dsn:
    scheme, separator, _ = dsn.partition("://")
    scheme = scheme.lower()
    if not separator:
        raise _Unusable("is not of the form scheme://host")
    if scheme in _LATER:
        raise _Unusable(
            f"asks for {scheme}, which this version cannot send with yet: use smtp:// or smtps://"
        )
    if scheme not in _DEFAULT_PORTS:
        raise _Unusable(
            f"has an unknown scheme: known are {', '.join(f'{known}://' for known in _DEFAULT_PORTS)}"
        )
    try:
        url = urlsplit(dsn)
        host, port = url.hostname, url.port
    except ValueError:
        # Its text may quote a part of the password.
        raise _Unusable("has a malformed host or port: percent-encode / ? # @ : in a password") from None
    if not host or port == 0:
        raise _Unusable("names no host" if not host else "has port 0")
    if url.path.strip("/") or url.fragment:
        raise _Unusable("has a path or fragment after its host: percent-encode / ? # @ : in a password")
    return _Dsn(
        scheme=scheme,
        host=host,
        port=port or _DEFAULT_PORTS[scheme],
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        query=_query(url),
    )


def _query(url: SplitResult) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in filter(None, url.query.split("&")):
        name, _, value = pair.partition("=")
        if name in options:
            raise _Unusable(f"gives {name!r} twice")
        options[name] = unquote(value)
    return options


def _smtp(dsn: _Dsn, name: str, sender: Mailbox, production: bool, send_seconds: float) -> SmtpProvider:
    options = ProviderOptions(
        rate=_rate(dsn.take("rate")),
        concurrency=_concurrency(dsn.take("concurrency")),
        sender=dsn.take("from"),
    )
    endpoint = SmtpEndpoint(
        host=dsn.host,
        port=dsn.port,
        security=_security(dsn),
        tls=_tls(dsn.take("ca"), dsn.take("verify"), production),
        username=dsn.username,
        password=dsn.password,
        helo=_helo(dsn.take("helo")),
        timeouts=_timeouts(dsn, send_seconds),
    )
    if dsn.query:
        raise _Unusable(f"has an unknown option {min(dsn.query)!r}")
    own_sender = _mailbox(options.sender) if options.sender is not None else sender
    return SmtpProvider(endpoint, sender=own_sender, name=name, options=options)


def _security(dsn: _Dsn) -> Security:
    wish = dsn.take("starttls")
    if dsn.scheme == "smtps":
        if wish is not None:
            raise _Unusable("combines smtps:// with starttls=: it is encrypted from the start")
        return Security.IMPLICIT
    if wish is None:
        wish = "required" if dsn.scheme == "smtp+starttls" else None
    elif wish not in _STARTTLS or (dsn.scheme == "smtp+starttls" and wish != "required"):
        raise _Unusable(
            f"has a starttls option other than {', '.join(_STARTTLS)}, or one at odds with its scheme"
        )
    if wish is None:
        # A password must not cross a network in clear only because somebody cut STARTTLS out of the greeting.
        wish = "required" if dsn.password and dsn.host not in _LOOPBACK else "opportunistic"
    return _STARTTLS[wish]


def _tls(ca: str | None, verify: str | None, production: bool) -> ssl.SSLContext:
    if verify not in (None, "true", "false"):
        raise _Unusable("has a verify option other than true or false")
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError):
        raise _Unusable("names a ca file that cannot be read as PEM certificates") from None
    if verify == "false":
        if production:
            raise _Unusable("has verify=false, which production refuses: name the server's CA by ca=")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _rate(value: str | None) -> float | None:
    """Messages per second of `50/s`, `3000/m` or `100000/h`."""
    if value is None:
        return None
    count, _, unit = value.partition("/")
    if unit not in _SECONDS or not count.isdecimal() or not int(count):
        raise _Unusable("has a rate that is not of the form 50/s, 3000/m or 100000/h")
    return int(count) / _SECONDS[unit]


def _concurrency(value: str | None) -> int:
    if value is None:
        return ProviderOptions().concurrency
    if not value.isdecimal() or not 1 <= int(value) <= _MAX_CONCURRENCY:
        raise _Unusable(f"has a concurrency that is not a number from 1 to {_MAX_CONCURRENCY}")
    return int(value)


def _timeouts(dsn: _Dsn, send_seconds: float) -> Timeouts:
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
        raise _Unusable(f"has a {option} that is not a number of seconds up to {longest:g}")
    return seconds


def _helo(value: str | None) -> str | None:
    if value is not None and (not value.isascii() or not value.isprintable() or not value or " " in value):
        raise _Unusable("has a helo that is not a host name")
    return value


def _mailbox(value: str) -> Mailbox:
    try:
        name, address = mailbox(value)
    except ValueError as error:
        raise _Unusable(f"has a from that {error}") from None
    return Mailbox(address, name)
