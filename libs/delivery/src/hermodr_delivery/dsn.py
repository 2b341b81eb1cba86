"""Providers from their DSNs: `scheme://[user[:password]@]host[:port][?options]`, separated by spaces, in order of
preference. Percent-encode what URLs reserve; "+" is a plus.

Options that every provider has: `rate=50/s`, `concurrency=20`, `from=…`. A kind takes its own ones; what is left over
is refused. No text of an error holds a credential.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from hermodr_delivery.provider import ProviderOptions
from hermodr_delivery.rate import per_second

_MAX_CONCURRENCY = 1000

T = TypeVar("T")


class ProviderConfigError(ValueError):
    """A provider DSN that cannot be used. The message names the variable and entry, never a credential."""


class Unusable(Exception):
    """Says what is wrong with an entry, in words that follow "entry 1"."""


@dataclass(slots=True)
class Dsn:
    """One entry. `port` is None where the DSN names none."""

    scheme: str
    host: str
    port: int | None
    username: str | None
    password: str | None = field(repr=False)
    query: dict[str, str] = field(repr=False)

    def take(self, option: str) -> str | None:
        """The option's value, once."""
        return self.query.pop(option, None)

    def options(self) -> ProviderOptions:
        """Takes what every provider has."""
        return ProviderOptions(
            rate=_rate(self.take("rate")),
            concurrency=_concurrency(self.take("concurrency")),
            sender=self.take("from"),
        )

    def refuse_unknown_options(self) -> None:
        """Raises `Unusable` when an option is left that nobody has taken."""
        if self.query:
            raise Unusable(f"has an unknown option {min(self.query)!r}")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of provider: `name` names its providers (`smtp`, `smtp-2`). `build` makes one of an entry and such a name,
    or raises `Unusable`."""

    name: str
    build: Callable[[Dsn, str], T]


def providers_of(
    variable: str, dsns: str | Sequence[str], kinds: Mapping[str, Kind[T]], *, planned: Collection[str] = ()
) -> list[T]:
    """The providers in order. `dsns` is the variable's value or its entries; `kinds` are by scheme; schemes that are
    `planned` get an answer of their own. Raises `ProviderConfigError`."""
    entries = dsns.split() if isinstance(dsns, str) else list(dsns)
    if not entries:
        raise ProviderConfigError(f"{variable} is empty")
    providers: list[T] = []
    names: Counter[str] = Counter()
    for number, entry in enumerate(entries, 1):
        try:
            dsn = parse(entry, kinds, planned)
            kind = kinds[dsn.scheme]
            names[kind.name] += 1
            count = names[kind.name]
            providers.append(kind.build(dsn, kind.name if count == 1 else f"{kind.name}-{count}"))
            dsn.refuse_unknown_options()
        except Unusable as error:
            raise ProviderConfigError(f"{variable}: entry {number} {error}") from None
    return providers


def parse(text: str, known: Collection[str], planned: Collection[str] = ()) -> Dsn:
    """An entry of one of the known schemes. Raises `Unusable`."""
    scheme, separator, _ = text.partition("://")
    scheme = scheme.lower()
    if not separator:
        raise Unusable("is not of the form scheme://host")
    choice = ", ".join(f"{each}://" for each in known)
    if scheme in planned:
        raise Unusable(f"asks for {scheme}, which this version cannot send with yet: use one of {choice}")
    if scheme not in known:
        raise Unusable(f"has an unknown scheme: known are {choice}")
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        # Its text may quote a part of the password.
        raise Unusable("has a malformed host or port: percent-encode / ? # @ : in a password") from None
    if not host or port == 0:
        raise Unusable("names no host" if not host else "has port 0")
    if url.path.strip("/") or url.fragment:
        raise Unusable("has a path or fragment after its host: percent-encode / ? # @ : in a password")
    return Dsn(
        scheme=scheme,
        host=host,
        port=port,
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        query=_query(url),
    )


def _query(url: SplitResult) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in filter(None, url.query.split("&")):
        name, _, value = pair.partition("=")
        if name in options:
            raise Unusable(f"gives {name!r} twice")
        options[name] = unquote(value)
    return options


def _rate(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return per_second(value)
    except ValueError as error:
        raise Unusable(f"has a rate that is {error}") from None


def _concurrency(value: str | None) -> int:
    if value is None:
        return ProviderOptions().concurrency
    if not value.isdecimal() or not 1 <= int(value) <= _MAX_CONCURRENCY:
        raise Unusable(f"has a concurrency that is not a number from 1 to {_MAX_CONCURRENCY}")
    return int(value)
