"""What a row of a file is to become of a contact, as its mapping says it. Pure."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import re2

from services.common.company import read_value as read_company_value
from services.common.company_fields import NAME
from services.common.contact_fields import Field
from services.common.device import MAX_CONTACT_ID
from services.common.field_values import NOT_VALID, TOO_LONG, read_boolean, read_number, read_time, read_value
from services.common.profile import MAX_POINTS, Value
from services.common.values import MAX_TEXT_LENGTH, clean, read_tag
from services.contacts.imports import mapping as to
from services.contacts.imports.mapping import Targets
from services.contacts.people.change import Change, Origin
from services.contacts.people.change_body import MAX_TAGS, no_owner, no_stage
from services.contacts.people.do_not_contact import CONTACTABLE, MANUAL, Refusal, read_channel, read_refusal

CLEARED = "NULL"  # a cell that blanks what was there
MAX_IPS = 100
TOO_MANY = "The number of data columns is more than the number of header columns (the first row)."
NO_DATA = "No data found."
NO_CONTACT = "This is no id of a contact."
# What exports lead by an apostrophe, so that no spreadsheet runs it: a phone number begins with + as a formula does.
_DEFUSED = re2.compile(r"'(?:[\t\r]|[\pZ\pC]*[-=+@＝＋－＠])")  # type: ignore[no-untyped-call]
_KEPT_VALUES = 10_000  # the first ones of a column: cities come again, telephone numbers do not


class RowError(Exception):
    """What is wrong with a row."""


class Person(NamedTuple):
    """A user, as columns name them."""

    id: int
    name: str


class Names(NamedTuple):
    """What the rows name, by their words as they stand there, folded: those that there are."""

    users: Mapping[str, Person] = {}
    stages: Mapping[str, int] = {}


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


class _Draft:
    """A row while it is read."""

    def __init__(self, names: Names, now_us: int) -> None:
        self.names, self.now_us = names, now_us
        self.id = 0
        self.fields: dict[str, Value] = {}
        self.company: dict[str, Value] = {}
        self.origin: dict[str, int | str] = {}
        self.more: dict[str, object] = {}  # of the change


class _Plain(NamedTuple):
    place: int
    field: Field
    known: dict[str, Value] | None  # values that were read before, by their text


class RowReader:
    """`columns`: what each becomes, '' for nothing. Cells are trimmed; a blank one says nothing."""

    def __init__(self, columns: Sequence[str], known: Targets, unique: Sequence[str], constants: Constants) -> None:
        self._count, self._constants = len(columns), constants
        self._mapped = [place for place, name in enumerate(columns) if name]
        self._plain = [
            _Plain(place, known.fields[name], None if name in unique else {})
            for place, name in enumerate(columns)
            if name in known.fields
        ]
        self._others: list[tuple[int, str, Callable[[_Draft, str], None]]] = [
            (place, name, _SPECIAL[name]) for place, name in enumerate(columns) if name in _SPECIAL
        ] + [
            (place, name, _company_reader(known.companies[name]))
            for place, name in enumerate(columns)
            if name in known.companies
        ]
        self._defaults = _defaults(known.fields, columns)
        self._tags = dict.fromkeys(constants.tags, True)
        self._users = [place for place, name in enumerate(columns) if name in _OF_USERS]
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
        return [text for place in self._users if place < len(cells) and (text := folded(cells[place]))]

    def stages_of(self, cells: Sequence[str]) -> list[str]:
        """Stages by their names, as the row writes them."""
        return [
            text for place in self._stages if place < len(cells) and (text := clean(cells[place])) != CLEARED and text
        ]

    def read(self, cells: Sequence[str], names: Names, now_us: int) -> RowChange:
        """Raises `RowError`."""
        draft, wrong, count = _Draft(names, now_us), [], len(cells)
        fields = draft.fields
        for place, field, known in self._plain:
            text = cells[place] if place < count else ""
            if not text:
                continue
            value = known.get(text) if known is not None else None
            if value is None:
                try:
                    value = _read(field, text, now_us)
                except ValueError as error:
                    wrong.append(f"{field.alias}: {error}")
                    continue
                if known is not None and len(known) < _KEPT_VALUES:
                    known[text] = value
            if value is not _SILENT:
                fields[field.alias] = value
        for place, name, read in self._others:
            text = clean(told(cells[place])) if place < count else ""
            if text:
                try:
                    read(draft, text)
                except ValueError as error:
                    wrong.append(f"{name}: {error}")
        if wrong:
            raise RowError(" ".join(wrong))
        return RowChange(draft.id, self._change(draft), draft.company)

    def _change(self, draft: _Draft) -> Change:
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


def folded(text: str) -> str:
    return clean(text).casefold()


def without_defaults(change: Change) -> Change:
    """Of a contact that is there: a default is for new ones."""
    return msgspec.structs.replace(change, defaults={}) if change.defaults else change


_SILENT = object()  # a cell that says nothing


def told(text: str) -> str:
    """A cell as it was before an export made it harmless."""
    return text[1:] if text[:1] == "'" and _DEFUSED.match(text) else text


def _read(field: Field, text: str, now_us: int) -> Value:
    if text.strip() == CLEARED:
        return ""
    value = read_value(field, told(text), now_us)
    return _SILENT if value == "" else value  # type: ignore[return-value]


def _defaults(fields: Mapping[str, Field], columns: Sequence[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for alias, field in fields.items():
        if field.default and alias not in columns:
            with contextlib.suppress(ValueError):
                values[alias] = read_value(field, field.default)
    return values


def _company_reader(field: Field) -> Callable[[_Draft, str], None]:
    def read(draft: _Draft, text: str) -> None:
        if text == CLEARED:
            if field.alias == NAME:
                draft.fields["company"] = ""
            else:
                draft.company[field.alias] = ""
            return
        draft.company[field.alias] = (
            read_company_value(field, text) if field.is_fixed else read_value(field, text, draft.now_us)
        )

    return read


def _id(draft: _Draft, text: str) -> None:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= 16 and 0 < int(text) <= MAX_CONTACT_ID):
        raise ValueError(NO_CONTACT)
    draft.id = int(text)


def _tags(draft: _Draft, text: str) -> None:
    """`a|b|-c`, or with commas."""
    tags: dict[str, bool] = {}
    if text == CLEARED:
        return
    for word in text.split("|" if "|" in text else ","):
        tag, is_in = read_tag(word)
        if len(tag) > MAX_TEXT_LENGTH:
            raise ValueError(TOO_LONG)
        if tag:
            tags[tag] = is_in
    if len(tags) > MAX_TAGS:
        raise ValueError(f"At most {MAX_TAGS} tags.")
    draft.more["tags"] = tags


def _ips(draft: _Draft, text: str) -> None:
    try:
        ips = [str(ipaddress.ip_address(one.strip())) for one in text.replace("|", ",").split(",") if one.strip()]
    except ValueError:
        raise ValueError("These must be IP addresses.") from None
    if len(ips) > MAX_IPS:
        raise ValueError(f"At most {MAX_IPS} addresses.")
    draft.more["ips"] = tuple(dict.fromkeys(ips))


def _stage(draft: _Draft, text: str) -> None:
    if text == CLEARED:
        draft.more["stage_id"] = 0
        return
    stage_id = draft.names.stages.get(folded(text))
    if stage_id is None:
        raise ValueError(no_stage(text))
    draft.more["stage_id"], draft.more["stage_name"] = stage_id, text


def _points(draft: _Draft, text: str) -> None:
    points = int(read_number(text))
    if abs(points) > MAX_POINTS:
        raise ValueError(NOT_VALID)
    draft.more["new_points"] = points


def _user(draft: _Draft, text: str) -> Person:
    person = draft.names.users.get(folded(text))
    if person is None:
        raise ValueError(no_owner(text))
    return person


def _owner(draft: _Draft, text: str) -> None:
    draft.more["owner_id"] = 0 if text == CLEARED else _user(draft, text).id


def _no_email(draft: _Draft, text: str) -> None:
    draft.more["dnc"] = {"email": Refusal() if read_boolean(text) else Refusal(CONTACTABLE)}


def _no_contact(draft: _Draft, text: str) -> None:
    """As exports say it: `email:1,sms:3`; without a reason it is by hand."""
    refusals: dict[str, Refusal] = {}
    for one in text.replace("|", ",").split(","):
        channel, _, reason = one.strip().partition(":")
        if channel:
            refusals[read_channel(channel)] = read_refusal({"reason": reason or MANUAL})
    draft.more["dnc"] = refusals


def _moment(name: str) -> Callable[[_Draft, str], None]:
    def read(draft: _Draft, text: str) -> None:
        moment = read_time(text, 1970, draft.now_us)
        draft.origin[name] = int(moment.timestamp() * 1_000_000)

    return read


def _last_active(draft: _Draft, text: str) -> None:
    draft.fields["last_active"] = read_time(text, 1970, draft.now_us).strftime("%Y-%m-%d %H:%M:%S")


def _by(name: str) -> Callable[[_Draft, str], None]:
    def read(draft: _Draft, text: str) -> None:
        person = _user(draft, text)
        draft.origin[f"{name}_id"], draft.origin[name] = person.id, person.name

    return read


_SPECIAL: Mapping[str, Callable[[_Draft, str], None]] = {
    to.ID: _id, to.TAGS: _tags, to.IP: _ips, to.STAGE: _stage, to.POINTS: _points, to.OWNER: _owner,
    to.NO_EMAIL: _no_email, to.NO_CONTACT: _no_contact,
    to.DATE_ADDED: _moment("added_us"), to.DATE_MODIFIED: _moment("modified_us"),
    to.DATE_IDENTIFIED: _moment("identified_us"), to.LAST_ACTIVE: _last_active,
    to.CREATED_BY: _by("created_by"), to.MODIFIED_BY: _by("modified_by"),
}  # fmt: skip
_OF_USERS = frozenset({to.OWNER, to.CREATED_BY, to.MODIFIED_BY})
