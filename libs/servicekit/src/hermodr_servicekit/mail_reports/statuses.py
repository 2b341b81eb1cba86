"""What the status of a failed delivery says of its address (RFC 3463 §3, IANA's registry of enhanced status codes)."""

import re

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_LONGEST = 2000
_OF_THE_ADDRESS = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
"""No such mailbox, no such domain, no valid address, moved, null MX, disabled."""
_SOMETHING_ELSE = re.compile(
    r"\b(?:quota|full|storage|spam|block|blacklist|list|reputation|polic|rate|too (?:many|quickly|much)|temporar|later"
    r"|suspen|spf|dkim|dmarc|relay|authenticat|virus|content)",
    re.IGNORECASE,
)
# Microsoft Learn, "Fix NDR error code 550 5.4.1": directory-based edge blocking knows no such recipient.
_EXCHANGE = re.compile(r"5\.4\.1 (?:\[\S*\]: )?recipient address rejected: access denied", re.IGNORECASE)


def status_of(status: str, diagnostic: str) -> str | None:
    """`5.1.1`; the diagnostic's where the status is missing or says nothing (`5.0.0`)."""
    stated = _STATUS.search(status[:_LONGEST])
    said = _STATUS.search(diagnostic[:_LONGEST])
    if said is not None and (stated is None or (stated.group(2) == "0" and said.group(1) == stated.group(1))):
        return said.group()
    return stated.group() if stated is not None else None


def is_lasting(status: str | None, diagnostic: str) -> bool:
    """Whether nothing will ever arrive at the address. In doubt not: a full mailbox, a policy and a blocklist pass."""
    diagnostic = diagnostic[:_LONGEST]
    if _EXCHANGE.search(diagnostic):
        return True
    if status is None or not status.startswith("5.") or status[2:] not in _OF_THE_ADDRESS:
        return False
    said = _STATUS.search(diagnostic)
    if said is not None and said.group(1) == "4":
        return False
    words = (each for each in diagnostic.split() if "@" not in each and "://" not in each)
    return _SOMETHING_ELSE.search(" ".join(words)) is None
