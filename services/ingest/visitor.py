"""Who asks: the visitor's address behind trusted proxies, and whether a request may be tracked at all. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVACY_SIGNALS = {"gpc": b"sec-gpc", "dnt": b"dnt"}  # reason of the drop: the header that asks for it by a 1
DROP_REASONS = (
    *PRIVACY_SIGNALS,
    "consent_withdrawn",
    "logged_in_user",
    "bad_clickthrough",
    "prefetch",
    "head",
    "blocked_address",
    "private_address",
    "bad_address",
)
PRIVATE_REASONS = frozenset({*PRIVACY_SIGNALS, "consent_withdrawn"})  # nothing of these is kept
MAX_ADDRESS_LENGTH = 45  # of a v6 address that holds a v4 one
_USER_COOKIE = re.compile(rb"(?:^|;)\s*spoor_user=([^;\s]+)")
CACHED_ADDRESSES = 100_000  # about 20 MB


class Visitors:
    """Reads addresses under one configuration; verdicts on addresses are cached."""

    def __init__(
        self,
        trusted_proxies: tuple[str, ...],
        blocked: tuple[str, ...],
        *,
        track_private_ip_ranges: bool,
        anonymize_ip: bool = False,
        privacy_signals: Iterable[str] = PRIVACY_SIGNALS,
        is_user: Callable[[str], bool] | None = None,
    ) -> None:
        self._trusted = _networks(trusted_proxies)
        self._blocked = _networks(blocked)
        self._track_private = track_private_ip_ranges
        self._is_user = is_user  # whether this is the cookie of somebody who is logged in to our own pages
        self._signals = [(PRIVACY_SIGNALS[name], name) for name in privacy_signals]
        self.judge = lru_cache(CACHED_ADDRESSES)(self._judge)
        self.stored: Callable[[str], str] = lru_cache(CACHED_ADDRESSES)(anonymized) if anonymize_ip else str

    def address(self, peer: str, forwarded: bytes | None) -> str:
        """The visitor's address: the last one in X-Forwarded-For that no trusted proxy of ours has put its name to."""
        if not forwarded or not self._trusted or not _within(_parse(peer), self._trusted):
            return peer
        address = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")[-20:]):
            address = hop.strip()[:MAX_ADDRESS_LENGTH]
            if not _within(_parse(address), self._trusted):
                break
        return address

    def _judge(self, ip: str) -> str | None:
        """Why hits from this address are dropped, or None."""
        address = _parse(ip)
        if address is None:
            return "bad_address"
        if _within(address, self._blocked):
            return "blocked_address"
        is_private = not address.is_global or address.is_multicast
        return "private_address" if is_private and not self._track_private else None

    def refusal(self, headers: dict[bytes, bytes], method: str) -> str | None:
        """Why the request itself asks not to be tracked, or None."""
        if method == "HEAD":
            return "head"
        for header, name in self._signals:
            if headers.get(header) == b"1":
                return name
        cookies = headers.get(b"cookie")
        if cookies:
            if b"mautic_consent=deny" in cookies:
                return "consent_withdrawn"
            if self._is_user and b"spoor_user=" in cookies and self._is_user(_user_cookie(cookies)):
                return "logged_in_user"
        purpose = headers.get(b"sec-purpose") or headers.get(b"purpose")
        if purpose and purpose.startswith((b"prefetch", b"prerender")):
            return "prefetch"
        return None


def anonymized(ip: str) -> str:
    """The /24 of a v4 address, the /48 of a v6 one: a place is still known by it, a household is not."""
    address = _parse(ip)
    if address is None:
        return ip
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False).network_address)


def _user_cookie(cookies: bytes) -> str:
    match = _USER_COOKIE.search(cookies)
    return match[1].decode("latin-1") if match else ""


def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def _within(address: Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in networks)


def _parse(ip: str) -> Address | None:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
