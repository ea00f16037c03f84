"""From a tree of terms to a condition in ClickHouse: what the searches of all lists have in common. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from services.common.field_values import read_boolean
from services.common.queries.search import And, Node, Not, Or, SearchError, Term

MAX_IDS = 1_000


def like_pattern(value: str, *, contains: bool = False) -> str:
    """A LIKE pattern in which only % is special: as given if it has one, else begins with, or contains."""
    escaped = value.replace("\\", "\\\\").replace("_", "\\_")
    if "%" in value:
        return escaped
    return f"%{escaped}%" if contains else f"{escaped}%"


def exact_pattern(value: str) -> str:
    """A LIKE pattern in which nothing is special."""
    return value.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


class SearchValues:
    """Values travel as parameters, never as text of the statement."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def bind(self, value: Any, kind: str = "String") -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def like(self, sql: str, term: Term, *, contains: bool = False) -> str:
        """Whatever the case. Some builds of the engine have no lowerUTF8, ILIKE is in all."""
        pattern = exact_pattern(term.value) if term.is_strict else like_pattern(term.value, contains=contains)
        return f"{sql} ILIKE {self.bind(pattern)}"

    def flag(self, sql: str, term: Term) -> str:
        """Of yes and no, in any of their words."""
        try:
            return f"{sql} = '{read_boolean(term.value)}'"
        except ValueError:
            return self.like(sql, term)

    def ids(self, term: Term) -> list[int]:
        """Of `ids:1,2`. Raises `SearchError`: whoever asks for all but some would else get these, too."""
        said = [word for one in term.value.split(",") if (word := one.strip())]
        if wrong := next((one for one in said if not (one.isascii() and one.isdigit() and len(one) < 17)), ""):
            raise SearchError(f"{wrong[:40]} is no id.", term.at)
        if not said:
            raise SearchError("Nothing stands behind ids:.", term.at)
        if len(said) > MAX_IDS:
            raise SearchError(f"ids: takes at most {MAX_IDS} ids.", term.at)
        return [int(one) for one in said]


class RowSearch(SearchValues, ABC):
    """A search of rows of one kind."""

    @abstractmethod
    def term(self, term: Term) -> str:
        """The condition of one term. Raises `SearchError`."""

    def condition(self, node: Node) -> str:
        match node:
            case Term():
                return self.term(node)
            case Not(inner):
                return f"NOT ({self.condition(inner)})"
            case And(nodes):
                return "(" + " AND ".join([self.condition(one) for one in nodes] or ["1"]) + ")"
            case Or(nodes):
                return "(" + " OR ".join(self.condition(one) for one in nodes) + ")"
