"""A profile as far as it says who somebody is: its unique values, and where it leads. Read in a third of the time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from services.common.profile import VERSION_DIGITS, Merge, Move, Part, Profile, Stamped


@lru_cache(8)
def sketcher(unique_fields: tuple[str, ...]) -> Callable[[bytes], Profile]:
    """Reads a stored profile without its other fields, tags, addresses, ...: not to be shown, nor to be stored."""
    fields: Any = msgspec.defstruct("Fields", [(field, Stamped | None, None) for field in unique_fields])
    part: Any = msgspec.defstruct("SketchedPart", [("fields", fields | None, None)])
    sketch = msgspec.defstruct(
        "Sketch",
        [
            ("id", int),
            ("own", part | None, None),
            ("losers", dict[int, part], {}),
            ("alias", int, 0),
            ("deleted_us", int, 0),
            ("moves", list[Move], []),
            ("merges", dict[int, Merge], {}),
        ],
    )
    decoder: Any = msgspec.msgpack.Decoder(sketch)

    def read_part(found: Any) -> Part:
        said = ((field, getattr(found.fields, field)) for field in unique_fields) if found.fields else ()
        return Part(added_us=0, fields={field: stamped for field, stamped in said if stamped})

    def read(stored: bytes) -> Profile:
        found = decoder.decode(memoryview(stored)[VERSION_DIGITS:])
        return Profile(
            found.id,
            own=read_part(found.own) if found.own else None,
            losers={loser: read_part(one) for loser, one in found.losers.items()},
            alias=found.alias,
            deleted_us=found.deleted_us,
            moves=found.moves,
            merges=found.merges,
        )

    return read
