"""Sends one request of a webhook, never to an address inside: checked after the name was resolved, on the address that
is then connected to, and no redirect is followed."""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx

RESOLVERS = 32  # names looked up at once: one that hangs must not stop the others
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")  # the only part of v6 that is given out; Python calls more of it global

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Outcome(NamedTuple):
    """`status` is 0 without an answer; `note` says why in a word."""

    status: int
    note: str
    seconds: float

    @property
    def is_delivered(self) -> bool:
        return 200 <= self.status < 300


class RefusedError(Exception):
    """The address is none that may be asked."""


class Sender:
    def __init__(self, origin: str, timeout_seconds: float, *, allows_private: bool) -> None:
        self._origin, self._timeout_seconds, self._allows_private = origin, timeout_seconds, allows_private
        self._resolvers = ThreadPoolExecutor(RESOLVERS, "webhook-names")
        # No connection is kept: it would be found again by its address, also for another name.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def post(self, url: str, secret: str, body: bytes) -> Outcome:
        began = time.monotonic()
        status, note = 0, ""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status = await self._post(url, secret, body)
        except TimeoutError:
            note = "timeout"
        except RefusedError:
            note = "private_address"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ValueError) as error:
            note = f"unreachable: {type(error).__name__}"
        if status and not 200 <= status < 300:
            note = "redirect" if 300 <= status < 400 else "refused"
        return Outcome(status, note, time.monotonic() - began)

    async def _post(self, url: str, secret: str, body: bytes) -> int:
        target = httpx.URL(url)
        host = target.raw_host.decode()
        port = target.port or (443 if target.scheme == "https" else 80)
        address = await self._resolve(host, port)
        headers = {
            "Host": target.netloc.decode(),
            "Content-Type": "application/json",
            "User-Agent": "Spoor-Webhook",
            "X-Origin-Base-URL": self._origin,
            "Webhook-Signature": sign(body, secret),
        }
        if target.userinfo:
            headers["Authorization"] = "Basic " + base64.b64encode(target.userinfo).decode()
        request = httpx.Request(
            "POST",
            target.copy_with(host=str(address), userinfo=b"", fragment=None),
            headers=headers,
            content=body,
            extensions={"sni_hostname": host, "timeout": dict.fromkeys(("connect", "read", "write", "pool"))},
        )
        response = await self._transport.handle_async_request(request)
        await response.aclose()
        return response.status_code

    async def _resolve(self, host: str, port: int) -> Address:
        """The first address that may be asked. Raises `RefusedError`, `OSError`."""
        look_up = asyncio.get_running_loop().run_in_executor
        found = await look_up(
            self._resolvers, lambda: socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        )
        for _, _, _, _, said in found:
            address = ipaddress.ip_address(str(said[0]).partition("%")[0])
            if self._allows_private or is_public(address):
                return address
        raise RefusedError


def is_public(address: Address) -> bool:
    """Also of what leads to another address: mapped, tunnelled, translated."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(one is not None and not is_public(one) for one in inner):
            return False
        if address.ipv4_mapped or address in _NAT64:
            return True
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def sign(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
