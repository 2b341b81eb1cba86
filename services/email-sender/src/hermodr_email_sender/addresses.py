"""Mail addresses in the form a mail server wants them."""

from __future__ import annotations

import re

import idna

from hermodr_email_sender.errors import UnsendableMessage

MAX_LOCAL_PART = 64
MAX_ADDRESS = 254

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a1-\ud7ff\uf900-\U0010ffff]"
_LOCAL_PART = re.compile(rf'{_ATEXT}+(?:\.{_ATEXT}+)*|"(?:[ !#-\[\]-~]|\\[ -~])*"')
_ASCII_DOMAIN = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*"
)
_ADDRESS_LITERAL = re.compile(r"\[(?:IPv6:[0-9A-Fa-f:.]{2,45}|[0-9.]{7,15})\]")


def normalized(address: str) -> str:
    """`address` with its domain in IDNA form; the local part stays as given, and may be non-ASCII (SMTPUTF8).

    Raises `UnsendableMessage` for anything RFC 5321 cannot carry. Whatever is returned is safe inside `<…>`, in an
    SMTP command as in a header: no control characters, no line breaks, no unquoted specials.
    """
    local, at, domain = address.rpartition("@")
    if (
        not at
        or not _LOCAL_PART.fullmatch(local)
        or not local.isprintable()
        or len(local.encode()) > MAX_LOCAL_PART
    ):
        raise UnsendableMessage("bad_address", "an address is malformed")
    if not domain.isascii():
        domain = _idna(domain)
    if not _ASCII_DOMAIN.fullmatch(domain) and not _ADDRESS_LITERAL.fullmatch(domain):
        raise UnsendableMessage("bad_address", "an address has a malformed domain")
    if len(local.encode()) + 1 + len(domain) > MAX_ADDRESS:
        raise UnsendableMessage("bad_address", "an address is too long")
    return f"{local}@{domain}"


def _idna(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise UnsendableMessage("bad_address", "an address has a domain that IDNA cannot express") from error
