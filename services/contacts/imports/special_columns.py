"""What the columns mean that are no fields of contacts: ids, tags, stages, users, times, companies. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import NamedTuple

from services.common.company import read_value as read_company_value
from services.common.company_fields import NAME
from services.common.contact_fields import Field
from services.common.device import MAX_CONTACT_ID
from services.common.field_values import NOT_VALID, TOO_LONG, read_boolean, read_number, read_time, read_value
from services.common.profile import MAX_POINTS, Value
from services.common.values import MAX_TEXT_LENGTH, clean, read_tag
from services.contacts.imports import mapping as to
from services.contacts.people.change_body import MAX_TAGS, no_owner, no_stage
from services.contacts.people.do_not_contact import CONTACTABLE, MANUAL, Refusal, read_channel, read_refusal

CLEARED = "NULL"  # a cell that blanks what was there
MAX_IPS = 100
CLEARED = "NULL"  # a cell that blanks what was there
NO_CONTACT = "This is no id of a contact."
MAX_IPS = 100


class Person(NamedTuple):
    """A user, as columns name them."""

    id: int
    name: str


class Names(NamedTuple):
    """What the rows name, by their words as they stand there, folded: those that there are."""

    users: Mapping[str, Person] = {}
    stages: Mapping[str, int] = {}


class Draft:
    """A row while it is read."""

    def __init__(self, names: Names, now_us: int) -> None:
        self.names, self.now_us = names, now_us
        self.id = 0
        self.fields: dict[str, Value] = {}
        self.company: dict[str, Value] = {}
        self.origin: dict[str, int | str] = {}
        self.more: dict[str, object] = {}  # of the change


def folded(text: str) -> str:
    return clean(text).casefold()


def company_reader(field: Field) -> Callable[[Draft, str], None]:
    def read(draft: Draft, text: str) -> None:
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


def _id(draft: Draft, text: str) -> None:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= 16 and 0 < int(text) <= MAX_CONTACT_ID):
        raise ValueError(NO_CONTACT)
    draft.id = int(text)


def _tags(draft: Draft, text: str) -> None:
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


def _ips(draft: Draft, text: str) -> None:
    try:
        ips = [str(ipaddress.ip_address(one.strip())) for one in text.replace("|", ",").split(",") if one.strip()]
    except ValueError:
        raise ValueError("These must be IP addresses.") from None
    if len(ips) > MAX_IPS:
        raise ValueError(f"At most {MAX_IPS} addresses.")
    draft.more["ips"] = tuple(dict.fromkeys(ips))


def _stage(draft: Draft, text: str) -> None:
    if text == CLEARED:
        draft.more["stage_id"] = 0
        return
    stage_id = draft.names.stages.get(folded(text))
    if stage_id is None:
        raise ValueError(no_stage(text))
    draft.more["stage_id"], draft.more["stage_name"] = stage_id, text


def _points(draft: Draft, text: str) -> None:
    points = int(read_number(text))
    if abs(points) > MAX_POINTS:
        raise ValueError(NOT_VALID)
    draft.more["new_points"] = points


def _user(draft: Draft, text: str) -> Person:
    person = draft.names.users.get(folded(text))
    if person is None:
        raise ValueError(no_owner(text))
    return person


def _owner(draft: Draft, text: str) -> None:
    draft.more["owner_id"] = 0 if text == CLEARED else _user(draft, text).id


def _no_email(draft: Draft, text: str) -> None:
    draft.more["dnc"] = {"email": Refusal() if read_boolean(text) else Refusal(CONTACTABLE)}


def _no_contact(draft: Draft, text: str) -> None:
    """As exports say it: `email:1,sms:3`; without a reason it is by hand."""
    refusals: dict[str, Refusal] = {}
    for one in text.replace("|", ",").split(","):
        channel, _, reason = one.strip().partition(":")
        if channel:
            refusals[read_channel(channel)] = read_refusal({"reason": reason or MANUAL})
    draft.more["dnc"] = refusals


def _moment(name: str) -> Callable[[Draft, str], None]:
    def read(draft: Draft, text: str) -> None:
        moment = read_time(text, 1970, draft.now_us)
        draft.origin[name] = int(moment.timestamp() * 1_000_000)

    return read


def _last_active(draft: Draft, text: str) -> None:
    draft.fields["last_active"] = read_time(text, 1970, draft.now_us).strftime("%Y-%m-%d %H:%M:%S")


def _by(name: str) -> Callable[[Draft, str], None]:
    def read(draft: Draft, text: str) -> None:
        person = _user(draft, text)
        draft.origin[f"{name}_id"], draft.origin[name] = person.id, person.name

    return read


SPECIAL: Mapping[str, Callable[[Draft, str], None]] = {
    to.ID: _id, to.TAGS: _tags, to.IP: _ips, to.STAGE: _stage, to.POINTS: _points, to.OWNER: _owner,
    to.NO_EMAIL: _no_email, to.NO_CONTACT: _no_contact,
    to.DATE_ADDED: _moment("added_us"), to.DATE_MODIFIED: _moment("modified_us"),
    to.DATE_IDENTIFIED: _moment("identified_us"), to.LAST_ACTIVE: _last_active,
    to.CREATED_BY: _by("created_by"), to.MODIFIED_BY: _by("modified_by"),
}  # fmt: skip
OF_USERS = frozenset({to.OWNER, to.CREATED_BY, to.MODIFIED_BY})
