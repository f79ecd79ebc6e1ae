"""Parses networks, and finds the addresses within them.

An IPv4 address that is written as an IPv6 address (``::ffff:10.0.0.5``), as a socket for both versions reports it, is
the IPv4 address.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from chatcore_service.environment import MalformedValueError

Network = IPv4Network | IPv6Network

_EXPECTED = "must be addresses or networks, such as 10.0.0.5 or fd00::/8, separated by commas"
_MAPPED = IPv6Network("::ffff:0:0/96")
_MAX_QUOTED = 100


def networks(value: str) -> tuple[Network, ...]:
    """Accepts addresses and networks, separated by commas; an address is a network of its own."""
    listed = tuple(_network(part.strip()) for part in value.split(",") if part.strip())
    if not listed:
        raise MalformedValueError(_EXPECTED)
    return listed


def is_within(address: str, allowed: Iterable[Network]) -> bool:
    """Returns whether the text is an address of one of the networks."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    unmapped = _unmapped(parsed)
    return any(unmapped in network for network in allowed)


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        fault = "has bits beyond its prefix" if "host bits" in str(error) else "is neither"
        raise MalformedValueError(f"{_EXPECTED}: {text[:_MAX_QUOTED]!r} {fault}") from error
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        first = int(network.network_address) - int(_MAPPED.network_address)
        return IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))
    return network


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
