"""What a search of tags means in ClickHouse: of rows of names, for a tag is known by its name. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.common.queries.search import SearchError, Term, parse_search
from services.common.queries.search_sql import RowSearch

_COMMANDS = frozenset({"is", "ids", "name", "tag"})


def asks_by_id(text: str) -> bool:
    return "ids:" in text.casefold()


def compile_tag_search(text: str, names: Mapping[int, Sequence[str]]) -> tuple[str, dict[str, Any]]:
    """A condition on the column `tag`, with its parameters. `names` by their numbers, of which no table knows, where
    the search asks by these. Raises `SearchError`."""
    search = _Search(names)
    return search.condition(parse_search(text, _COMMANDS)), search.parameters


class _Search(RowSearch):
    def __init__(self, names: Mapping[int, Sequence[str]]) -> None:
        super().__init__()
        self._names = names

    def term(self, term: Term) -> str:
        match term.command:
            case "":
                return self.like("tag", term, contains=True)
            case "name" | "tag":
                return self.like("tag", term)
            case "ids":
                named = [name for one in self.ids(term) for name in self._names.get(one, ())]
                return f"tag IN {self.bind(named, 'Array(String)')}"
        if term.value.lower() in ("published", "unpublished"):
            return "1" if term.value.lower() == "published" else "0"
        raise SearchError(f"Searching by is:{term.value[:40]} is not available.", term.at)
