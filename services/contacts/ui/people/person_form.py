"""A contact as somebody types it: what of it is said to the API, and what others have changed meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from services.common.envelope import ApiError
from services.contacts.ui.field_inputs import Input, as_typed
from services.contacts.ui.form import Form

MAX_WAS_LENGTH = 200_000


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


def extras_of(contact: Mapping[str, Any], companies: Iterable[Mapping[str, Any]]) -> Extras:
    return Extras(
        str(contact["owner"]["id"]) if contact["owner"] else "",
        str(contact["stage"]["id"]) if contact["stage"] else "",
        tuple(tag["tag"] for tag in contact["tags"]),
        tuple(str(one["id"]) for one in companies),
    )


def read_extras(form: Form) -> Extras:
    tags = tuple(dict.fromkeys(tag.strip() for tag in form.text("tags").split(",") if tag.strip()))
    return Extras(form.text("owner"), form.text("stage"), tags, tuple(form.all("companies")))


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


def change_body(said: Mapping[str, Any], was: Mapping[str, Any], extras: Extras, before: Extras) -> dict[str, Any]:
    """Only what was changed, so that nobody's work is undone by a form that merely showed it."""
    body = {alias: value for alias, value in said.items() if value != was.get(alias, "")}
    if extras.owner != before.owner:
        body["owner"] = extras.owner or None
    if extras.stage != before.stage:
        body["stage"] = extras.stage or None
    if set(extras.companies) != set(before.companies):
        body["companies"] = list(extras.companies)
    tags = [tag for tag in extras.tags if tag not in before.tags]
    gone = [f"-{tag}" for tag in before.tags if tag not in extras.tags]
    if tags or gone:
        body["tags"] = [*tags, *gone]
    return {**body, "overwriteWithBlank": True} if body else {}


def was_of(inputs: Sequence[Input]) -> str:
    """What a form was rendered with, for its own hidden input."""
    return msgspec.json.encode({one.alias: as_typed(one) for one in inputs if one.values}).decode()


def read_was(text: str) -> dict[str, Any]:
    """Nothing where it is none: then all that was typed counts as changed."""
    try:
        return msgspec.json.decode(text[:MAX_WAS_LENGTH], type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}


def clashes(
    inputs: Iterable[Input], said: Mapping[str, Any], was: Mapping[str, Any], now: Mapping[str, Any]
) -> list[Clash]:
    """Fields that somebody else has changed since, and this form too, to something else."""
    return [
        Clash(one.label, one.alias, now.get(one.alias, ""), said[one.alias])
        for one in inputs
        if one.alias in said
        and said[one.alias] != was.get(one.alias, _blank(one))
        and now.get(one.alias, _blank(one)) not in (was.get(one.alias, _blank(one)), said[one.alias])
    ]


def _blank(one: Input) -> Any:
    return [] if one.kind == "choices" else ""
