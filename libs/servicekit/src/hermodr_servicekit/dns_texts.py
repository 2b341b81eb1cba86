"""Asks DNS for the TXT records of a name."""

from collections.abc import Awaitable, Callable

import dns.asyncresolver
import dns.exception
import dns.resolver

SECONDS = 5.0


class NoDns(Exception):
    """No server answered."""


Texts = Callable[[str], Awaitable[list[str]]]
"""See `texts`."""


async def texts(name: str) -> list[str]:
    """None if the name does not exist. Raises `NoDns`."""
    try:
        answer = await dns.asyncresolver.resolve(f"{name}.", "TXT", lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NoDns from error
    return [b"".join(each.strings).decode(errors="replace") for each in answer]
