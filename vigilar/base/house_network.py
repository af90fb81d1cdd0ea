"""What an IP address means to a house. Pure. Sources: RFC 1918, RFC 4193, RFC 3927, RFC 4291; the addresses of cloud
metadata services are those their owners document."""

from __future__ import annotations

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

OTHER_SERVICES = frozenset({22, 23, 25, 53, 110, 139, 143, 445, 1883, 3306, 3493, 5432, 6379, 8883, 11211})
"""Ports of shells, mail, names, shares, brokers, UPS and databases: no camera sends its picture there, and a few of
them act upon the first line they are sent."""

_HOUSE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)

_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Azure, Google, OpenStack
        "169.254.170.2",  # AWS ECS
        "fd00:ec2::254",
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's platform
        "192.0.0.192",  # Oracle
    )
)
"""Whoever asks there gets keys to the machine."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_RESERVED = ipaddress.ip_network("240.0.0.0/4")
"""Its end is the broadcast."""


def plain_address(text: str) -> IpAddress:
    """The address meant: an IPv4 address in the clothes of IPv6 (mapped, NAT64) is one of IPv4. Raises ValueError."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_in_the_house(address: IpAddress) -> bool:
    """Private, of this link, or this box itself, which may restream a camera or play one."""
    return any(address.version == network.version and address in network for network in _HOUSE)


def is_no_device(address: IpAddress) -> bool:
    """Whether no camera can be there, whatever its owner says: everybody, nobody, a service that hands out keys."""
    is_reserved = address.version == 4 and address in _RESERVED
    return address in _METADATA or address.is_unspecified or address.is_multicast or is_reserved
