"""What could be typed next into the search box: commands of the grammar, and what there is behind one of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.common.queries.search import phrase

MOST = 12
COMMANDS: Mapping[str, str] = {
    "is:anonymous": "visitors, of whom nothing is known",
    "!is:anonymous": "contacts that are known",
    "is:mine": "that I own",
    "is:unowned": "that nobody owns",
    "email:": "the address begins so; email:%example.com ends so",
    "name:": "first or last name",
    "company:": "name of a company",
    "segment:": "in a segment",
    "!segment:": "not in a segment",
    "common:": "in all of these: common:one+two",
    "tag:": "has a tag",
    "stage:": "in a stage",
    "owner:": "name of the owner",
    "city:": "and every other field by its alias",
    "country:": "",
    "ip:": "came from an address that begins so",
    "ids:": "these contacts: ids:1,2,3",
    "page_source:": "came by a channel",
    "email_sent:": "was sent this email, by its id",
    "email_read:": "has opened it",
    "import_id:": "of an import",
}
Values = Mapping[str, Iterable[tuple[str, str]]]
_PLAIN = re.compile(r'[^\s()"!+][^\s()"]*')  # what means itself without quotes
_LAST = re.compile(r'(?:[^\s"]|"[^"]*"?)*$')


class Suggestion(NamedTuple):
    value: str  # takes the place of the last word
    text: str


def last_word(search: str) -> str:
    found = _LAST.search(search)
    return found[0] if found else ""


def asks_for(search: str) -> str:
    """The command behind whose colon somebody types; '' for none."""
    command, colon, _ = last_word(search).lstrip("!+").partition(":")
    return command if colon else ""


def typed_part(search: str) -> str:
    """What stands behind that colon so far."""
    return last_word(search).partition(":")[2].strip('"')


def suggest(search: str, values: Values, fields: Mapping[str, str]) -> list[Suggestion]:
    """`values`: value and text by command; `fields`: label by alias. What begins as it is typed comes first."""
    word = last_word(search)
    if command := asks_for(search):
        head, typed = word.partition(":")[0], typed_part(search).casefold()
        found = [(value, text) for value, text in values.get(command, ())
                 if typed in value.casefold() or typed in text.casefold()]  # fmt: skip
        found.sort(key=lambda one: not any(said.casefold().startswith(typed) for said in one))
        return [Suggestion(f"{head}:{_quoted(value)} ", text) for value, text in found[:MOST]]
    known = {**COMMANDS, **{f"{alias}:": label for alias, label in fields.items() if f"{alias}:" not in COMMANDS}}
    begins = [name for name in known if name.startswith(word)]
    within = [name for name in known if word.lstrip("!+") and word.lstrip("!+") in name and name not in begins]
    return [Suggestion(name if name.endswith(":") else f"{name} ", known[name]) for name in [*begins, *within]][:MOST]


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else phrase(value)
