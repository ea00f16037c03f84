"""Reads a body into a document, key by key, and notes what is wrong."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from services.common.envelope import ApiError
from services.common.field_values import NOT_VALID, read_time, scalar_as_text
from services.common.values import clean
from services.contacts.people.change import InvalidChangeError

MAX_LONG_TEXT = 4_096
MAX_URL_LENGTH = 2_048
_COLOR = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})", re.ASCII | re.IGNORECASE)
_FILE_ADDRESS = re.compile(r"file:///[^\s\\<>\"]+")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class RecordBody:
    """A body and the old values that count where it says nothing."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.now_us = time.time_ns() // 1_000  # from here on dates such as tomorrow are
        self.wrong: dict[str, list[str]] = {}

    def check(self) -> None:
        """Raises `InvalidChangeError` when anything was wrong."""
        if self.wrong:
            raise InvalidChangeError(self.wrong)

    def refuse_if_wrong(self) -> None:
        """The same for a handler. Raises `ApiError` 400."""
        if self.wrong:
            error = InvalidChangeError(self.wrong)
            raise ApiError(400, str(error), error.details)

    def has(self, name: str) -> bool:
        return self._body.get(name) is not None

    def raw(self, name: str) -> Any:
        return self._body.get(name)

    def text(self, name: str, old: str = "", *, most: int = 191, is_required: bool = False) -> str:
        try:
            said = clean(scalar_as_text(self._body[name])) if self.has(name) else old
        except ValueError:
            self.wrong[name] = [NOT_VALID]
            return ""
        if len(said) > most:
            self.wrong[name] = [f"This value is too long. It should have {most} characters or less."]
        elif is_required and not said:
            self.wrong[name] = ["This value should not be blank."]
        return said

    def url(self, name: str, old: str = "", *, may_be_file: bool = False) -> str:
        said = self.text(name, old, most=MAX_URL_LENGTH, is_required=True)
        if said and not is_web_address(said) and not (may_be_file and _FILE_ADDRESS.fullmatch(said)):
            self.wrong[name] = ["This value is not a valid URL."]
        return said

    def color(self, name: str, old: str = "") -> str:
        """Hex, without #; '' for none."""
        said = self.text(name, old, most=7)
        if said and not _COLOR.fullmatch(said):
            self.wrong.setdefault(name, ["This value must be a color such as 4e5d9d."])
        return said.removeprefix("#")

    def flag(self, name: str, *, old: bool) -> bool:
        if not self.has(name):
            return old
        said = str(self._body[name]).strip().lower()
        if said not in _TRUE | _FALSE:
            self.wrong[name] = [NOT_VALID]
        return said in _TRUE

    def choice(self, name: str, choices: tuple[str, ...], old: str) -> str:
        said = self.text(name, old)
        if said not in choices:
            self.wrong.setdefault(name, [f"This value must be one of {', '.join(choices)}."])
        return said

    def reference(self, name: str, old: int = 0) -> int:
        """The id of another thing, as a number or as an object that has it; 0 for none."""
        if not self.has(name):
            return old
        said = self._body[name]
        text = str(said.get("id", "") if isinstance(said, dict) else said).strip()
        if text and not (text.isascii() and text.isdecimal() and len(text) <= 16):
            self.wrong[name] = ["This value must be an id."]
            return 0
        return int(text or 0)

    def whole(self, name: str, old: int) -> int:
        text = self.text(name, str(old)) or "0"
        if not re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII):
            self.wrong[name] = ["This value must be a whole number."]
            return 0
        return int(text)

    def time_us(self, name: str, old: int) -> int:
        """0 for never, which a blank says."""
        if not self.has(name):
            return old
        text = self.text(name)
        try:
            return int(read_time(text, now_us=self.now_us).timestamp()) * 1_000_000 if text else 0
        except ValueError as error:
            self.wrong[name] = [str(error)]
            return old

    def items(self, name: str) -> list[Mapping[str, Any]]:
        """A list of objects, as JSON or as PHP writes lists in forms."""
        said = self._body.get(name) or []
        found = list(said.values()) if isinstance(said, dict) else said
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.wrong[name] = [NOT_VALID]
            return []
        return found


def is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises when it can be none
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\\<>\"]", text)
    except ValueError:
        return False


def alias_of(text: str) -> str:
    """Lower case, digits and underscores, 25 characters at most; empty when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", plain_letters(text)).strip("_")[:25].strip("_")


def free_alias(alias: str, taken: Collection[str]) -> str:
    """The alias, with a number behind it when it is taken."""
    number, free = 0, alias
    while free in taken:
        number += 1
        free = f"{alias}{number}"
    return free


def plain_letters(text: str) -> str:
    """Lower case, and letters with marks without them: Größe is grosse."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in letters if not unicodedata.combining(one))
