"""The operations that every kind of record has, as they are described. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.common.operation import Operation, Parameter, list_of, part_of
from services.contacts.list_parameters import LISTED

ID = Parameter("id", "Its id", str, "4711", "path")
NEW = {201: "New, with Location"}
REPLACED = {200: "Replaced", 201: "New: the id was unknown"}


def standard_operations(
    kind: str, singular: str, plural: str, shown: Any, said: Any, needs: tuple[str, ...]
) -> dict[str, dict[str, Operation]]:
    """By how the path ends, and by method. `needs`: the keys without which none is made."""
    one = {singular: shown}
    return {
        "": {"get": list_operation(f"List and search {plural}", plural, shown)},
        "/new": {"post": Operation(f"Create {_a(kind)}", one, body=said, needs=needs, success=NEW)},
        "/{id}": {"get": Operation(f"One {kind}", one, (ID,))},
        "/{id}/edit": {
            "patch": Operation("Change what is named", one, (ID,), said),
            "put": Operation(
                "Replace: what is not named is as in a new one", one, (ID,), said, needs=needs, success=REPLACED
            ),
        },
        "/{id}/delete": {"delete": Operation(f"Delete {_a(kind)}", one, (ID,))},
    }


def with_errors(said: dict[str, dict[str, Operation]], errors: Mapping[int, str]) -> dict[str, dict[str, Operation]]:
    """With what may be wrong about a change or a deletion of this kind alone."""
    changed = {
        end: {method: one._replace(errors={**one.errors, **errors}) for method, one in said[end].items()}
        for end in ("/{id}/edit", "/{id}/delete")
    }
    return {**said, **changed}


def keeping(said: dict[str, dict[str, Operation]]) -> dict[str, dict[str, Operation]]:
    """Of a kind of which PUT keeps what it does not name."""
    put = said["/{id}/edit"]["put"]._replace(
        summary="Change what is named, or make one",
        text="Of one that there is, what is not named stays. A new one needs what POST needs.",
        success={200: "Changed", 201: "New: the id was unknown"},
        needs=(),
    )
    return {**said, "/{id}/edit": {**said["/{id}/edit"], "put": put}}


def list_operation(summary: str, plural: str, shown: Any) -> Operation:
    return Operation(summary, {"total": int, plural: list_of(part_of(shown))}, LISTED)


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
