"""The items of a batch: which may be worked on beside each other, and how what became of them is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from services.common.envelope import ApiError
from services.common.php_query import Node
from services.common.values import normalise_unique
from services.contacts.objects import Json

MAX_ITEMS = 200

Item = TypeVar("Item")
Mark = tuple[str, str]  # by what an item may mean the same thing as another one
Marks = Callable[[Json], Iterable[Mark]]


class Told(NamedTuple):
    """One that was written: as the API shows it, and whether this made it."""

    shown: Json
    is_new: bool


def check_size(count: int) -> None:
    """Raises `ApiError`; that it is a 500 is what clients of the replaced product know."""
    if count > MAX_ITEMS:
        raise ApiError(500, f"A max of {MAX_ITEMS} entities are supported at a time.")


def lanes(items: Mapping[str, Any], marks: Marks) -> list[list[str]]:
    """The keys of the items, in lanes: any two that may mean the same thing are in one lane, in their order."""
    parents: dict[Mark, Mark] = {}

    def root(mark: Mark) -> Mark:
        while parents.setdefault(mark, mark) != mark:
            mark = parents[mark]
        return mark

    for key, item in items.items():
        for mark in _marks(item, marks):
            parents[root(mark)] = root(("", key))
    grouped: dict[Mark, list[str]] = {}
    for key in items:
        grouped.setdefault(root(("", key)), []).append(key)
    return list(grouped.values())


def _marks(item: Any, marks: Marks) -> list[Mark]:
    if not isinstance(item, dict):
        return []
    return [*marks(item), *([("id", str(item["id"]))] if item.get("id") else [])]


def unique_marks(unique_fields: Iterable[str]) -> Marks:
    """Of contacts."""
    fields = tuple(unique_fields)

    def marks(item: Json) -> list[Mark]:
        said = ((field, str(item[field])) for field in fields if item.get(field))
        return [(field, value) for field, text in said if (value := normalise_unique(field, text))]

    return marks


def keyed(found: Mapping[str, Item]) -> dict[str, Item] | list[Item]:
    """As PHP writes it: a list when the keys count from 0 without a gap."""
    return list(found.values()) if list(found) == [str(number) for number in range(len(found))] else dict(found)


def error_object(error: ApiError) -> Json:
    """Of one item."""
    if error.details:
        return {"code": error.status, "message": error.message, "details": error.details, "type": None}
    return {"code": error.status, "message": error.message, "type": "api"}


def read_ids(query: Mapping[str, Node], body: Mapping[str, Any]) -> list[str]:
    """`ids=1,2`, `ids[]=1&ids[]=2`, `id=1`, or the same in a body. Not yet known to be numbers."""
    said = query.get("ids") or query.get("id") or body.get("ids") or ""
    found = list(said.values()) if isinstance(said, dict) else said if isinstance(said, list) else str(said).split(",")
    return [str(one).strip() for one in found if str(one).strip()]
