"""Reads the body of `POST /v1/batch`: each event becomes a hit, or an error of its own. Pure.

5 microseconds an event; the event itself stays as it came, identity reads it.
"""

from __future__ import annotations

import ipaddress
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.common.contact_fields import FieldRules
from services.common.device import MAX_CONTACT_ID, Device
from services.common.event_types import PAGE_HIT, REPORTED_TYPES
from services.common.field_values import read_value
from services.common.hit import Door, Hit
from services.common.queries.statement import Statement, decode_statement
from services.common.values import normalise_unique

MAX_EVENTS = 2_000
MAX_COMMAS, MAX_LINES = 1_000_000, 100_000
MAX_EVENT_BYTES = 32_768
MAX_EVENT_ID_LENGTH = 255
SECONDS_BELOW = 100_000_000_000  # a smaller number is seconds: as milliseconds it would be before March 1973
NO_TEXT = b"half a character"  # what an event becomes that is none
CLOCK_AHEAD_US = 2_000_000  # of a client; later times are not the future, but now

_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class BatchError(ValueError):
    """The body as a whole is no batch."""


class TooManyEventsError(BatchError):
    pass


class _Wrapped(msgspec.Struct):
    events: list[msgspec.Raw]


_wrapped_decoder = msgspec.json.Decoder(_Wrapped)


class Problem(NamedTuple):
    """An event that is not kept, and why; `code` is what it would have been answered alone."""

    position: int  # in the batch, from 0
    event_id: str | None
    code: int
    message: str


class Event(NamedTuple):
    """An event that can be kept."""

    position: int  # in the batch, from 0
    event_id: str | None
    hit: Hit
    contact_id: int  # named by it, and still to be looked up; 0 for none
    is_timeless: bool  # it has an id and no time that holds: the time of its first arrival does


class Clock(NamedTuple):
    """Now, and the oldest time that an event may have, both in microseconds."""

    now_us: int
    oldest_us: int


def split_events(body: bytes) -> list[bytes]:
    """The events of a JSON list, of an object's `events`, of lines of JSON, or one alone. Raises `BatchError`."""
    text = body.strip()
    if not text:
        raise BatchError("the body is empty")
    if text.count(b",") > MAX_COMMAS or text.count(b"\n") > MAX_LINES:
        raise TooManyEventsError(f"a batch may have {MAX_EVENTS} events")  # before a million of them take a gigabyte
    events = _from_json(text)
    if events is None:
        events = [line for line in map(bytes.strip, text.splitlines()) if line]
    if len(events) > MAX_EVENTS:
        raise TooManyEventsError(f"{len(events)} events, and a batch may have {MAX_EVENTS}")
    return events


def _from_json(text: bytes) -> list[bytes] | None:
    """None for what is not one JSON value: then it is lines."""
    try:
        if text.startswith(b"["):
            return [bytes(event) for event in _list_decoder.decode(text)]
        return [bytes(event) for event in _wrapped_decoder.decode(text).events]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _leniently(text)


def _leniently(text: bytes) -> list[bytes] | None:
    """The same where one event has what is no text, such as half an emoji: it must not take its neighbours along."""
    try:
        said = json.loads(text.decode("utf-8", "replace"))
    except RecursionError as error:
        raise BatchError("nested too deeply") from error
    except ValueError as error:
        if text.startswith(b"[") or b"\n" not in text:
            raise BatchError(f"not JSON: {error}") from error
        return None
    events = said.get("events", [said]) if isinstance(said, dict) else said
    return [_encoded(event) for event in events] if isinstance(events, list) else [text]


def _encoded(event: Any) -> bytes:
    try:
        return msgspec.json.encode(event)
    except (UnicodeEncodeError, RecursionError, msgspec.MsgspecError):
        return NO_TEXT


class EventReader:
    """Reads events under one configuration. `choose_device` knows our ids and others'."""

    def __init__(
        self,
        choose_device: Callable[[str, str], Device | None],
        stored_address: Callable[[str], str],
        new_event_id: Callable[[], bytes],
    ) -> None:
        self._choose_device, self._stored_address, self._new_event_id = choose_device, stored_address, new_event_id
        self._rules = FieldRules((), ("email",))

    def follow(self, rules: FieldRules) -> None:
        """From now on there are these fields, and these identify."""
        self._rules = rules

    def read(self, position: int, raw: bytes, clock: Clock) -> Event | Problem:
        """One event of a batch. Each comes a microsecond after the one before it, so that they count in their order."""
        clock = clock._replace(now_us=clock.now_us + position)
        if len(raw) > MAX_EVENT_BYTES:
            return Problem(position, None, 413, f"the event is larger than {MAX_EVENT_BYTES} bytes")
        try:
            said = decode_statement(raw)
        except msgspec.ValidationError as error:
            return Problem(position, None, 400, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Problem(position, None, 400, f"not JSON: {error}")
        try:
            return self._event(position, said, raw, clock)
        except ValueError as error:
            return Problem(position, said.event_id, 400, str(error))

    def _event(self, position: int, said: Statement, raw: bytes, clock: Clock) -> Event:
        kind = said.type or (PAGE_HIT if said.url or said.page_url else "")
        if kind not in REPORTED_TYPES:
            raise ValueError(f"type: {said.type[:60]!r} is no type of event" if kind else "type: is missing")
        contact_id, device_id, stream_id = self._subject(said, clock.now_us)
        time_us, holds = _time(said.time, clock)
        hit = Hit(
            _event_id(said.event_id) if said.event_id else self._new_event_id(),
            time_us,
            clock.now_us,
            Door.STATEMENT,
            device_id,
            stream_id,
            False,
            self._stored_address(_address(said.ip)) if said.ip else "",
            b"",
            raw,
            (said.user_agent or "").encode("utf-8", "surrogatepass")[:2_048],
            b"",
            b"",
            kind,
        )
        return Event(position, said.event_id, hit, contact_id, bool(said.event_id) and not holds)

    def _subject(self, said: Statement, now_us: int) -> tuple[int, str, int]:
        """(contact, device id, what chooses the stream) of whom it is about. Raises `ValueError`."""
        unique = unique_values(said, self._rules, now_us)
        named = said.device()
        if said.contact_id not in (None, 0, ""):
            if named or unique:
                raise ValueError("contact_id: goes without a device and without unique values")
            contact_id = _contact_id(said.contact_id)
            return contact_id, "", contact_id
        if named:
            device = self._choose_device(named, "")
            if device is None:
                raise ValueError("device_id: cannot be one")
            return 0, device.id, device.contact_id
        if not unique:
            raise ValueError("contact_id, device_id or email: one of them is needed")
        return 0, "", zlib.crc32("\n".join(unique.values()).encode("utf-8", "surrogatepass"))


def unique_values(said: Statement, rules: FieldRules, now_us: int) -> dict[str, str]:
    """The normalised unique values that it gives. Raises `ValueError` for a value that its field cannot have."""
    values = {}
    for alias, text in {"email": said.email, **said.fields}.items() if said.email else said.fields.items():
        if alias not in rules.fields or alias == "points":  # those are counted, not told
            raise ValueError(f"fields: {alias[:60]!r} is no field of a contact")
        try:
            value = read_value(rules.fields[alias], text, now_us)
        except ValueError as error:
            raise ValueError(f"{alias}: {error}") from None
        if alias in rules.unique and value and (unique := normalise_unique(alias, str(value))):
            values[alias] = unique
    return values


def _contact_id(said: int | str | None) -> int:
    text = str(said)
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and 0 < int(text) <= MAX_CONTACT_ID):
        raise ValueError("contact_id: this value is not valid")
    return int(text)


def _event_id(text: str) -> bytes:
    """16 bytes: a UUID's, or those of a hash of any other name."""
    if len(text) in (32, 36):
        try:
            return UUID(text).bytes
        except ValueError:
            pass
    if len(text) > MAX_EVENT_ID_LENGTH:
        raise ValueError(f"event_id: is longer than {MAX_EVENT_ID_LENGTH} characters")
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _time(said: str | int | float | None, clock: Clock) -> tuple[int, bool]:
    """(microseconds within the bounds, whether that is the time it said). Raises `ValueError`."""
    if said is None or said == "":
        return clock.now_us, False
    time_us = _parse_time(said)
    if time_us > clock.now_us + CLOCK_AHEAD_US:
        return clock.now_us, False
    if time_us < clock.oldest_us:
        return clock.oldest_us, False
    return time_us, True


def _parse_time(said: str | int | float) -> int:
    try:
        if not isinstance(said, str):
            return int(said * (1_000_000 if abs(said) < SECONDS_BELOW else 1_000))
        if said.isdecimal() and len(said) != 8:  # that is a day, 20261120
            return _parse_time(int(said))
        time = datetime.fromisoformat(said)
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise ValueError("time: is neither ISO 8601 nor milliseconds since 1970") from None


@lru_cache(10_000)
def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ValueError("ip: is no address") from None
