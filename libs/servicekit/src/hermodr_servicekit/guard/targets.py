"""Reads URLs given by users. Pure: only here, so that what is checked is what is called."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, NamedTuple
from urllib.parse import quote

import idna

from hermodr_servicekit.guard.addresses import Address

LONGEST = 2000
Code = Literal[
    "bad_url",
    "bad_scheme",
    "credentials",
    "bad_host",
    "bad_port",
    "plain_http",
    "forbidden_address",
    "unknown_host",
    "unresolvable",
]

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?:#.*)?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))
_OTHER_SERVICES = frozenset(
    {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104}
    | {
        109,
        110,
        111,
        113,
        115,
        117,
        119,
        123,
        135,
        137,
        139,
        143,
        161,
        179,
        389,
        427,
        465,
        512,
        513,
        514,
        515,
    }
    | {526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049}
    | {3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)
"""No HTTP is spoken there: the list that all browsers refuse (fetch.spec.whatwg.org, "port blocking")."""


class Refused(Exception):
    """A URL is not called. The text is for users and holds no part of the URL."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Target(NamedTuple):
    """A URL, taken apart. `host` is a name in its ASCII form, or `address` as text; `path` has the query."""

    plain: bool
    host: str
    address: Address | None
    port: int
    path: str

    @property
    def authority(self) -> str:
        """For the `Host` header (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (80 if self.plain else 443) else f"{host}:{self.port}"


def read_target(url: str) -> Target:
    """Strict: what clients and servers read in different ways is refused. Raises `Refused`."""
    if len(url) > LONGEST:
        raise Refused("bad_url", f"the URL is longer than {LONGEST} characters")
    if any(char <= " " or char == "\x7f" or char == "\\" for char in url):
        raise Refused("bad_url", "the URL has spaces, control characters or backslashes")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise Refused("bad_scheme", "the URL does not begin with https://")
    plain = parts["scheme"].lower() == "http"
    if "@" in parts["authority"]:
        raise Refused("credentials", "the URL has a user name or password")
    host, port = _host_and_port(parts["authority"])
    name, address = _host(host)
    target = parts["target"] if parts["target"].startswith("/") else "/" + parts["target"]
    try:
        path = quote(target, safe=_PRINTABLE)
    except UnicodeEncodeError:
        raise Refused("bad_url", "the URL has half a character") from None
    return Target(plain, name, address, _port(port, 80 if plain else 443), path)


def read_host(text: str) -> tuple[str, Address | None]:
    """A host alone: a name in its ASCII form, or an address as text and as such. Raises `Refused`."""
    return _host(f"[{text}]" if ":" in text and not text.startswith("[") else text)


def _host_and_port(authority: str) -> tuple[str, str | None]:
    literal, bracket, rest = authority.partition("]")
    if bracket:
        host, colon, port = literal + bracket, rest[:1], rest[1:]
    else:
        host, colon, port = authority.partition(":")
    if colon not in ("", ":"):
        raise _bad_host()
    return host, port if colon else None


def _port(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:6]) <= 65535 or len(text) > 5:
        raise Refused("bad_port", "the port is not a number from 1 to 65535")
    if int(text) in _OTHER_SERVICES:
        raise Refused("bad_port", "the port belongs to another protocol than HTTP")
    return int(text)


def _host(text: str) -> tuple[str, Address | None]:
    """The name or address. One notation of an address each: no octal, hexadecimal or shortened IPv4, no zones."""
    if text.startswith("["):
        if "%" in text:
            raise _bad_host()
        try:
            address: Address = IPv6Address(text[1:-1])
        except ValueError:
            raise _bad_host() from None
        return str(address), address
    name = _name(text)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            address = IPv4Address(name)
        except ValueError:
            raise _bad_host() from None
        return name, address
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _bad_host()
    return name, None


def _name(text: str) -> str:
    if text.isascii():
        return text.lower()
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode()
    except UnicodeError:
        raise _bad_host() from None


def _bad_host() -> Refused:
    return Refused("bad_host", "the host is neither a name nor an address in its usual notation")
