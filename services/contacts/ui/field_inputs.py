"""How a field of a contact or a company is typed: its kind of input, its choices, its value as that input takes it.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.contacts.ui.form import Form
from services.contacts.ui.place_names import COUNTRIES, LOCALES, TIMEZONES

PREFIX = "field."  # of the names of inputs
GROUPS = {"core": "Core", "social": "Social", "personal": "Personal", "professional": "Professional"}
KEPT_BY_OTHERS = frozenset({"points", "last_active"})  # fields that are told, and are changed otherwise
_KINDS = {
    "textarea": "area", "html": "area", "select": "choice", "boolean": "choice", "multiselect": "choices",
    "number": "number", "date": "date", "datetime": "datetime-local", "time": "time", "tel": "tel", "email": "email",
    "timezone": "listed", "lookup": "listed", "country": "listed", "locale": "listed",
}  # fmt: skip
_SUGGESTED = {"country": COUNTRIES, "locale": LOCALES, "timezone": TIMEZONES}


class Input(NamedTuple):
    """`values` are texts: of most kinds there is one."""

    alias: str
    label: str
    kind: str  # area, choice, choices, listed, else the type of an input
    group: str
    values: Sequence[str]
    choices: Mapping[str, str]  # value: label
    is_required: bool
    is_unique: bool
    is_short: bool  # also on short forms

    @property
    def name(self) -> str:
        return PREFIX + self.alias

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""


def inputs_of(fields: Iterable[Mapping[str, Any]], values: Mapping[str, Any]) -> list[Input]:
    """Of fields as the API tells them; `values` by alias."""
    shown = [field for field in fields if field["isPublished"] and field["alias"] not in KEPT_BY_OTHERS]
    return [input_of(field, values.get(field["alias"])) for field in shown]


def input_of(field: Mapping[str, Any], value: Any) -> Input:
    kind = _KINDS.get(field["type"], "text")
    return Input(
        field["alias"], field["label"], kind, field["group"], _texts(value, kind), _choices(field),
        field["isRequired"], field["isUniqueIdentifier"], field["isShortVisible"],
    )  # fmt: skip


def typed(form: Form, inputs: Iterable[Input]) -> dict[str, Any]:
    """What a form says of these inputs, as the API takes it; of what it does not have nothing."""
    said: dict[str, Any] = {}
    for one in inputs:
        if one.kind == "choices" and f"{one.name}.shown" in form:
            said[one.alias] = form.all(one.name)
        elif one.name in form:
            said[one.alias] = form.text(one.name).replace("T", " ") if "date" in one.kind else form.text(one.name)
    return said


def with_values(inputs: Iterable[Input], said: Mapping[str, Any]) -> list[Input]:
    """As somebody typed it."""
    return [one._replace(values=_texts(said.get(one.alias, list(one.values)), one.kind)) for one in inputs]


def as_typed(one: Input) -> Any:
    """Its value in the form in which `typed` tells it."""
    if one.kind == "choices":
        return list(one.values)
    return one.value.replace("T", " ") if "date" in one.kind else one.value


def _texts(value: Any, kind: str) -> list[str]:
    if value in (None, "", []):
        return []
    if isinstance(value, list):
        return [str(one) for one in value]
    text = {True: "1", False: "0"}[value] if isinstance(value, bool) else str(value)
    if kind == "choices":
        return text.split("|")
    if kind == "datetime-local":
        return [text[:16].replace(" ", "T")]
    return [text[:10] if kind == "date" else text[:5] if kind == "time" else text]


def _choices(field: Mapping[str, Any]) -> dict[str, str]:
    said = field["properties"] if isinstance(field["properties"], dict) else {}
    if field["type"] == "boolean":
        return {"1": str(said.get("yes") or "Yes"), "0": str(said.get("no") or "No")}
    if field["type"] in _SUGGESTED:
        return dict.fromkeys(_SUGGESTED[field["type"]], "")
    listed = said.get("list") or []
    return {str(one["value"]): str(one["label"]) for one in listed if isinstance(one, dict)}
