"""What the API refused, as a form says it: beside its fields, and above them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from services.common.envelope import ApiError


class Refusal(NamedTuple):
    text: str = ""
    by_name: Mapping[str, str] = {}
    users: tuple[str, ...] = ()  # what uses the thing that was to go


NOTHING = Refusal()
TYPED = (400, 409, 422)  # statuses of what somebody typed, and can type otherwise


def refused(error: ApiError, names: Collection[str]) -> Refusal:
    """`names`: of the fields that a form shows, filters also of filters[0]. What is wrong with others is said above."""
    details = error.details if isinstance(error.details, dict) else {}
    by_name = {name: " ".join(map(str, texts)) for name, texts in details.items() if isinstance(texts, list)}
    beside = {name: text for name, text in by_name.items() if name in names or name.partition("[")[0] in names}
    users = tuple(str(one) for texts in details.values() if isinstance(texts, list) for one in texts)
    is_all_beside = bool(beside) and len(beside) == len(by_name)
    return Refusal("Look at what is marked." if is_all_beside else error.message, beside, users)


def refused_input(error: ApiError, names: Collection[str]) -> Refusal:
    """The same. Raises the error where it is about nothing that was typed."""
    if error.status not in TYPED:
        raise error
    return refused(error, names)
