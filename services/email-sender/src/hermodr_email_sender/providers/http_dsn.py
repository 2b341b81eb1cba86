"""Providers with an HTTP API from their DSNs: `resend://KEY@default`, `sendgrid://KEY@default?rate=50/s`. A host other
than `default` replaces the provider's own (`…@127.0.0.1:8025?tls=off` is the sandbox). Options of their own: `tls=off`
(plain HTTP; only to this machine, never in production), `ca=/path/to/ca.pem`, `timeout=60` (seconds for a whole call).
"""

import ssl

from hermodr_contracts.addresses import mailbox
from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_delivery.http_api import HttpApi
from hermodr_delivery.provider import ProviderOptions
from hermodr_email_sender.domain import Mailbox

HTTP_OPTIONS = ProviderOptions(rate=50.0, concurrency=80)
"""The defaults of HTTP providers. Eighty concurrent calls of 300 ms are well over 100 mails a second."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_SECONDS = 600.0


def api_of(
    dsn: Dsn,
    options: ProviderOptions,
    *,
    host: str,
    key: str,
    production: bool,
    seconds: float,
) -> HttpApi:
    """The API of an entry, which knows us by a bearer key. Raises `Unusable`."""
    tls = _tls(dsn, production)
    name = host if dsn.host == "default" else dsn.host
    port = f":{dsn.port}" if dsn.port is not None else ""
    return HttpApi(
        f"{'https' if tls else 'http'}://{f'[{name}]' if ':' in name else name}{port}",
        headers={"authorization": f"Bearer {key}"},
        secrets=(key,),
        seconds=_seconds(dsn.take("timeout"), seconds),
        calls=options.concurrency,
        tls=tls or False,
    )


def key_of(dsn: Dsn) -> str:
    """The entry's API key. Raises `Unusable`."""
    key = dsn.username
    if not key or dsn.password is not None:
        raise Unusable(f"is not of the form {dsn.scheme}://KEY@default")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise Unusable("has an API key that no header could carry")
    return key


def sender_of(options: ProviderOptions, default: Mailbox) -> Mailbox:
    """Whom mails are from that do not say. Raises `Unusable`."""
    if options.sender is None:
        return default
    try:
        name, address = mailbox(options.sender)
    except ValueError as error:
        raise Unusable(f"has a from that {error}") from None
    return Mailbox(address, name)


def _tls(dsn: Dsn, production: bool) -> ssl.SSLContext | None:
    wish, ca = dsn.take("tls"), dsn.take("ca")
    if wish not in (None, "on", "off"):
        raise Unusable("has a tls option other than on or off")
    if wish == "off":
        if production:
            raise Unusable("has tls=off, which production refuses")
        if dsn.host not in _LOOPBACK:
            raise Unusable(
                "has tls=off for a host that is not this machine: its key would cross a network in clear"
            )
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError):
        raise Unusable("names a ca file that cannot be read as PEM certificates") from None


def _seconds(value: str | None, default: float) -> float:
    try:
        seconds = default if value is None else float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise Unusable(f"has a timeout that is not a number of seconds up to {_LONGEST_SECONDS:g}")
    return seconds
