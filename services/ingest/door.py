"""Reads one request into a hit: who it is from, whether it may be tracked, and nothing that can be done later. Pure.

A hot path: 6-8 microseconds a request. Queries and bodies are searched for the few things that are needed now, not
parsed; identity does that once the answer is out.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus
from uuid import UUID

from services.common.device import Device, DeviceCodec
from services.common.hit import Door as DoorKind
from services.common.hit import Hit
from services.ingest.visitor import Visitors

MAX_QUERY_BYTES = 16_384
MAX_HEADER_BYTES = 32_768
MAX_BODY_BYTES = 65_536
MAX_DEVICE_COOKIES = 10  # a browser sends one a domain and path; more are somebody's who wants to keep us busy
MAX_HEADER_VALUE_BYTES = 2_048  # a longer User-Agent, Referer or Accept-Language is cut
MAX_EVENT_AGE_US = 45 * 86_400 * 1_000_000
MAX_CLOCK_AHEAD_US = 60 * 1_000_000

_DEVICE_PARAMETER = re.compile(rb"(?:^|&)mautic_device_id=([^&]*)")
_DEVICE_COOKIE = re.compile(rb"(?:^|;)\s*mautic_device_id=\"?([^;\"\s]+)")
_CLICKTHROUGH = re.compile(rb"(?:^|&)ct=([^&]+)")
_CONSENT = re.compile(rb"(?:^|&)consent=(grant|deny)(?:&|$)")
_EVENT_ID = re.compile(rb"(?:^|&)event_id=([0-9a-fA-F-]{32,36})(?:&|$)")
_EVENT_TIME = re.compile(rb"(?:^|&)event_time=(\d{12,14})(?:&|$)")


Key = tuple[bytes, int]  # a hit's id and its time in microseconds


class Admitted(NamedTuple):
    """A request that is tracked: its hit, its device, and whether the browser must be told the device's id."""

    hit: Hit
    device: Device
    is_news: bool


class Dropped(NamedTuple):
    """A request that is answered and forgotten, for this reason."""

    reason: str


class Door:
    def __init__(self, codec: DeviceCodec, visitors: Visitors, take_contact_id: Callable[[], int | None]) -> None:
        self._codec = codec
        self._visitors = visitors
        self._take_contact_id = take_contact_id
        self._event_ids = event_ids()

    def admit(
        self, scope: Any, headers: dict[bytes, bytes], body: bytes, door: int, received_us: int
    ) -> Admitted | Dropped:
        """The hit of a request, or why there is none."""
        ip = self.address(scope, headers)
        reason = self._visitors.refusal(headers, scope["method"]) or self._visitors.judge(ip)
        if reason:
            return Dropped(reason)
        query: bytes = scope["query_string"]
        key = self._client_key(query, body, received_us)
        device, is_new, is_news = self.device(headers, query, body, key)
        event_id, time_us = key or (next(self._event_ids), received_us)
        hit = Hit(
            event_id,
            time_us,
            received_us,
            door,
            device.id,
            device.contact_id,
            is_new,
            self._visitors.stored(ip),
            query,
            body,
            headers.get(b"user-agent", b"")[:MAX_HEADER_VALUE_BYTES],
            headers.get(b"referer", b"")[:MAX_HEADER_VALUE_BYTES],
            headers.get(b"accept-language", b"")[:200],
        )
        return Admitted(hit, device, is_news)

    def submitted(
        self,
        scope: Any,
        headers: dict[bytes, bytes],
        body: bytes,
        statement: bytes,
        received_us: int,
        *,
        is_remembered: bool,
    ) -> Admitted:
        """The hit of a form: whoever submits one means it, so none is dropped.

        Who asks not to be tracked, or shares the device with others, is known by what the form says and nothing else.
        """
        key = self._client_key(scope["query_string"], body, received_us)
        event_id, time_us = key or (next(self._event_ids), received_us)
        if is_remembered and not self._visitors.refusal(headers, scope["method"]):
            device, is_new, is_news = self.device(headers, scope["query_string"], body, key)
        else:
            device, is_new, is_news = self._codec.newcomer(event_id, time_us), True, False
        hit = Hit(
            event_id,
            time_us,
            received_us,
            DoorKind.STATEMENT,
            device.id,
            device.contact_id,
            is_new,
            self._visitors.stored(self.address(scope, headers)) if is_remembered else "",  # a kiosk's is nobody's
            b"",
            statement,
            headers.get(b"user-agent", b"")[:MAX_HEADER_VALUE_BYTES],
            b"",
            headers.get(b"accept-language", b"")[:200],
        )
        return Admitted(hit, device, is_news)

    def address(self, scope: Any, headers: dict[bytes, bytes]) -> str:
        peer = scope["client"][0] if scope["client"] else ""
        return self._visitors.address(peer, headers.get(b"x-forwarded-for"))

    def refuses(self, scope: Any, headers: dict[bytes, bytes]) -> str | None:
        return self._visitors.refusal(headers, scope["method"]) or self._visitors.judge(self.address(scope, headers))

    def device(
        self, headers: dict[bytes, bytes], query: bytes, body: bytes, key: Key | None = None
    ) -> tuple[Device, bool, bool]:
        """(device, minted just now, the browser's cookie does not say so yet)."""
        cookies = headers.get(b"cookie")
        cookie = _decoded(_first(_DEVICE_COOKIE, cookies)) if cookies else ""
        parameter = ""
        if b"mautic_device_id=" in body or b"mautic_device_id=" in query:
            parameter = _decoded(_first(_DEVICE_PARAMETER, body) or _first(_DEVICE_PARAMETER, query))
        device = self._codec.choose(parameter, cookie) if parameter or cookie else None
        if cookies and cookie and (device is None or not device.is_minted):
            minted = self._minted_cookie(cookies)
            if minted is not None:
                return minted, False, False
        if device is not None:
            return device, False, device.id != cookie
        if key is not None:
            return self._codec.newcomer(*key), True, True
        contact_id = self._take_contact_id()
        if contact_id is None:  # Redis is away: one from a hash, which nobody else has by 1 in 2**52 for each that has
            return self._codec.newcomer(next(self._event_ids), time.time_ns() // 1_000), True, True
        return Device(self._codec.mint(contact_id), contact_id, True), True, True

    def _minted_cookie(self, cookies: bytes) -> Device | None:
        """The first device of ours among all cookies of its name: another path's or domain's may hide it."""
        for match in islice(_DEVICE_COOKIE.finditer(cookies), MAX_DEVICE_COOKIES):
            if device := self._codec.read_minted(match.group(1).decode("latin-1")):
                return device
        return None

    def _client_key(self, query: bytes, body: bytes, received_us: int) -> Key | None:
        """The hit's id and time if the client sent both and the time is plausible."""
        if b"event_id=" not in query and b"event_id=" not in body:
            return None
        event_id = _first(_EVENT_ID, body) or _first(_EVENT_ID, query)
        time_us = int(_first(_EVENT_TIME, body) or _first(_EVENT_TIME, query) or 0) * 1_000
        if not received_us - MAX_EVENT_AGE_US < time_us < received_us + MAX_CLOCK_AHEAD_US:
            return None
        try:
            return UUID(event_id).bytes, time_us
        except ValueError:
            return None


def event_ids() -> Iterator[bytes]:
    """16 bytes each: 64 random bits of this process, then a counter, so that ids grow and compress well."""
    prefix = os.urandom(8)
    count = 0
    while True:
        count += 1
        yield prefix + count.to_bytes(8, "big")


def read_headers(lines: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header by name. Lists on several lines are joined (RFC 9113 8.2.3, RFC 9110 5.3); else the last line counts."""
    headers = dict(lines)
    if len(headers) != len(lines):
        for name, separator in ((b"cookie", b"; "), (b"x-forwarded-for", b", ")):
            if name in headers:
                headers[name] = separator.join([value for other, value in lines if other == name])
    return headers


def read_clickthrough(query: bytes, body: bytes) -> str:
    """The `ct` that the request itself names; empty when it names none."""
    found = _CLICKTHROUGH.search(body) or _CLICKTHROUGH.search(query)
    return unquote_plus(found[1].decode("latin-1")) if found else ""


def read_consent(body: bytes) -> str:
    """`grant`, `deny`, or nothing when the body says neither."""
    return _first(_CONSENT, body)


def too_large(query: bytes, lines: list[tuple[bytes, bytes]]) -> int | None:
    """The status that a request head over the limits is answered with, or None."""
    if len(query) > MAX_QUERY_BYTES:
        return 414
    if sum(map(len, chain.from_iterable(lines))) > MAX_HEADER_BYTES:
        return 431
    return None


def _decoded(device_id: str) -> str:
    """None of ours has a %, but an app's own may have a colon, which serialisers escape."""
    return unquote(device_id) if "%" in device_id else device_id


def _first(pattern: re.Pattern[bytes], text: bytes) -> str:
    match = pattern.search(text) if text else None
    return match.group(1).decode("latin-1") if match else ""
