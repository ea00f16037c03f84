"""Hostile requests as bytes on the wire, each made from the seed and its own number alone. Pure."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from typing import NamedTuple

import zstandard

from loadtests.mutation import Mutator

WRITE_KEY = "fuzz"
HOST = b"127.0.0.1"
WRECKS = 0.05  # the share of requests whose framing is broken

_NAMES = (
    b"page_url", b"page_title", b"page_referrer", b"email", b"tags", b"utm_source", b"utm_campaign", b"company", b"ct",
    b"d", b"mautic_device_id", b"event_id", b"event_time", b"left_event_id", b"time_on_page", b"timezone", b"counter",
    b"identify_signature", b"identify_expires", b"firstname", b"mtc_id", b"_method", b"guid", b"url", b"duration",
    b"total_watched", b"ajax", b"m", b"formId", b"x[y][]", b"page_url[]",
)  # fmt: skip
_FORM_NAMES = (
    b"formId", b"return", b"messenger", b"formName", b"email", b"name", b"email][", b"size][", b"", b"]", b"a][b][c",
)  # fmt: skip
_METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"get", b"FOO", b"M-SEARCH")
_PATHS = (
    b"/mtracking.gif", b"/mtc/event", b"/mtc", b"/mtc.js", b"/r/1", b"/r/x", b"/redirect/1", b"/asset/1:a", b"/asset/2",
    b"/email/x.gif", b"/email/.gif", b"/video/hit", b"/dwc/slot", b"/form/submit", b"/form/submit/ajax",
    b"/form/message", b"/v1/batch", b"/livez", b"/readyz", b"/", b"*", b"//", b"/mtc/", b"/MTC", b"/mtc/event/",
    b"/r/", b"/r/%00",
)  # fmt: skip
_HEADERS = (
    b"User-Agent", b"Referer", b"Accept-Language", b"Origin", b"X-Forwarded-For", b"DNT", b"Sec-GPC", b"Sec-Purpose",
    b"X-Requested-With", b"If-None-Match", b"Accept-Encoding", b"Authorization", b"Content-Type", b"Forwarded",
    b"Range", b"Access-Control-Request-Headers", b"Upgrade", b"Connection", b"Expect", b"Cookie",
)  # fmt: skip
_EVENT_NAMES = (
    "type", "event_id", "time", "contact_id", "device_id", "mautic_device_id", "email", "fields", "tags", "url",
    "title", "referrer", "utm_source", "ip", "user_agent", "details", "page_url", "nobody", "",
)  # fmt: skip
_TYPES = ("page.hit", "email.sent", "sms.sent", "page.leave", "lead.create", "point.gained", "x", "", "form.submitted")
_LENGTHS = (b"-1", b"+5", b"5,5", b"0x10", b"abc", b"", b" ", b"99999999999999999999999", b"1e3", b"70000", b"4300000")
_CHUNKS = (b"zz\r\nabc\r\n", b"-1\r\n", b"ffffffffffffffff\r\nabc", b"3;x=" + b"y" * 9_000 + b"\r\nabc\r\n0\r\n\r\n",
           b"3\nabc\n0\n\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nabc\r\n", b"0\r\nX: y\r\n\r\n")  # fmt: skip
_CODINGS = (b"chunked", b"identity", b"chunked, gzip", b"\x0bchunked", b"xchunked")
_OTHERS = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /mtc\r\n\r\n",
    b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50,
    b"GET  /mtc HTTP/1.1\r\n\r\n", b"GET /mtc HTTP/1.0\r\n\r\n", b"GET http://x/mtc HTTP/1.1\r\n\r\n",
    b"GET /" + b"a" * 500_000,
)  # fmt: skip

Asked = tuple[bytes, bytes, bytes, bytes]  # method, target, header lines, body


class Hostile(NamedTuple):
    """One request. A framed one ends where it says, so another may follow it on its connection."""

    number: int
    data: bytes
    is_head: bool
    is_framed: bool


class HostileWeb:
    """`devices` and `tokens` are good ones, to be sent as they are and spoiled."""

    def __init__(self, seed: int, devices: list[str], tokens: list[str]) -> None:
        self._seed = seed
        self._devices = [device.encode() for device in devices]
        self._tokens = [token.encode() for token in tokens]
        self._random = random.Random(seed)
        self._mutator = Mutator(self._random, self._devices + self._tokens)
        makers: tuple[tuple[int, Callable[[], Asked]], ...] = (
            (22, self._pixel), (24, self._event), (14, self._touch), (14, self._form), (14, self._batch),
            (12, self._any),
        )  # fmt: skip
        self._makers = [maker for weight, maker in makers for _ in range(weight)]

    def request(self, number: int) -> Hostile:
        """The same bytes for the same seed and number, whatever was made before."""
        self._random.seed(self._seed << 40 | number)
        method, target, headers, body = self._random.choice(self._makers)()
        if self._random.random() < WRECKS:
            return Hostile(number, self._wreck(method, target, headers, body), False, False)
        framing = self._framing(method, body)
        data = b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b" % (method, target, HOST, headers, framing)
        return Hostile(number, data, method == b"HEAD", True)

    # ---- what it asks ----

    def _pixel(self) -> Asked:
        path = self._random.choice((b"/mtracking.gif", b"/mtracking.gif", b"/mtc"))
        return self._method(b"GET"), path + b"?" + self._query(), self._headers(), b""

    def _event(self) -> Asked:
        target = b"/mtc/event" + (b"?" + self._query() if self._random.random() < 0.3 else b"")
        return self._method(b"POST"), target, self._headers(), self._query()

    def _touch(self) -> Asked:
        if self._random.random() < 0.2:
            return self._method(b"POST"), b"/video/hit", self._headers(), b"guid=g&url=u&" + self._query()
        path = self._random.choice(
            (b"/r/1", b"/asset/1", b"/email/%b.gif" % self._mutator.in_target(self._token()), b"/dwc/a")
        )
        return self._method(b"GET"), path + b"?" + self._query(), self._headers(), b""

    def _form(self) -> Asked:
        target = self._random.choice((b"/form/submit?formId=1", b"/form/submit?ajax=1", b"/form/submit/ajax"))
        if self._random.random() < 0.1:
            return b"GET", b"/form/message?m=" + self._mutator.quoted(self._token()), self._headers(), b""
        body = b"mauticform[formId]=1&mauticform[email]=a%40b.example"
        for _ in range(self._random.randrange(4)):
            body += b"&mauticform[%b]=%b" % (
                self._random.choice(_FORM_NAMES),
                self._mutator.quoted(self._mutator.value()),
            )
        if self._random.random() < 0.3:
            body = self._mutator.mutated(body)
        if self._random.random() < 0.15:
            headers = self._headers() + b"Content-Type: multipart/form-data; boundary=b\r\n"
            part = b'--b\r\nContent-Disposition: form-data; name="mauticform[formId]"\r\n\r\n1\r\n--b--\r\n'
            return b"POST", target, headers, self._mutator.mutated(part)
        return self._method(b"POST"), target, self._headers(), body

    def _batch(self) -> Asked:
        events = [self._batch_event() for _ in range(self._random.choice((0, 1, 1, 2, 3, 20)))]
        shape = self._random.randrange(4)
        text = (
            "\n".join(map(json.dumps, events))
            if shape == 0
            else json.dumps(events if shape < 3 else {"events": events})
        )
        body = text.encode()
        if self._random.random() < 0.3:
            body = self._mutator.mutated(body)
        body, headers = self._encoded(body)
        return self._method(b"POST"), b"/v1/batch", headers + b"Authorization: Bearer %b\r\n" % WRITE_KEY.encode(), body

    def _any(self) -> Asked:
        path = self._random.choice(_PATHS)
        if self._random.random() < 0.4:
            path = b"/" + self._mutator.in_target(self._mutator.mutated(path[1:]))
        if self._random.random() < 0.5:
            path += b"?" + self._query()
        body = self._query() if self._random.random() < 0.3 else b""
        return self._random.choice(_METHODS), path, self._headers(), body

    # ---- its parts ----

    def _method(self, usual: bytes) -> bytes:
        return usual if self._random.random() < 0.95 else self._random.choice(_METHODS)

    def _query(self) -> bytes:
        chance = self._random.random()
        if chance < 0.02:
            return b"&".join([b"a=1"] * self._random.choice((201, 2_500)))
        if chance < 0.03:
            return b"page_title=" + b"x" * self._random.choice((4_097, 16_384, 66_000))
        pairs = [b"page_url=https%3A%2F%2Fshop.example%2F"] if chance < 0.6 else []
        for _ in range(self._random.randrange(6)):
            pairs.append(self._random.choice(_NAMES) + b"=" + self._mutator.quoted(self._mutator.value()))
        query = b"&".join(pairs)
        return self._mutator.in_target(self._mutator.mutated(query)) if self._random.random() < 0.2 else query

    def _token(self) -> bytes:
        return self._mutator.spoiled(self._random.choice(self._tokens))

    def _headers(self) -> bytes:
        lines = []
        if self._random.random() < 0.5:
            cookie = b"mautic_device_id=" + self._mutator.in_header(
                self._mutator.spoiled(self._random.choice(self._devices))
            )
            lines.append(b"Cookie: " + cookie)
        for _ in range(self._random.choice((0, 1, 1, 2, 5))):
            lines.append(self._random.choice(_HEADERS) + b": " + self._mutator.in_header(self._mutator.value()))
        if self._random.random() < 0.005:
            lines.append(b"X-Long: " + b"x" * self._random.choice((32_700, 33_000, 500_000)))
        return b"".join(line + b"\r\n" for line in lines)

    def _encoded(self, body: bytes) -> tuple[bytes, bytes]:
        """(body, headers): compressed, said to be, or both; now and then spoiled, or a bomb."""
        chance = self._random.random()
        if chance < 0.002:
            body = b" " * 20_000_000
        if chance < 0.15:
            packed, name = gzip.compress(body, 1, mtime=0), b"gzip"
        elif chance < 0.3:
            packed, name = zstandard.compress(body), b"zstd"
        else:
            said = self._random.choice((b"br", b"gzip", b"zstd", b"identity, gzip", b"identity"))
            return body, b"Content-Encoding: %b\r\n" % said if chance < 0.4 else b""
        return self._mutator.spoiled(packed), b"Content-Encoding: %b\r\n" % name

    def _batch_event(self) -> object:
        if self._random.random() < 0.03:
            return self._random.choice((None, 1, "x", [], [[[[]]]], True))
        event: dict[str, object] = {"type": self._random.choice(_TYPES), "email": "a@b.example"}
        for _ in range(self._random.randrange(4)):
            event[self._random.choice(_EVENT_NAMES)] = self._json_value(2)
        return event

    def _json_value(self, depth: int) -> object:
        kind = self._random.randrange(9 if depth else 6)
        if kind == 0:
            return self._random.choice((None, True, 0, -1, 1.5, 1e308, 2**53, 2**64, 10**300))
        if kind < 6:
            return self._mutator.value().decode("utf-8", self._random.choice(("replace", "surrogateescape")))
        if kind == 6:
            return [self._json_value(depth - 1)] * self._random.choice((0, 1, 60))
        if kind == 7:
            return {self._random.choice(("email", "lastname", "points", "no", "")): self._json_value(depth - 1)}
        return {"a": {"b": {"c": [self._json_value(0)]}}}

    # ---- framing ----

    def _framing(self, method: bytes, body: bytes) -> bytes:
        """The last headers and the body, whose end they tell."""
        if not body and method in (b"GET", b"HEAD", b"OPTIONS"):
            return b"\r\n"
        if self._random.random() < 0.1:
            cut = self._random.randrange(len(body) + 1)
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part)
            return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def _wreck(self, method: bytes, target: bytes, headers: bytes, body: bytes) -> bytes:
        head = b"%b %b HTTP/1.1\r\nHost: x\r\n%b" % (method, target, headers)
        kind = self._random.randrange(9)
        if kind == 0:
            return head + b"Content-Length: %b\r\n\r\n%b" % (self._random.choice(_LENGTHS), body)
        if kind == 1:
            return head + b"Content-Length: 3\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        if kind == 2:
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + self._random.choice(_CHUNKS)
        if kind == 3:
            coding = self._random.choice(_CODINGS)
            return head + b"Transfer-Encoding: %b\r\nContent-Length: 4\r\n\r\n0\r\n\r\n%b" % (coding, body)
        if kind == 4:
            return self._random.randbytes(self._random.randrange(1, 400))
        if kind == 5:
            return self._random.choice(_OTHERS)
        whole = head + self._framing(method, body)
        if kind == 6:
            return whole[: self._random.randrange(len(whole))]
        if kind == 7:
            return head + b"A: b\r\n" * self._random.choice((90, 200, 3_000)) + b"\r\n"
        return self._mutator.mutated(whole)
