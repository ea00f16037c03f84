"""Strangers' batches: whatever the bytes, each event is read or told why not."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from services.common.device import DeviceCodec
from services.common.hit import decode_batch, encode_batch
from services.ingest.batch import (
    BatchError,
    Clock,
    Event,
    EventReader,
    Problem,
    TooManyEventsError,
    split_events,
)
from services.ingest.inflate import InflateError, TooLargeError, inflate
from services.ingest.senders import BURST_SECONDS, Senders

NOW = 1_790_000_000_000_000
CLOCK = Clock(NOW, NOW - 86_400_000_000)
_numbers = itertools.count(1)
READER = EventReader(DeviceCodec(("secret",)).choose, str, lambda: next(_numbers).to_bytes(16, "big"))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("type", "event_id", "time", "contact_id", "device_id", "email", "fields", "tags", "url", "ip", "details")
events = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, json_values)) | st.fixed_dictionaries(
    {"type": st.just("page.hit"), "email": st.just("ada@x.org")}, optional=dict.fromkeys(NAMES[1:4], json_values)
)


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_refused(body: bytes) -> None:
    try:
        for raw in split_events(body):
            assert isinstance(READER.read(0, raw, CLOCK), Event | Problem)
    except BatchError:
        pass


@given(events)
def test_any_event_becomes_a_hit_that_travels_or_a_problem(event: object) -> None:
    try:
        raw = msgspec.json.encode(event)
    except (msgspec.EncodeError, UnicodeEncodeError):
        return
    read = READER.read(3, raw, CLOCK)
    assert read.position == 3
    if isinstance(read, Event):
        assert CLOCK.oldest_us <= read.hit.time_us <= NOW + 2_000_000
        assert decode_batch(encode_batch([read.hit])) == [read.hit]
    else:
        assert read.message


@pytest.mark.parametrize(
    "body",
    [b'[{"email":"a\xe4@x.org"}]', b'{"events":[{"type":"\xff"}]}', b'{"type":"\xff"}', b'{"a":1}\n{"type":"\xff"}'],
)
def test_bytes_that_are_no_text_are_the_problem_of_their_event(body: bytes) -> None:
    read = [READER.read(0, raw, CLOCK) for raw in split_events(body)]
    assert read
    assert all(isinstance(one, Problem) and one.code == 400 for one in read)


def test_a_uuid_is_an_id_however_it_is_written() -> None:
    texts = ("6F6B1C1E-0B0A-4A5B-9C7E-2F3D4E5F6A7B", "6f6b1c1e0b0a4a5b9c7e2f3d4e5f6a7b", "order-1", "order-2")
    hits = []
    for text in texts:
        read = READER.read(0, msgspec.json.encode({"type": "page.hit", "email": "a@x.org", "event_id": text}), CLOCK)
        assert isinstance(read, Event)
        hits.append(read.hit)
    assert hits[0].event_id == hits[1].event_id
    assert len({hit.event_id for hit in hits}) == 3


@pytest.mark.parametrize(
    ("said", "time_us"),
    [
        (NOW // 1_000, NOW),
        (str(NOW // 1_000), NOW),
        (NOW // 1_000_000, NOW),
        ("2026-09-21T14:13:20Z", NOW),
        ("2026-09-21 16:13:20+02:00", NOW),
        ("2026-09-21 14:13:20", NOW),
        ("20260921", NOW - 51_200_000_000),
    ],
)
def test_times_may_be_written_in_several_ways(said: object, time_us: int) -> None:
    read = READER.read(0, msgspec.json.encode({"type": "page.hit", "email": "a@x.org", "time": said}), CLOCK)
    assert isinstance(read, Event)
    assert read.hit.time_us == time_us


def test_events_without_a_time_count_in_their_order() -> None:
    raw = msgspec.json.encode({"type": "page.hit", "email": "a@x.org"})
    read = [READER.read(position, raw, CLOCK) for position in range(3)]
    assert [one.hit.time_us - NOW for one in read if isinstance(one, Event)] == [0, 1, 2]


@given(st.binary(max_size=100), st.sampled_from(["gzip", "zstd"]))
def test_any_compressed_bytes_are_inflated_or_refused(body: bytes, encoding: str) -> None:
    try:
        assert len(inflate(body, encoding, 50)) <= 50
    except (InflateError, TooLargeError):
        pass


@pytest.mark.parametrize(("compress", "encoding"), [(gzip.compress, "gzip"), (zstandard.compress, "zstd")])
def test_all_parts_of_a_compressed_body_count_and_are_bounded(
    compress: Callable[[bytes], bytes], encoding: str
) -> None:
    assert inflate(compress(b"one") + compress(b"two"), encoding, 6) == b"onetwo"
    with pytest.raises(TooLargeError):
        inflate(compress(b"one") + compress(b"two"), encoding, 5)
    with pytest.raises(InflateError):
        inflate(compress(b"one") + compress(b"two")[:-2], encoding, 50)
    with pytest.raises(InflateError):
        inflate(compress(b"one") + b"rubbish", encoding, 50)
    with pytest.raises(InflateError):
        inflate(compress(b"") * 10_000, encoding, 50)


def test_an_event_that_cannot_be_read_takes_no_neighbour_along() -> None:
    good = '{"type":"page.hit","email":"a@x.org"}'
    deep = '{"type":"page.hit","email":"a@x.org","details":{"a":' + "[" * 2_000 + "]" * 2_000 + "}}"
    half = '{"type":"page.hit","email":"a@x.org","title":"\\ud800x"}'
    for body in (f"[{good},{half},{good}]", f'{{"events":[{good},{half},{good}]}}', f"{good}\n{half}\n{good}"):
        read = [READER.read(0, raw, CLOCK) for raw in split_events(body.encode())]
        assert [isinstance(one, Event) for one in read] == [True, False, True]
    read = [READER.read(0, raw, CLOCK) for raw in split_events(f"{good}\n{deep}".encode())]
    assert [isinstance(one, Event) for one in read] == [True, False]


def test_a_million_events_are_too_many_before_they_are_read() -> None:
    for body in (b"[" + b"1," * 2_000_000 + b"1]", b"1\n" * 2_000_000):
        with pytest.raises(TooManyEventsError):
            split_events(body)


def test_a_sender_has_a_rate_and_a_burst() -> None:
    senders = Senders(("key",), ("admin", ""), 100)
    name = senders.name("Bearer key")
    assert name
    assert senders.wait_seconds(name, round(100 * BURST_SECONDS), 0.0) == 0
    assert senders.wait_seconds(name, 50, 0.0) == pytest.approx(0.5)
    assert senders.wait_seconds(name, 50, 0.5) == 0
    assert senders.name("Bearer keys") is None
    assert senders.name("Basic YWRtaW46") is None, "no password is no login"
