"""A hit as ingest hands it to identity: one request's raw data, almost unparsed.

One stream entry holds a batch: the field `h` with a msgpack array of hits, each an array in the order of `Hit`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from itertools import islice
from uuid import UUID

import msgspec

BATCH_FIELD = b"h"
LOGGED_IDS = 20  # at most in one line, but at level debug


class Door(IntEnum):
    """Which endpoint a hit came through."""

    PIXEL = 0
    EVENT = 1
    STATEMENT = 2  # a server's or a form's word: the body is a `Statement`
    TOUCH = 3  # a link, an opened mail, a download, a video: `type` and `details` say what


class Hit(msgspec.Struct, array_like=True, gc=False):
    """One accepted request. `event_id` and `time_us` together are its key through retry, spill and redelivery."""

    event_id: bytes  # 16 bytes
    time_us: int  # microseconds since 1970: the door's clock, or the client's where it sent an id and a time
    received_us: int  # the door's clock
    door: int
    device_id: str  # empty when nothing but the contact, or its unique value, is named
    device_contact_id: int  # the contact that the device was born as; without a device what chooses the stream
    is_new_device: bool  # minted in this very request
    ip: str
    query: bytes
    body: bytes
    user_agent: bytes
    referer: bytes
    accept_language: bytes
    type: str = ""  # of the event; empty for a page hit
    details: bytes = b""  # what else is known of the event, a JSON object


def event_ids(hits: Iterable[Hit], most: int | None = None) -> list[str]:
    """For the log, as ClickHouse shows them: the one word of a hit by which it is found again on its whole way."""
    return [str(UUID(bytes=hit.event_id)) for hit in islice(hits, most)]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Hit])


def encode_batch(hits: list[Hit]) -> bytes:
    return _encoder.encode(hits)


def decode_batch(data: bytes) -> list[Hit]:
    """The hits of one stream entry. Raises `msgspec.DecodeError` when the entry is not one of ours."""
    return _decoder.decode(data)
