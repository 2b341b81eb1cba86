"""Providers' DSNs: `scheme://[user[:password]@]host[:port][?options]`, separated by spaces, in order of preference.
Percent-encode what URLs reserve; "+" is a plus. `name=backup` names a provider. No error shows a credential."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")

T = TypeVar("T")
D = TypeVar("D", bound="Dsn")


class ProviderConfigError(ValueError):
    """An unusable provider DSN. The message names variable and entry, never a credential."""


class Unusable(Exception):
    """What is wrong with an entry, in words that follow "entry 1"."""


@dataclass(slots=True)
class Dsn:
    scheme: str
    host: str
    port: int | None
    username: str | None
    password: str | None = field(repr=False)
    query: dict[str, str] = field(repr=False)

    def take(self, option: str) -> str | None:
        return self.query.pop(option, None)

    def seconds(self, option: str, longest: float) -> float | None:
        """Takes an option of more than 0 and up to `longest` seconds. Raises `Unusable`."""
        value = self.take(option)
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= longest:
            raise Unusable(f"has a {option} that is not a number of seconds up to {longest:g}")
        return seconds

    def trusting(self) -> ssl.SSLContext:
        """Takes `ca`, whose certificates are trusted instead of the system's. Raises `Unusable`."""
        try:
            return ssl.create_default_context(cafile=self.take("ca"))
        except (OSError, ssl.SSLError):
            raise Unusable("names a ca file that cannot be read as PEM certificates") from None

    @property
    def is_here(self) -> bool:
        """Whether the host is this machine, so that nothing crosses a network."""
        return self.host in _LOOPBACK

    def refuse_unknown_options(self) -> None:
        """Raises `Unusable` if an option is left."""
        if self.query:
            raise Unusable(f"has an unknown option {min(self.query)!r}")


def each_of(
    variable: str,
    dsns: str | Sequence[str],
    kinds: Mapping[str, str],
    use: Callable[[D, str], T],
    make: type[D],
) -> list[T]:
    """`use` of each entry and its unique name. `dsns` is the variable's value or its entries; `kinds` are the bases of
    names (`smtp`, `smtp-2`) by scheme. `use` raises `Unusable`. Raises `ProviderConfigError`."""
    entries = dsns.split() if isinstance(dsns, str) else list(dsns)
    if not entries:
        raise ProviderConfigError(f"{variable} is empty")
    used: list[T] = []
    names: list[str] = []
    for number, entry in enumerate(entries, 1):
        try:
            dsn = parse(entry, kinds, make)
            names.append(_name(dsn.take("name"), kinds[dsn.scheme], names))
            used.append(use(dsn, names[-1]))
        except Unusable as error:
            raise ProviderConfigError(f"{variable}: entry {number} {error}") from None
    return used


def _name(given: str | None, kind: str, taken: Collection[str]) -> str:
    if given is None:
        numbered = (f"{kind}-{number}" for number in count(2))
        return next(each for each in chain([kind], numbered) if each not in taken)
    if not _NAME.fullmatch(given):
        raise Unusable("has a name that is not 1 to 40 of a–z, 0–9, - and _, beginning with a letter")
    if given in taken:
        raise Unusable(f"has the name {given}, which an earlier entry has")
    return given


def parse(text: str, known: Collection[str], make: type[D]) -> D:
    """Raises `Unusable`."""
    scheme, separator, _ = text.partition("://")
    scheme = scheme.lower()
    if not separator:
        raise Unusable("is not of the form scheme://host")
    choice = ", ".join(f"{each}://" for each in known)
    if scheme not in known:
        raise Unusable(f"has an unknown scheme: known are {choice}")
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        # the error's text may quote a part of the password
        raise Unusable("has a malformed host or port: percent-encode / ? # @ : in a password") from None
    if not host or port == 0:
        raise Unusable("names no host" if not host else "has port 0")
    if url.path.strip("/") or url.fragment:
        raise Unusable("has a path or fragment after its host: percent-encode / ? # @ : in a password")
    return make(
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
        if not url.username and "@" in pair and not name.startswith("from"):
            # perhaps a password with a ? in it
            raise Unusable("has an @ after its ?: percent-encode / ? # @ : in a password")
        if name in options:
            raise Unusable(f"gives {name!r} twice")
        options[name] = unquote(value)
    return options
