"""What the filters of a segment name: records that must be there, and that whoever names them may see. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from services.common.documents import ASSET, EMAIL, LINK, SegmentFilter
from services.common.queries.segment_fields import find_field
from services.common.queries.segment_values import ids_of, texts_of
from services.contacts.people.change import InvalidChangeError

# The operators whose values are ids, by the kind of a field.
_BY_ID = {"multiselect": ("in", "!in"), "membership": ("in", "!in"), "click": ("in", "!in"), "lookup_id": ("=", "!=")}

TOLD_OF = frozenset({ASSET, EMAIL, LINK})  # also by events of another system, which has ids of its own


class Name(NamedTuple):
    """Of a record; the kind is also what it is called."""

    kind: str
    id: str


def names_in(filters: Iterable[SegmentFilter]) -> set[Name]:
    return {name for said in filters for name in _names(said)}


def check_names(filters: Iterable[SegmentFilter], known: Collection[Name]) -> None:
    """What may not be known of is refused as what there is not. Raises `InvalidChangeError`."""
    for position, said in enumerate(filters):
        for name in _names(said):
            if name not in known:
                raise InvalidChangeError({f"filters[{position}]": [f"There is no {name.kind} {name.id[:60]}."]})


def _names(said: SegmentFilter) -> list[Name]:
    """None of a filter that cannot be answered: it is refused for that."""
    try:
        field = find_field(said.field, said.object, said.custom_type)
        if not field.named or said.operator not in _BY_ID[field.kind]:
            return []
        ids = texts_of(said) if field.source.startswith("event:") else map(str, ids_of(said))
        return [Name(field.named, one) for one in ids]
    except ValueError:
        return []
