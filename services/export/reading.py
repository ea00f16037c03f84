"""Values of bodies as every room reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from services.common.envelope import ApiError
from services.common.field_values import NOT_VALID

Choice = TypeVar("Choice", bound=StrEnum)


def read_choice(kind: type[Choice], name: str, body: Mapping[str, Any]) -> Choice:
    said = body.get(name)
    if said is None:
        return next(iter(kind))
    try:
        return kind(said)
    except ValueError:
        text = f"{name} is one of {', '.join(one for one in kind if one)}."
        raise ApiError(400, text, {name: [text]}) from None


def read_flag(name: str, body: Mapping[str, Any]) -> bool:
    said = body.get(name, False)
    if not isinstance(said, bool):
        raise ApiError(400, f"{name} is true or false.", {name: [NOT_VALID]})
    return said
