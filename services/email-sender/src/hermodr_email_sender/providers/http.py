"""What providers with an HTTP API share. Their DSNs: `resend://KEY@default`, `sendgrid://KEY@default?rate=50/s`.

A host other than `default` replaces the provider's own (`…@127.0.0.1:8025?tls=off` is the sandbox). Options of their
own: `tls=off` (plain HTTP; only to this machine, and never in production), `ca=/path/to/ca.pem` (instead of the
system's), `timeout=60` (seconds for a whole call).
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar, Self

from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_delivery.http_api import HttpApi, endpoint
from hermodr_delivery.provider import Call, ProviderOptions
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.providers.sender import sender_of

HTTP_OPTIONS = ProviderOptions(rate=50.0, concurrency=80)
"""The defaults of HTTP providers. Eighty concurrent calls of 300 ms are well over 100 mails a second."""
_LONGEST_SECONDS = 600.0


class HttpProvider(ABC):
    """A `Provider[OutgoingEmail]`; `sender` is the From of mails without one."""

    host: ClassVar[str]
    """The provider's own."""
    selectors: ClassVar[tuple[str, ...]]
    """Of its DKIM records, below `_domainkey` of a verified domain."""
    keeps_keys_seconds: ClassVar[float] = 0.0
    """See `ProviderOptions`."""

    def __init__(self, api: HttpApi, *, sender: Mailbox, name: str, options: ProviderOptions) -> None:
        self.name = name
        self.options = options
        self._api = api
        self.sender = sender

    @classmethod
    def build(cls, dsn: Dsn, name: str, *, sender: Mailbox, production: bool, send_seconds: float) -> Self:
        """Raises `Unusable`."""
        key = _key(dsn)
        options = dsn.options(replace(HTTP_OPTIONS, keeps_keys_seconds=cls.keeps_keys_seconds))
        place = endpoint(dsn, cls.host, production=production)
        api = HttpApi(
            place.url,
            headers={"authorization": f"Bearer {key}"},
            secrets=(key,),
            seconds=dsn.seconds("timeout", _LONGEST_SECONDS) or send_seconds,
            calls=options.concurrency,
            tls=place.tls,
        )
        return cls(api, sender=sender_of(options, sender), name=name, options=options)

    @property
    def place(self) -> str:
        return self._api.place

    @abstractmethod
    def prepare(self, message: OutgoingEmail) -> Call: ...

    @abstractmethod
    async def check(self) -> str: ...

    async def close(self) -> None:
        await self._api.close()


def _key(dsn: Dsn) -> str:
    key = dsn.username
    if not key or dsn.password is not None:
        raise Unusable(f"is not of the form {dsn.scheme}://KEY@default")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise Unusable("has an API key that no header could carry")
    return key
