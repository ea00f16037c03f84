"""A contact as somebody types it: what of it is said to the API, and what others have changed meanwhile. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from services.common.envelope import ApiError
from services.contacts.ui.field_inputs import Input, as_typed
from services.contacts.ui.form import Form

MAX_WAS_LENGTH = 200_000
MARKED_LENGTH = 64  # longer values are known by their digest


class Clash(NamedTuple):
    """A field that two people have changed."""

    label: str
    alias: str
    theirs: Any
    mine: Any


class Extras(NamedTuple):
    """What a contact has beside its fields."""

    owner: str = ""
    stage: str = ""
    tags: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()


NO_EXTRAS = Extras()


class Was(NamedTuple):
    """What a form was rendered with: marks of the fields that had a value."""

    fields: Mapping[str, str]
    extras: Extras


def extras_of(contact: Mapping[str, Any], companies: Iterable[Mapping[str, Any]]) -> Extras:
    return Extras(
        str(contact["owner"]["id"]) if contact["owner"] else "",
        str(contact["stage"]["id"]) if contact["stage"] else "",
        tuple(tag["tag"] for tag in contact["tags"]),
        tuple(str(one["id"]) for one in companies),
    )


def read_extras(form: Form, before: Extras = NO_EXTRAS) -> Extras:
    """What a form does not have stays as it was before."""
    return Extras(
        form.text("owner", before.owner),
        form.text("stage", before.stage),
        tuple(form.words("tags")) if "tags" in form else before.tags,
        tuple(form.all("companies")) if "companies.shown" in form else before.companies,
    )


def check_required(inputs: Iterable[Input], said: Mapping[str, Any]) -> None:
    """Required fields are so for whoever fills in a form; programs and hits may leave them out. Raises `ApiError`."""
    missing = {one.alias: ["This value is needed."] for one in inputs
               if one.is_required and one.alias in said and said[one.alias] in ("", [])}  # fmt: skip
    if missing:
        raise ApiError(400, "Some fields are needed.", missing)


def new_body(said: Mapping[str, Any], extras: Extras) -> dict[str, Any]:
    """Blanks say nothing of a new contact."""
    body = {alias: value for alias, value in said.items() if value not in ("", [])}
    more = {
        "owner": extras.owner,
        "stage": extras.stage,
        "tags": list(extras.tags),
        "companies": list(extras.companies),
    }
    return body | {name: value for name, value in more.items() if value}


def change_body(said: Mapping[str, Any], extras: Extras, was: Was, now: Extras) -> dict[str, Any]:
    """Only what was changed, so that nobody's work is undone by a form that merely showed it."""
    body = {alias: value for alias, value in said.items() if _mark(value) != was.fields.get(alias, _mark(""))}
    before = was.extras
    if extras.owner != before.owner:
        body["owner"] = extras.owner or None
    if extras.stage != before.stage:
        body["stage"] = extras.stage or None
    tags = [tag for tag in extras.tags if tag not in before.tags]
    gone = [f"-{tag}" for tag in before.tags if tag not in extras.tags]
    if tags or gone:
        body["tags"] = [*tags, *gone]
    if set(extras.companies) != set(before.companies):  # the API takes all of them
        kept = [one for one in now.companies if one in extras.companies or one not in before.companies]
        body["companies"] = [*kept, *(one for one in extras.companies if one not in {*before.companies, *kept})]
    return {**body, "overwriteWithBlank": True} if body else {}


def was_of(inputs: Sequence[Input], extras: Extras) -> Was:
    return Was({one.alias: _mark(as_typed(one)) for one in inputs if one.values}, extras)


def write_was(was: Was) -> str:
    """For the form's own hidden input."""
    return msgspec.json.encode(was).decode()


def read_was(text: str, otherwise: Was) -> Was:
    """`otherwise` where it cannot be read."""
    try:
        return msgspec.json.decode(text[:MAX_WAS_LENGTH], type=Was)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return otherwise


def clashes(inputs: Iterable[Input], said: Mapping[str, Any], was: Was) -> list[Clash]:
    """Fields that somebody else has changed since, and this form too, to something else. `inputs` are as it is now."""
    return [
        Clash(one.label, one.alias, as_typed(one) if one.values else "", said[one.alias])
        for one in inputs
        if one.alias in said
        and _is_torn(
            was.fields.get(one.alias, _mark("")), _mark(as_typed(one) if one.values else ""), _mark(said[one.alias])
        )
    ]


def extras_clashes(
    extras: Extras, was: Was, now: Extras, owners: Mapping[str, str], stages: Mapping[str, str]
) -> list[Clash]:
    """The same of owner and stage, named by these; tags and companies are added and taken away one by one."""
    before = was.extras
    many = [
        ("Owner", "owner", before.owner, now.owner, extras.owner, owners),
        ("Stage", "stage", before.stage, now.stage, extras.stage, stages),
    ]
    return [
        Clash(label, name, names.get(theirs, theirs), names.get(mine, mine))
        for label, name, first, theirs, mine, names in many
        if _is_torn(first, theirs, mine)
    ]


def _is_torn(was: Any, theirs: Any, mine: Any) -> bool:
    return mine != was and theirs not in (was, mine)


def _mark(value: Any) -> str:
    """Equal for equal values, and short; the same for all blanks."""
    text = str(value or "")
    return text if len(text) <= MARKED_LENGTH else hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
