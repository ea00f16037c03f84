"""The fields of companies as a form asks for them, by what the API says of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.contacts.ui.keeping.kept import SEVERAL, FormField, Json, choices_told

NAME = "companyname"
_KINDS = {
    "textarea": "textarea", "html": "textarea", "email": "email", "tel": "tel", "date": "date", "time": "time",
    "number": "number", "select": "choice", "boolean": "choice", "multiselect": SEVERAL,
}  # fmt: skip


def form_fields(told: Iterable[Json]) -> list[FormField]:
    return [_field(one) for one in told]


def _field(told: Json) -> FormField:
    choices, kind = choices_told(told), _KINDS.get(told["type"], "text")
    kind = "text" if kind in ("choice", SEVERAL) and not choices else kind
    return FormField(
        told["alias"], told["label"], kind, is_required=told["alias"] == NAME, choices=choices,
        group=told["group"].capitalize(),
    )  # fmt: skip
