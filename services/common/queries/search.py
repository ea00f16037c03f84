"""The search language of contacts: text to a tree of terms. Pure; what a term means is the query's business.

ada                 text anywhere         "ada byron"       a phrase
email:ada           begins with           email:+a@b.c      exactly
email:%gmail%       % stands for anything !tag:x, tag:!x    not
a b, a and b, a or b, (a or b) c          `and` binds closer than `or`
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from services.common.queries.query_error import QueryError

MAX_LENGTH = 2_000
MAX_TERMS = 100
MAX_DEPTH = 10


class SearchError(QueryError):
    """A search that cannot be answered; the message says why. `at` is the character that it is about, from 0."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(f"{message} (character {at + 1})", "search")
        self.at = at

    def details(self) -> dict[str, list[str]]:
        return {**super().details(), "character": [str(self.at + 1)]}


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `command` is '' for text anywhere; `at` is where it stands in the text."""

    command: str
    value: str
    is_strict: bool = False
    at: int = field(default=0, compare=False)


class Not(NamedTuple):
    node: Node


class And(NamedTuple):
    nodes: tuple[Node, ...]


class Or(NamedTuple):
    nodes: tuple[Node, ...]


Node = Term | Not | And | Or

EVERYTHING = And(())

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>[!]?\()
      | (?P<close>\))
      | (?P<word>(?P<sign>[!+]{0,2})(?:(?P<command>[A-Za-z_][A-Za-z0-9_]*):)?
          (?: (?P<value_sign>[!+]{0,2})"(?P<phrase>[^"]*)"? | (?P<bare>[^\s()"]*) ))
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str  # open, close, and, or, term
    at: int
    node: Node | None = None
    is_negative: bool = False


def parse_search(text: str, commands: frozenset[str]) -> Node:
    """The tree of a search. `commands` are the words that may stand before a colon; any other such word is text.

    Raises `SearchError` beyond the bounds above, on unbalanced parentheses, on a command or a ! without a value, and on
    a word with two !: left out, they would find everybody, or the others.
    """
    if len(text) > MAX_LENGTH:
        raise SearchError(f"The search is longer than {MAX_LENGTH} characters.", MAX_LENGTH)
    tokens = _tokens(text, commands)
    terms = [token for token in tokens if token.kind == "term"]
    if len(terms) > MAX_TERMS:
        raise SearchError(f"The search has more than {MAX_TERMS} terms.", terms[MAX_TERMS].at)
    parser = _Parser(tokens)
    node = parser.any_of(0)
    if parser.position < len(tokens):
        raise SearchError("The search closes a parenthesis that it never opened.", tokens[parser.position].at)
    return node


def phrase(value: str, *, is_strict: bool = False) -> str:
    """A value as a search says it, whatever stands in it; for ", which no phrase can say, any text."""
    if '"' in value:
        return '"' + value.replace('"', "%") + '"'
    return f'+"{value}"' if is_strict else f'"{value}"'


def _tokens(text: str, commands: frozenset[str]) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.end() == position:
            position += 1
            continue
        position = match.end()
        token = _token(match, commands)
        if token is not None:
            tokens.append(token)
    return tokens


def _token(match: re.Match[str], commands: frozenset[str]) -> _Token | None:
    if match["open"]:
        return _Token("open", match.start("open"), is_negative=match["open"].startswith("!"))
    if match["close"]:
        return _Token("close", match.start("close"))
    word = match["word"]
    if word.lower() in ("and", "or"):
        return _Token(word.lower(), match.start("word"))
    return _term(match, commands) if word else None


def _term(match: re.Match[str], commands: frozenset[str]) -> _Token | None:
    command = (match["command"] or "").lower()
    is_phrase = match["phrase"] is not None
    value_sign, value = (match["value_sign"], match["phrase"]) if is_phrase else _unsigned(match["bare"])
    signs = match["sign"] + value_sign
    if command and command not in commands:  # a URL or a time of day, say: exactly this text
        command, value, signs = "", match["word"].lstrip("!+"), match["sign"] + "+"
    value, at = value.replace("\0", "").strip(), match.start("word")
    if not value and command:
        raise SearchError(f"Nothing stands behind {command}:.", at)
    if "!" in signs and not value:
        raise SearchError("Nothing stands behind !.", at)
    if signs.count("!") > 1:
        raise SearchError("A word cannot be negated twice.", at)
    if not value:
        return None
    term = Term(command, value, "+" in signs, at)
    return _Token("term", at, Not(term) if "!" in signs else term)


def _unsigned(bare: str) -> tuple[str, str]:
    """The signs before a value, and the value; a `+` further on is part of it, as in addresses and numbers."""
    sign = bare[: len(bare) - len(bare.lstrip("!+"))][:2]
    return sign, bare[len(sign) :]


class _Parser:
    """Recursive descent over the tokens, bounded by `MAX_DEPTH`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self.position = 0

    def any_of(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            opened = self._tokens[self.position - 1].at
            raise SearchError(f"The search is nested deeper than {MAX_DEPTH} parentheses.", opened)
        nodes = [self._all_of(depth)]
        while self._take("or"):
            nodes.append(self._all_of(depth))
        said = [node for node in nodes if node != EVERYTHING]
        if not said:
            return EVERYTHING
        return said[0] if len(said) == 1 else Or(tuple(said))

    def _all_of(self, depth: int) -> Node:
        nodes: list[Node] = []
        while self.position < len(self._tokens):
            token = self._tokens[self.position]
            if token.kind in ("or", "close"):
                break
            self.position += 1
            if token.kind == "open":
                nodes.append(self._group(token, depth))
            elif token.node is not None:
                nodes.append(token.node)
        said = [node for node in nodes if node != EVERYTHING]
        return said[0] if len(said) == 1 else And(tuple(said))

    def _group(self, token: _Token, depth: int) -> Node:
        inner = self.any_of(depth + 1)
        if not self._take("close"):
            raise SearchError("The search opens a parenthesis that it never closes.", token.at)
        return Not(inner) if token.is_negative else inner

    def _take(self, kind: str) -> bool:
        if self.position < len(self._tokens) and self._tokens[self.position].kind == kind:
            self.position += 1
            return True
        return False
