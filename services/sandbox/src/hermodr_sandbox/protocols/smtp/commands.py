from __future__ import annotations

import re
from dataclasses import dataclass

_PATH = re.compile(r'\s*<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>(?:\s+(.*))?')
_ROUTE = re.compile(r"@[^:]*:")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_MAX_ADDRESS = 320


class BadCommand(Exception):
    """Answered with `reply` (one line without its end); changes nothing."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Path:
    """An address of MAIL or RCPT and its parameters, names in upper case."""

    address: str
    parameters: dict[str, str]


def parse_path(argument: bytes, keyword: bytes) -> Path:
    """`FROM:<address> [NAME[=VALUE] …]` (or `TO:`). Raises BadCommand."""
    if argument[: len(keyword)].upper() != keyword:
        raise BadCommand(b"501 5.5.4 Syntax: " + keyword + b"<address>")
    try:
        text = argument[len(keyword) :].decode("utf-8")
    except UnicodeDecodeError:
        raise BadCommand(b"501 5.1.7 Address is neither ASCII nor UTF-8") from None
    match = _PATH.fullmatch(text)
    if match is None:
        raise BadCommand(b"501 5.5.4 Syntax: " + keyword + b"<address>")
    address = _ROUTE.sub("", match[1], count=1) if match[1].startswith("@") else match[1]
    if address and not _plausible(address):
        raise BadCommand(b"501 5.1.3 Bad address syntax")
    return Path(address, _parameters(match[2]) if match[2] else {})


def _plausible(address: str) -> bool:
    if len(address) > _MAX_ADDRESS or _FORBIDDEN.search(address):
        return False
    local, at, domain = address.rpartition("@")
    if not at:
        return address.lower() == "postmaster"
    quoted = local.startswith('"') and local.endswith('"') and len(local) > 1
    if " " in domain or (not quoted and (" " in local or "@" in local)):
        return False
    return bool(local) and bool(domain) and not domain.startswith(".") and ".." not in domain


def _parameters(text: str) -> dict[str, str]:
    parameters = {}
    for word in text.split():
        name, _, value = word.partition("=")
        parameters[name.upper()] = value
    return parameters


def check_mail_parameters(path: Path, max_size: int) -> None:
    """Refuses sizes beyond `max_size` octets, unknown bodies and parameters, and UTF-8 without SMTPUTF8."""
    parameters = path.parameters
    for name, value in parameters.items():
        if name == "SIZE":
            if not (value.isascii() and value.isdigit() and len(value) <= 20):
                raise BadCommand(b"501 5.5.4 SIZE needs a number")
            if int(value) > max_size:
                raise BadCommand(b"552 5.3.4 Message size exceeds fixed limit")
        elif name == "BODY":
            if value.upper() not in ("7BIT", "8BITMIME"):
                raise BadCommand(b"501 5.5.4 BODY is 7BIT or 8BITMIME")
        elif name == "SMTPUTF8":
            if value:
                raise BadCommand(b"501 5.5.4 SMTPUTF8 takes no value")
        elif name != "AUTH":
            raise BadCommand(b"555 5.5.4 Unsupported parameter")
    if not path.address.isascii() and "SMTPUTF8" not in parameters:
        raise BadCommand(b"553 5.6.7 Address needs SMTPUTF8")


def check_rcpt_parameters(path: Path, utf8: bool) -> None:
    """Refuses an empty path, any parameter, and UTF-8 without SMTPUTF8."""
    if not path.address:
        raise BadCommand(b"501 5.1.3 Recipient address is empty")
    if path.parameters:
        raise BadCommand(b"555 5.5.4 Unsupported parameter")
    if not utf8 and not path.address.isascii():
        raise BadCommand(b"553 5.6.7 Address needs SMTPUTF8")


def has_long_line(raw: bytes, limit: int) -> bool:
    """Whether a line is longer than `limit` octets without its CRLF (RFC 5321 §4.5.3.1.6)."""
    return len(raw) > limit and max(map(len, raw.split(b"\r\n"))) > limit
