"""Our name in EHLO: one that servers can look up, or our address (RFC 5321 §4.1.3, §4.1.4)."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from typing import Any

NAMELESS = "nameless"
"""Stands for our name until the connection knows our address."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_QUALIFIED = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?!\d+$){_LABEL}", re.IGNORECASE)
_NOBODYS = ("localhost", "localdomain", "arpa", "invalid")
"""Names that are not ours elsewhere; private ones (`.internal`) pass, because a relay in the network may know them."""


async def own_name() -> str:
    return qualified(await asyncio.to_thread(socket.getfqdn)) or NAMELESS


def qualified(name: str) -> str | None:
    name = name.rstrip(".")
    if not _QUALIFIED.fullmatch(name) or name.lower().rpartition(".")[2] in _NOBODYS:
        return None
    return name


def address_literal(sockname: Any) -> str:
    address = ipaddress.ip_address(str(sockname[0]).partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
