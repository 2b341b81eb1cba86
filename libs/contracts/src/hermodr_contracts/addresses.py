"""What an email address is, the same at every entry: HTTP, SQL (`hermodr.email_address`), settings, sender.

A dot-atom of at most 64 octets (RFC 5321 §4.5.3.1.1), also non-ASCII (SMTPUTF8, RFC 6531), then a domain with a dot or
`localhost`; 254 octets in all. Private names (`.local`, `.internal`, `.lan`) are accepted: Hermodr's operator may have
mail servers there. Quoted local parts, IP literals and source routes are refused: most are mistakes.
"""

import re
import unicodedata

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from hermodr_contracts.names import one_line_name

NO_MAIL = ("arpa", "invalid", "onion")
"""Domains without mail: RFC 3172, RFC 6761 §6.4, RFC 7686."""

# email-validator's documented way; its own list would refuse `.local` and `.test` too.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = NO_MAIL

# Recognises usual addresses in a microsecond; email-validator would return them unchanged.
_EVERYDAY = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])(?<!--)){0,62}\.)+[a-z]{2,63}"
)
_MOST_LOCAL_OCTETS = 64
_MAILBOX = re.compile(
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"\\<>@,:;()\[\]]*?)) *<(?P<inner>[^<>]+)>|(?P<bare>[^<>]+)'
)


def email_address(text: str) -> str:
    """The stored form: local part as given, domain in lower case and Unicode (IDNA 2008), both NFC. Raises
    `ValueError`."""
    if _EVERYDAY.fullmatch(text) and text.rpartition(".")[2] not in NO_MAIL:
        return text
    local, found = _validated(text)
    return f"{local}@{found.domain}"


def transport_address(text: str) -> str:
    """The address with its domain in ASCII (A-labels), as mail servers want it. Raises `ValueError`."""
    if _EVERYDAY.fullmatch(text) and text.rpartition(".")[2] not in NO_MAIL:
        return text
    local, found = _validated(text)
    return f"{local}@{found.ascii_domain}"


def _validated(text: str) -> tuple[str, ValidatedEmail]:
    local, _, domain = text.rpartition("@")
    try:
        found = validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=True,
            globally_deliverable=domain.lower() != "localhost",
        )
    except EmailNotValidError as error:
        raise ValueError(f"is not an email address: {error}") from None
    except UnicodeError:
        raise ValueError("is not an email address: it holds a lone surrogate") from None
    # RFC 2142 names ("Info") are kept as given, like all local parts
    local = unicodedata.normalize("NFC", local)
    if len(local.encode()) > _MOST_LOCAL_OCTETS:
        raise ValueError(
            f"is not an email address: more than {_MOST_LOCAL_OCTETS} octets before the @-sign (RFC 5321)"
        )
    return local, found


def mailbox(text: str) -> tuple[str, str]:
    """Name (may be empty) and address of `Name <address>`, `"Name" <address>`, `<address>` or a bare address: RFC 5322
    §3.4 without comments, groups, routes and encoded words. Raises `ValueError`. The standard library's parsers would
    alter "Team @ Acme <…>" and email-validator refuses "Café" and "Inc."."""
    found = _MAILBOX.fullmatch(text.strip(" "))
    if found is None or "=?" in text:
        raise ValueError(
            'is not an address or Name <address>; a name with , @ : ; ( ) < > wants "double quotes"'
        )
    quoted, plain, inner, bare = found.group("quoted", "plain", "inner", "bare")
    name = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return one_line_name(name) if name else "", email_address(bare or inner)
