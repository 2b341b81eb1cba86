"""Asks DNS whether a domain is the project's."""

from collections.abc import Awaitable, Callable

import dns.asyncresolver
import dns.exception
import dns.resolver

from hermodr_api.errors import unavailable

SECONDS = 4.0
Texts = Callable[[str], Awaitable[list[str]]]
"""The TXT records of a name. Raises `Refused` (503)."""


async def texts(name: str) -> list[str]:
    """None if there is no such name. Raises `Refused` (503) if no server answers."""
    try:
        answer = await dns.asyncresolver.resolve(f"{name}.", "TXT", lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError):
        raise unavailable("dns", "no DNS server answered; try again later") from None
    return [b"".join(each.strings).decode(errors="replace") for each in answer]
