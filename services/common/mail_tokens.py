"""Fills in the `{tokens}` of a mail's texts for one contact. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from services.common.profile import Value

UNSUBSCRIBE_URL, UNSUBSCRIBE_TEXT, WEBVIEW_URL = "{unsubscribe_url}", "{unsubscribe_text}", "{webview_url}"
_AS_URL = "true"  # instead of a default: the value goes into an address


class Fillings(NamedTuple):
    """What tokens become: fields by alias, and other tokens with their braces. `own` was given for this mail: HTML in
    HTML, by whoever sends it; what contacts were told is text."""

    fields: Mapping[str, Value]
    own: Mapping[str, str]
    links: Mapping[str, str]  # {unsubscribe_url} and the like


def fill_html(template: str, fillings: Fillings) -> str:
    links = {token: escape(url, quote=True) for token, url in fillings.links.items()}
    if url := links.get(UNSUBSCRIBE_URL):
        links[UNSUBSCRIBE_TEXT] = f'<a href="{url}">Unsubscribe</a> to no longer receive mails from us.'
    return _fill(template, fillings, links, lambda text: escape(text, quote=True))


def fill_text(template: str, fillings: Fillings) -> str:
    links = dict(fillings.links)
    if url := links.get(UNSUBSCRIBE_URL):
        links[UNSUBSCRIBE_TEXT] = f"Unsubscribe to no longer receive mails from us: {url}"
    return _fill(template, fillings, links, str)


def fill_line(template: str, fillings: Fillings) -> str:
    """For a header: whatever a value has in it, it stays one line."""
    return one_line(_fill(template, fillings, {}, str))


def one_line(text: str) -> str:
    """Without control characters; what breaks a line becomes a space."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def own_tokens(said: Mapping[str, str]) -> dict[str, str]:
    """As they stand in texts: names without braces get them."""
    return {name if name.startswith("{") else f"{{{name}}}": value for name, value in said.items()}


def _fill(template: str, fillings: Fillings, links: Mapping[str, str], as_text: Callable[[str], str]) -> str:
    """All in one pass: what a value brings along is no token."""
    plain = {**links, **fillings.own}

    def value_of(found: re.Match[str]) -> str:
        if (alias := found.group("alias")) is None:
            return plain[found.group(0)]
        said, otherwise = fillings.fields.get(alias), found.group("default") or ""
        text = "" if said is None else str(said)
        if otherwise == _AS_URL:
            return quote(text, safe="")
        return as_text(text or otherwise)

    pattern = r"\{(?:contactfield|leadfield)=(?P<alias>[a-z0-9_]{1,60})(?:\|(?P<default>[^{}]*))?\}"
    names = sorted(map(re.escape, plain), key=len, reverse=True)
    return re.sub("|".join([pattern, *names]), value_of, template)
