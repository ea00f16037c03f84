"""What is to become of points, as a path says it: `plus/10`, `divide/2`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from msgspec import Meta

from services.common.envelope import ApiError
from services.contacts.people.change import Change
from services.contacts.records.record_body import RecordBody
from services.contacts.shapes import Said

_WHOLE = re.compile(r"[0-9]{1,10}", re.ASCII)
_SIGNED = re.compile(r"-?[0-9]{1,10}", re.ASCII)
SET = "set"
OPERATORS: dict[str, Callable[[int, int], int]] = {
    "plus": lambda points, delta: points + delta,
    "minus": lambda points, delta: points - delta,
    "times": lambda points, delta: points * delta,
    "divide": lambda points, delta: int(points / delta),  # towards 0
}
OPERATORS_OF_SCORES = {**OPERATORS, SET: lambda _, value: value}


class PointsBody(Said):
    """What the history calls it."""

    event_name: Annotated[str, Meta(max_length=191, examples=["Fair"])] = "API"
    action_name: Annotated[str, Meta(max_length=191)] = ""


def read_calculation(
    operator: str,
    said: str,
    name: str,
    body: Mapping[str, Any],
    operators: Mapping[str, Callable[[int, int], int]] = OPERATORS,
) -> Change:
    """`name` is what the path calls the number. Raises `ApiError` 400."""
    calculate = operators.get(operator)
    if calculate is None:
        raise ApiError(400, "Invalid operator", {"operator": [f"This value must be one of {', '.join(operators)}."]})
    if not (_SIGNED if operator == SET else _WHOLE).fullmatch(said):
        raise ApiError(400, f"The {name} is a whole number.", {name: ["This value must be a whole number."]})
    if operator == "divide" and not int(said):
        raise ApiError(400, "Points cannot be divided by 0.", {name: ["This value is not valid."]})
    reading = RecordBody(body)
    subject, action = reading.text("eventName", "API"), reading.text("actionName")
    reading.refuse_if_wrong()
    return Change(points_change=lambda points: calculate(points, int(said)), subject=subject or "API", action=action)
