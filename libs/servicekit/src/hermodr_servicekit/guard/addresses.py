"""Which addresses of the internet protocol may be called. Pure."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]

_NOT_PUBLIC = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared by carriers, RFC 6598; metadata of Alibaba
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host agent of Azure
        "169.254.0.0/16",  # link-local, RFC 3927; metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, RFC 6890; metadata of Oracle
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.88.99.0/24",  # relays of 6to4, RFC 7526
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_UNICAST = IPv6Network("2000::/3")
"""All that is public by RFC 4291 lies in here; loopback, v4-mapped, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local,
link-local and multicast do not."""
_NOT_PUBLIC_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, leads to an IPv4 address
        "3fff::/20",  # documentation, RFC 9637
    )
)
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The third quarter of an address that leads to the IPv4 address in its last one (RFC 5214 §6.1)."""


def networks(text: str) -> Networks:
    """`10.0.0.0/8 fd00::/8`. Raises `ValueError`."""
    try:
        return tuple(ip_network(each) for each in text.split())
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8 fd00::/8, separated by spaces") from None


def is_public(address: Address) -> bool:
    """Whether it is a host of the public internet, and no other way to write a host that is not."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in each for each in _NOT_PUBLIC)
    if address.scope_id is not None or address not in _UNICAST or not address.is_global:
        return False
    third_quarter = (int(address) >> 32) & 0xFFFF_FFFF
    return third_quarter not in _ISATAP and not any(address in each for each in _NOT_PUBLIC_6)


def is_among(address: Address, allowed: Networks) -> bool:
    return any(address in each for each in allowed)
