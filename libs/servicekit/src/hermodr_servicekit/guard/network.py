"""Connects httpcore to guarded addresses only."""

from collections.abc import Iterable
from ipaddress import ip_address

import httpcore

from hermodr_servicekit.guard.addresses import Address
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.targets import Target

_MOST_TRIED = 4
"""Addresses of one name; each gets its share of the time."""


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Looks a name up once and connects to what it vetted, so that a name cannot change in between; `Host` and the name
    in TLS stay. Calls raise `Refused` instead of connecting elsewhere. `plain`: for HTTP without TLS."""

    def __init__(
        self, guard: Guard, *, plain: bool, below: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        self._guard = guard
        self._plain = plain
        self._below = below or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await self._guard.addresses(Target(self._plain, host, _literal(host), port, "/"))
        tried = found[:_MOST_TRIED]
        share = None if timeout is None else timeout / len(tried)
        for address in tried[:-1]:
            try:
                return await self._below.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._below.connect_tcp(str(tried[-1]), port, share, local_address, socket_options)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
