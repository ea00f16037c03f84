"""An alias that no other record of its kind has, whether they are written one after the other or at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import msgspec

from services.common.documents import Category, Segment
from services.contacts.records.record_body import free_alias
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import BusyError

ROUNDS = 10

Aliased = TypeVar("Aliased", Category, Segment)


async def with_own_alias(
    writer: RecordWriter[Aliased],
    record_id: str,
    document: Aliased,
    taken_by_others: Callable[[Aliased], Awaitable[Collection[str]]],
) -> Aliased:
    """Two that were written at once may have one alias: whoever sees another one of it takes another alias."""
    for _ in range(ROUNDS):
        taken = await taken_by_others(document)
        if document.alias not in taken:
            break
        alias = free_alias(f"{document.alias}{record_id}", taken)
        try:
            document = await writer.change(record_id, _renamed(alias)) or document
        except BusyError:
            continue
    return document


def _renamed(alias: str) -> Callable[[Aliased], Aliased]:
    return lambda document: msgspec.structs.replace(document, alias=alias)
