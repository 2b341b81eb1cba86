"""Asks for the addresses of a name: this machine's hosts file, then DNS, without a thread that a slow server holds."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.resolver

from hermodr_servicekit.guard.addresses import Address
from hermodr_servicekit.guard.targets import Refused

SECONDS = 5.0
_HOSTS = Path("/etc/hosts")

Names = Callable[[str], Awaitable[tuple[Address, ...]]]
"""See `resolve`."""


async def resolve(name: str, hosts: Path = _HOSTS) -> tuple[Address, ...]:
    """At least one, IPv4 first. Raises `Refused`: `unknown_host` if there is no such name, `unresolvable` if nobody
    says so."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
        return (ip_address("127.0.0.1"), ip_address("::1"))
    return _in_file(name, hosts) or await _in_dns(name)


def _in_file(name: str, hosts: Path) -> tuple[Address, ...]:
    """hosts(5): an address and its names, a line each."""
    try:
        lines = hosts.read_text(errors="replace").splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if name in (each.lower() for each in names):
            try:
                found.append(ip_address(address))
            except ValueError:
                continue
    return tuple(sorted(found, key=lambda each: each.version))


async def _in_dns(name: str) -> tuple[Address, ...]:
    answers = await asyncio.gather(_records(name, "A"), _records(name, "AAAA"))
    if found := tuple(address for each in answers for address in each or ()):
        return found
    if None in answers:
        raise Refused("unresolvable", "the host could not be looked up")
    raise Refused("unknown_host", "the host does not exist")


async def _records(name: str, kind: str) -> list[Address] | None:
    """`None`: nobody answered."""
    try:
        answer = await dns.asyncresolver.resolve(name, kind, lifetime=SECONDS, search=True)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError):
        return None
    return [ip_address(each.address) for each in answer]
