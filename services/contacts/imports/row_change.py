"""What a row of a file is to become of a contact, as its mapping says it. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec
import re2

from services.common.company_fields import NAME
from services.common.contact_fields import Field
from services.common.field_values import is_any_text, read_value
from services.common.profile import Value
from services.common.values import MAX_TEXT_LENGTH, clean
from services.contacts.imports import mapping as to
from services.contacts.imports.mapping import Targets
from services.contacts.imports.rows import TOO_MANY
from services.contacts.imports.special_columns import CLEARED, OF_USERS, SPECIAL, Draft, Names, company_reader, folded
from services.contacts.people.change import Change, Origin

NO_DATA = "No data found."
# What exports lead by an apostrophe, so that no spreadsheet runs it: a phone number begins with + as a formula does.
_DEFUSED = re2.compile(r"'(?:[\t\r]|[\pZ\pC]*[-=+@＝＋－＠])")  # type: ignore[no-untyped-call]
_KEPT_VALUES = 10_000  # the first ones of a column: cities come again, telephone numbers do not


class RowError(Exception):
    """What is wrong with a row."""


class Constants(NamedTuple):
    """What holds for all rows."""

    owner_id: int | None = None
    segments: Mapping[int, str] = {}  # their names by id
    tags: Sequence[str] = ()
    keeps_values: bool = False


class RowChange(NamedTuple):
    """`id` is 0 where the row names none. `company`: what it says of one beside the contact's own field, by alias."""

    id: int
    change: Change
    company: dict[str, Value]


class _Plain(NamedTuple):
    alias: str
    known: dict[str, Value] | None  # values that were read before, by their text, where reading them takes longer
    read: Callable[[str, int], Value]


class RowReader:
    """`columns`: what each becomes, '' for nothing. Cells are trimmed; a blank one says nothing."""

    def __init__(self, columns: Sequence[str], known: Targets, constants: Constants) -> None:
        self._count, self._constants = len(columns), constants
        self._mapped = [place for place, name in enumerate(columns) if name]
        places = [place for place, name in enumerate(columns) if name in known.fields]
        self._plain = [_plain(known.fields[columns[place]]) for place in places]
        self._plain_cells = _picker(places)
        self._width = max(places, default=-1) + 1
        self._others: list[tuple[int, str, Callable[[Draft, str], None]]] = [
            (place, name, SPECIAL[name]) for place, name in enumerate(columns) if name in SPECIAL
        ] + [
            (place, name, company_reader(known.companies[name]))
            for place, name in enumerate(columns)
            if name in known.companies
        ]
        self._defaults = _defaults(known.fields, columns)
        self._tags = dict.fromkeys(constants.tags, True)
        self._users = [place for place, name in enumerate(columns) if name in OF_USERS]
        self._stages = [place for place, name in enumerate(columns) if name == to.STAGE]

    def problem_of(self, cells: Sequence[str]) -> str:
        """What is wrong with a row before its cells are read; '' for nothing."""
        if len(cells) > self._count and any(cell.strip() for cell in cells[self._count :]):
            return TOO_MANY
        count = len(cells)
        for place in self._mapped:
            if place < count and cells[place].strip():
                return ""
        return NO_DATA

    def users_of(self, cells: Sequence[str]) -> list[str]:
        """What the row calls users, as `Names` is to have them."""
        return [text for place in self._users if place < len(cells) and (text := folded(told(cells[place])))]

    def stages_of(self, cells: Sequence[str]) -> list[str]:
        """Stages by their names, as the row writes them."""
        named = [clean(told(cells[place])) for place in self._stages if place < len(cells)]
        return [name for name in named if name not in ("", CLEARED) and len(name) <= MAX_TEXT_LENGTH]

    def read(self, cells: Sequence[str], names: Names, now_us: int) -> RowChange:
        """Raises `RowError`."""
        draft, wrong, count = Draft(names, now_us), [], len(cells)
        fields = draft.fields
        if count < self._width:
            cells = [*cells, *[""] * (self._width - count)]
        for (alias, known, read_text), text in zip(self._plain, self._plain_cells(cells), strict=True):
            if not text:
                continue
            value = known.get(text) if known is not None else None
            if value is None:
                try:
                    value = read_text(text, now_us)
                except ValueError as error:
                    wrong.append(f"{alias}: {error}")
                    continue
                if known is not None and len(known) < _KEPT_VALUES:
                    known[text] = value
            if value is not _SILENT:
                fields[alias] = value
        for place, name, read in self._others:
            text = clean(told(cells[place])) if place < count else ""
            if text:
                try:
                    read(draft, text)
                except ValueError as error:
                    wrong.append(f"{name}: {error}")
        if wrong:
            raise RowError(" ".join(wrong))
        if not (draft.id or draft.more or draft.origin or draft.company or any(one != "" for one in fields.values())):
            raise RowError(NO_DATA)
        return RowChange(draft.id, self._change(draft), draft.company)

    def _change(self, draft: Draft) -> Change:
        said, more = self._constants, draft.more
        if said.owner_id is not None:
            more.setdefault("owner_id", said.owner_id)
        if self._tags:
            more["tags"] = {**self._tags, **more.get("tags", {})}  # type: ignore[dict-item]
        if said.segments:
            more["segments"], more["names"] = dict.fromkeys(said.segments, True), dict(said.segments)
        if draft.origin:
            more["origin"] = Origin(**draft.origin)  # type: ignore[arg-type]
        if company := draft.company.get(NAME):
            draft.fields["company"] = company
        return Change(fields=draft.fields, defaults=self._defaults, keeps_values=said.keeps_values, **more)  # type: ignore[arg-type]


def without_defaults(change: Change) -> Change:
    """Of a contact that is there: a default is for new ones."""
    return msgspec.structs.replace(change, defaults={}) if change.defaults else change


_SILENT = object()  # a cell that says nothing


def told(text: str) -> str:
    """A cell as it was before an export made it harmless."""
    return text[1:] if text[:1] == "'" and _DEFUSED.match(text) else text


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    """What takes the cells at these places out of a row."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda cells: [cells[place] for place in places]


def _plain(field: Field) -> _Plain:
    """What reads the cells of a column that becomes this field."""

    def read(text: str, now_us: int) -> Value:
        if text.strip() == CLEARED:
            return ""
        value = read_value(field, told(text), now_us)
        return _SILENT if value == "" else value  # type: ignore[return-value]

    def read_plain(text: str, now_us: int) -> Value:
        """The same: 0.3 µs instead of 0.7."""
        value = clean(text)
        is_usual = value and value != CLEARED and value[0] != "'" and len(value) <= MAX_TEXT_LENGTH
        return value if is_usual else read(text, now_us)

    if is_any_text(field):
        return _Plain(field.alias, None, read_plain)
    return _Plain(field.alias, None if field.is_unique else {}, read)


def _defaults(fields: Mapping[str, Field], columns: Sequence[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for alias, field in fields.items():
        if field.default and alias not in columns:
            with contextlib.suppress(ValueError):
                values[alias] = read_value(field, field.default)
    return values
