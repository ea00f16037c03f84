"""The list of fields: which of them a request asks for. There are few, so they are looked through here. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.common.envelope import text_of
from services.common.php_query import Node
from services.common.queries.search import And, Not, Or, SearchError, Term, parse_search
from services.common.queries.search import Node as SearchNode
from services.contacts.list_parameters import MAX_LIMIT, read_page, read_shape, wants_published
from services.contacts.objects import Json

COMMANDS = frozenset({"is", "ids", "name", "alias", "type", "group"})


class FieldPage(NamedTuple):
    total: int
    fields: list[Json]


def field_page(fields: Sequence[Json], query: Mapping[str, Node]) -> FieldPage:
    """Of all fields as they are shown, in their order. All are on one page unless `limit` says how many.

    Raises `ApiError` 400, `SearchError`.
    """
    wanted, shape = parse_search(text_of(query, "search"), COMMANDS), read_shape(query)
    page = read_page({"limit": str(MAX_LIMIT), **{name: said for name, said in query.items() if said}})
    only_published = wants_published(query)
    found = [one for one in fields if _holds(wanted, one) and (one["isPublished"] or not only_published)]
    return FieldPage(len(found), [shape.of(one) for one in found[page.start : page.start + page.limit]])


def _holds(node: SearchNode, field: Json) -> bool:
    match node:
        case Not(inner):
            return not _holds(inner, field)
        case And(nodes):
            return all(_holds(one, field) for one in nodes)
        case Or(nodes):
            return any(_holds(one, field) for one in nodes)
        case Term():
            return _is_meant(node, field)


def _is_meant(term: Term, field: Json) -> bool:
    said = term.value.casefold()
    match term.command:
        case "is":
            return _is(term, field)
        case "ids":
            return str(field["id"]) in [one.strip() for one in said.split(",")]
        case "":
            return said in f"{field['alias']} {field['label']}".casefold()
    value = str(field["label" if term.command == "name" else term.command]).casefold()
    return value == said if term.is_strict else value.startswith(said)


def _is(term: Term, field: Json) -> bool:
    match term.value.lower():
        case "published" | "unpublished":
            return bool(field["isPublished"]) == (term.value.lower() == "published")
        case "unique":
            return bool(field["isUniqueIdentifier"])
        case "indexed":
            return True  # every field can be searched and sorted by alike
    raise SearchError(f"Searching by is:{term.value[:40]} is not available.", term.at)
