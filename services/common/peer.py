"""Whose address a request comes from: the peer's, or what proxies that are trusted say of it. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(said: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(one, strict=False) for one in said)


def address_of(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """`forwarded`: X-Forwarded-For. From the right, the first address that is no trusted proxy's."""
    if not is_trusted(peer, trusted):
        return peer
    for said in reversed([one.strip() for one in forwarded.split(",")[-20:] if one.strip()]):
        if _read(said) is None:
            break
        peer = said
        if not _is_in(said, trusted):
            break
    return peer


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether what it says of others counts."""
    return _is_in(peer, trusted)


def network_of(address: str) -> str:
    """What counts as one place: a v4 address, the /64 of a v6 one, of which everybody has many."""
    read = _read(address)
    if isinstance(read, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((read, 64), strict=False).network_address)
    return address


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    address = _read(text)
    return address is not None and any(address in network for network in networks)


def _read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
