"""A change of a contact as a request says it: read and validated. Pure."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from services.common.contact_fields import FIELDS, Field
from services.common.field_values import NOT_VALID, TOO_LONG, read_value, scalar_as_text
from services.common.profile import MAX_POINTS, Value
from services.common.values import MAX_TEXT_LENGTH, clean, read_tag
from services.contacts.people.change import IMAGE_SOURCES, Change, InvalidChangeError
from services.contacts.people.do_not_contact import Refusal, read_refusals
from services.contacts.people.frequency import Frequency, read_frequencies
from services.contacts.people.memberships import MembershipChange, read_memberships

MAX_TAGS = 500
MAX_CATEGORIES = 100
ALWAYS_PUBLISHED = "Contacts and companies are always published."

_TRUE = frozenset({"1", "true", "yes", "on"})
_NOT_TOLD = "points"  # counted
_NOT_REPLACED = frozenset({"last_active", _NOT_TOLD})  # observed rather than told


def read_change(
    body: Mapping[str, Any],
    *,
    replaces: bool = False,
    is_new: bool = False,
    registry: Mapping[str, Field] = FIELDS,
    now_us: int = 0,
) -> Change:
    """The change that a body asks for. Raises `InvalidChangeError`.

    `replaces` is PUT: fields that it does not name are blanked. Else blank values change nothing, unless the body says
    overwriteWithBlank. PUT and POST (`is_new`) give a default to fields that the body does not name. Keys that are no
    field of the `registry` are ignored. Dates such as tomorrow are from `now_us` on.
    """
    reading = _Reading(body, registry, now_us)
    may_blank = replaces or is_true(body.get("overwriteWithBlank"))
    fields = {field: value for field, value in reading.fields().items() if may_blank or value != ""}
    if replaces:
        missing = [alias for alias in registry if alias not in fields and alias not in _NOT_REPLACED]
        fields.update(dict.fromkeys(missing, "") | reading.defaults(missing))
    stage_id, stage_name = reading.stage()
    reading.wrong.update(unpublishing(body))
    change = Change(
        fields=fields,
        defaults=reading.defaults([alias for alias in registry if alias not in body]) if is_new else {},
        tags=reading.tags(),
        points=reading.points(),
        dnc=reading.refusals(),
        frequency=reading.frequencies(),
        ips=reading.ips(),
        owner_id=reading.owner(),
        stage_id=stage_id,
        stage_name=stage_name,
        categories=reading.categories(),
        preferred_image=reading.preferred_image(),
        replaces_categories=body.get("categories") is not None,
        memberships=reading.memberships(),
    )
    if reading.wrong:
        raise InvalidChangeError(reading.wrong)
    return change


class _Reading:
    """Reads a body key by key and notes what is wrong."""

    def __init__(self, body: Mapping[str, Any], registry: Mapping[str, Field], now_us: int) -> None:
        self._body, self._registry, self._now_us = body, registry, now_us
        self.wrong: dict[str, list[str]] = {}

    def fields(self) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for alias, field in self._registry.items():
            key = "lastActive" if alias == "last_active" and alias not in self._body else alias
            if key in self._body and alias != _NOT_TOLD:
                self._read_field(field, self._body[key], values)
        return values

    def defaults(self, aliases: Iterable[str]) -> dict[str, Value]:
        """Those that can be values of their fields still."""
        values: dict[str, Value] = {}
        for field in (self._registry[alias] for alias in aliases):
            with contextlib.suppress(ValueError):
                if field.default:
                    values[field.alias] = read_value(field, field.default, self._now_us)
        return values

    def _read_field(self, field: Field, said: Any, values: dict[str, Value]) -> None:
        try:
            values[field.alias] = read_value(field, said, self._now_us)
        except ValueError as error:
            self.wrong[field.alias] = [str(error)]

    def tags(self) -> dict[str, bool]:
        """Tag: whether it is added or, with a - before it, removed. A list, or a text with commas."""
        said = self._body.get("tags")
        if said is None:
            return {}
        words = said.split(",") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said
        if not isinstance(words, list) or len(words) > MAX_TAGS:
            self.wrong["tags"] = [NOT_VALID]
            return {}
        tags: dict[str, bool] = {}
        for word in words:
            self._read_tag(word.get("tag") if isinstance(word, dict) else word, tags)
        return tags

    def _read_tag(self, word: Any, tags: dict[str, bool]) -> None:
        try:
            tag, is_in = read_tag(scalar_as_text(word))
        except ValueError:
            self.wrong["tags"] = [NOT_VALID]
            return
        if len(tag) > MAX_TEXT_LENGTH:
            self.wrong["tags"] = [TOO_LONG]
        elif tag:
            tags[tag] = is_in

    def memberships(self) -> MembershipChange:
        try:
            return read_memberships(self._body)
        except ValueError as error:
            self.wrong["companies"] = [str(error)]
            return MembershipChange()

    def refusals(self) -> dict[str, Refusal]:
        try:
            return read_refusals(self._body)
        except ValueError as error:
            self.wrong["doNotContact"] = [str(error)]
            return {}

    def frequencies(self) -> dict[str, Frequency]:
        try:
            return read_frequencies(self._body)
        except ValueError as error:
            self.wrong["frequencyRules"] = [str(error)]
            return {}

    def points(self) -> int | None:
        """Points are set; an empty value never resets them."""
        try:
            text = clean(scalar_as_text(self._body.get("points")))
            points = int(float(text)) if text else None
        except (ValueError, OverflowError):
            self.wrong["points"] = [NOT_VALID]
            return None
        if points is not None and abs(points) > MAX_POINTS:
            self.wrong["points"] = [NOT_VALID]
            return None
        return points

    def ips(self) -> tuple[str, ...]:
        """An address to add; one that is none is ignored."""
        said = self._body.get("ipAddress")
        try:
            return (str(ipaddress.ip_address(said.strip())),) if isinstance(said, str) else ()
        except ValueError:
            return ()

    def owner(self) -> int | None:
        try:
            return read_owner(self._body)
        except ValueError as error:
            self.wrong["owner"] = [str(error)]
            return None

    def stage(self) -> tuple[int | None, str]:
        """An id, or a name; whether there is such a stage is for others to see."""
        if "stage" not in self._body:
            return None, ""
        said = self._body["stage"]
        try:
            text = clean(scalar_as_text(said.get("id") if isinstance(said, dict) else said))
        except ValueError:
            text = "?" * MAX_TEXT_LENGTH + "?"
        if len(text) > MAX_TEXT_LENGTH:
            self.wrong["stage"] = [no_stage(text)]
        elif text.isascii() and text.isdecimal() and len(text) <= 9:
            return int(text), ""
        return (None, text) if text else (0, "")

    def preferred_image(self) -> str | None:
        """`custom`, `gravatar`, or the alias of a social field."""
        said = self._body.get("preferredProfileImage", self._body.get("preferred_profile_image"))
        if said in (None, ""):
            return None
        social = {alias for alias, field in self._registry.items() if field.group == "social"}
        if not isinstance(said, str) or said not in {*IMAGE_SOURCES, *social}:
            self.wrong["preferredProfileImage"] = [NOT_VALID]
            return None
        return said

    def categories(self) -> dict[int, bool]:
        """Ids that replace the whole set; whether there are such ones is for others to see."""
        said = self._body.get("categories")
        found = said.split(",") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said
        if not isinstance(found or [], list) or len(found or []) > MAX_CATEGORIES:
            self.wrong["categories"] = [NOT_VALID]
            return {}
        texts = [str(one.get("id") if isinstance(one, dict) else one).strip() for one in found or []]
        if not all(text.isascii() and text.isdecimal() and len(text) <= 9 for text in texts if text):
            self.wrong["categories"] = ["These must be ids of categories."]
            return {}
        return {int(text): True for text in texts if text}


def no_stage(said: object) -> str:
    return f"Stage with ID or name '{str(said)[:60]}' was not found."


def is_true(said: Any) -> bool:
    return said in (True, 1) if isinstance(said, (int, float)) else str(said).strip().lower() in _TRUE


def unpublishing(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a body that says what no contact and no company is here; nothing, if it does not."""
    said = body.get("isPublished")
    return {} if said in (None, "") or is_true(said) else {"isPublished": [ALWAYS_PUBLISHED]}


def read_owner(body: Mapping[str, Any]) -> int | None:
    """The owner's id, 0 for nobody; None when the body does not say. Whether there is such a user is for others. Raises
    `ValueError`."""
    if "owner" not in body:
        return None
    said = body["owner"]
    text = str((said.get("id") if isinstance(said, dict) else said) or 0).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValueError(no_owner(said))
    return int(text)


def no_owner(said: object) -> str:
    return f"User with ID or name '{str(said)[:60]}' was not found."
