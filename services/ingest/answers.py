"""The exact bytes of every answer of the public endpoints: bodies, cookies, headers. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from services.common.answer_headers import NO_SNIFFING
from services.common.device import Device

Headers = list[tuple[bytes, bytes]]

GIF = bytes.fromhex("47494638396101000100900000ff000000000021f90405100000002c00000000010001000002020401003b")
COOKIE_MAX_AGE_SECONDS = 31_536_000
RETRY_AFTER_SECONDS = 1

PIXEL_HEADERS: Headers = [
    (b"content-type", b"image/gif"),
    (b"content-length", b"43"),
    NO_SNIFFING,
    (b"cache-control", b"private, no-cache, no-cache=Set-Cookie, proxy-revalidate"),
    (b"expires", b"Wed, 11 Jan 2000 12:59:00 GMT"),
    (b"last-modified", b"Wed, 11 Jan 2006 12:59:00 GMT"),
    (b"pragma", b"no-cache"),
]
SUCCESS, FAILURE = b'{"success":1}', b'{"success":0}'
JSON_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-cache, private"),
    NO_SNIFFING,
]

# One word for one reason, in the answer, in the log and in the metric.
ERRORS = {
    400: "bad_request",
    401: "unauthorised",
    403: "from_elsewhere",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    414: "url_too_long",
    415: "unsupported_encoding",
    429: "too_many_events",
    431: "headers_too_large",
    503: "hits_cannot_be_kept",
}


def device_cookies(device: Device, contact_id: int = 0) -> Headers:
    """Names the browser for a year on our own domain, as the replaced product does. `contact_id` is whose the device
    has become, where that was looked up."""
    tail = b"; path=/; secure; samesite=none"
    return [
        (b"set-cookie", b"mautic_device_id=%b; max-age=%d%b" % (device.id.encode(), COOKIE_MAX_AGE_SECONDS, tail)),
        (b"set-cookie", b"mtc_id=%d%b" % (contact_id or device.contact_id, tail)),
    ]


def consent_cookies(choice: str) -> Headers:
    """Remembers a no for a year and forgets who said it, or forgets the no."""
    kept = [f"mautic_consent=deny; max-age={COOKIE_MAX_AGE_SECONDS}"] if choice == "deny" else []
    gone = ("mautic_device_id", "mtc_id") if choice == "deny" else ("mautic_consent",)
    cookies = [*kept, *(f"{name}=; max-age=0" for name in gone)]
    return [(b"set-cookie", f"{cookie}; path=/; secure; samesite=none".encode()) for cookie in cookies]


def event_body(device: Device | None, contact_id: int, events: Mapping[str, Any] | None = None) -> bytes:
    """The identity that a recorded hit is answered with; the hit of nobody (dropped) has id 0 and no device.

    `events` are for the script to send on, by service; none are an empty list, as clients know it.
    """
    if device is None:
        return b'{"success":1,"id":0,"sid":null,"device_id":null,"events":[]}'
    name = device.id.encode()
    carried = msgspec.json.encode(events) if events else b"[]"
    return b'{"success":1,"id":%d,"sid":"%b","device_id":"%b","events":%b}' % (contact_id, name, name, carried)


def dropped_body(reason: str) -> bytes:
    """What the page view of nobody is answered. Two reasons are a failure, as clients know it."""
    return FAILURE if reason in ("logged_in_user", "bad_clickthrough") else event_body(None, 0)


def identity_body(device: Device | None, contact_id: int) -> bytes:
    if device is None:
        return b'{"id":0,"sid":null,"device_id":null}'
    name = device.id.encode()
    return b'{"id":%d,"sid":"%b","device_id":"%b"}' % (contact_id, name, name)


def error(status: int, message: str = "", retry_after_seconds: float = 0.0) -> tuple[Headers, bytes]:
    """The reason, and what more there is to say about it."""
    text = f"{ERRORS[status]}: {message}" if message else ERRORS[status]
    body = msgspec.json.encode({"errors": [{"code": status, "message": text}]})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), NO_SNIFFING]
    if status in (429, 503):
        headers.append((b"retry-after", b"%d" % max(RETRY_AFTER_SECONDS, math.ceil(retry_after_seconds))))
    if status in (413, 414, 431):
        headers.append((b"connection", b"close"))
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Spoor", charset="UTF-8"'))
    return headers, body
