"""The rows of the builder: read from a form or from a segment, changed, and told to the API. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.contacts.ui.form import Form
from services.contacts.ui.keeping.kept import Choices, Json
from services.contacts.ui.segments.catalogue import Catalogue, FilterField

PREFIX = "f."
MOST = 100
USUAL = "lead:email"


class Row(NamedTuple):
    glue: str
    key: str
    operator: str
    values: Sequence[str] = ()


class ShownRow(NamedTuple):
    """With all that is offered; `field` is None for one that there is not any more."""

    row: Row
    field: FilterField | None
    operators: Sequence[tuple[str, str]]
    input: str
    choices: Choices

    def words(self) -> tuple[str, str, str]:
        """What, how, and to what, as one reads it."""
        labels = dict(self.choices)
        between = " and " if self.input == "pair" else ", "
        said = between.join(labels.get(one, one) for one in self.row.values) if self.input != "none" else ""
        operator = self.field.word(self.row.operator) if self.field else self.row.operator
        return (self.field.label if self.field else self.row.key), operator, said


def read_rows(form: Form, fields: Catalogue) -> list[Row]:
    """As they stand in the form; one whose field was changed begins with its first operator and without a value."""
    places = dict.fromkeys(name.partition(".")[0] for name, _ in form.below(PREFIX))
    return [_row(form, f"{PREFIX}{place}.", fields) for place in list(places)[:MOST]]


def rows_of(filters: Sequence[Json]) -> list[Row]:
    return [
        Row(one["glue"], f"{one['object']}:{one['field']}", one["operator"], _values(one["properties"]["filter"]))
        for one in filters
    ]


def changed(rows: list[Row], do: str) -> list[Row]:
    """After what somebody pressed: add.and, add.or, remove.3."""
    what, _, which = do.partition(".")
    if what == "add" and len(rows) < MOST:
        return [*rows, Row("or" if which == "or" else "and", USUAL, "=")]
    if what == "remove":
        return [row for place, row in enumerate(rows) if str(place) != which]
    return rows


def filters_of(rows: Sequence[Row], fields: Catalogue) -> list[Json]:
    return [_filter(row, fields.get(row.key)) for row in rows]


def shown(rows: Sequence[Row], fields: Catalogue, named: Mapping[str, Choices]) -> list[ShownRow]:
    return [_shown(row, fields.get(row.key), named) for row in rows]


def groups_of(rows: Sequence[ShownRow]) -> list[list[ShownRow]]:
    """Of which one must hold whole."""
    groups: list[list[ShownRow]] = []
    for one in rows:
        if one.row.glue == "or" or not groups:
            groups.append([])
        groups[-1].append(one)
    return groups


def _row(form: Form, prefix: str, fields: Catalogue) -> Row:
    key, operator = form.text(f"{prefix}what"), form.text(f"{prefix}operator")
    glue, field = ("or" if form.text(f"{prefix}glue") == "or" else "and"), fields.get(key)
    if field and operator not in (allowed := [one for one, _ in field.operators()]):
        operator = allowed[0]
    if key != form.text(f"{prefix}was", key):
        return Row(glue, key, operator)
    values = [value.strip() for name, value in form.below(prefix) if name == "value"]
    is_half = len(values) == 2 and any(values)  # of a range: the end that is there keeps its place
    return Row(glue, key, operator, values if is_half else [value for value in values if value])


def _shown(row: Row, field: FilterField | None, named: Mapping[str, Choices]) -> ShownRow:
    if field is None:
        return ShownRow(row, None, [(row.operator, row.operator)], "words", ())
    return ShownRow(row, field, field.operators(), field.input(row.operator), field.offered(row.operator, named))


def _values(said: Any) -> list[str]:
    if said is None or said == "":
        return []
    many = said.values() if isinstance(said, dict) else said if isinstance(said, list) else [said]
    return [str(int(one)) if isinstance(one, bool) else str(one) for one in many]


def _filter(row: Row, field: FilterField | None) -> Json:
    about, _, name = row.key.partition(":")
    kind = field.input(row.operator) if field else "words"
    value: Any = list(row.values) if kind in ("several", "pair") else "|".join(row.values) if kind != "none" else None
    type_ = {"type": field.type or field.kind} if field else {}
    return {"glue": row.glue, "object": about, "field": name, "operator": row.operator, **type_,
            "properties": {"filter": value, "display": None}}  # fmt: skip
