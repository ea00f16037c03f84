"""What a webhook is to be told of one thing that happened, as it waits in Redis. Pure.

A note keeps the contact as it was then; what its visits say is looked up when the note is delivered.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from services.common.profile import Profile

NOTE_FIELD = b"n"  # of an entry in a hook's stream


class Note(msgspec.Struct, omit_defaults=True):
    """`said` is what the payload of this trigger needs beside the contact."""

    trigger: str
    time_us: int
    contact_id: int = 0  # whose it is, where the contact is told as it is at the delivery
    contact: Profile | None = None  # as it was then
    said: dict[str, Any] = {}

    def is_about(self, ids: Collection[int]) -> bool:
        """Whether it says anything of one of these contacts."""
        return self.contact_id in ids or (self.contact is not None and any(one in ids for one in self.contact.ids()))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Note)


def encode_note(note: Note) -> bytes:
    return _encoder.encode(note)


def decode_note(data: bytes) -> Note:
    return _decoder.decode(data)
