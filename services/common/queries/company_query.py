"""What a search of companies means in ClickHouse. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.caller import author_id, my_id, sees_others
from services.common.company_fields import COMPANY_FIELDS, NAME
from services.common.contact_fields import Field
from services.common.queries.contact_query import ALIAS
from services.common.queries.search import SearchError, Term, parse_search
from services.common.queries.search_sql import RowSearch

COMPANIES = "(SELECT toUInt64OrZero(id) AS number, version, data FROM records FINAL WHERE kind = 'company')"
_COMMANDS = frozenset({"is", "ids", "name"})
_TEXT = ("companyname", "companyemail", "companyphone", "companywebsite", "companycity", "companystate",
         "companycountry", "companyindustry")  # fmt: skip


class FoundCompanies(NamedTuple):
    """A condition on rows of `COMPANIES`."""

    condition: str
    parameters: dict[str, Any]


def compile_company_search(text: str, fields: Mapping[str, Field] = COMPANY_FIELDS) -> FoundCompanies:
    """Of those that the caller may see; `fields` are those that there are. Raises `SearchError`."""
    search = _Search(fields)
    condition = search.condition(parse_search(text, _COMMANDS | fields.keys()))
    return FoundCompanies(condition if sees_others() else f"{condition} AND {_own()}", search.parameters)


def company_field_sql(field: Field) -> str:
    """The text of a field of the table, by an alias from there: it becomes part of the statement."""
    assert ALIAS.fullmatch(field.alias)
    kind = "Raw" if field.type in ("number", "boolean") else "String"
    return f"JSONExtract{kind}(data, 'fields', '{field.alias}', 1)"


def _own() -> str:
    """Whether a company is the caller's."""
    mine = int(author_id())
    owner, creator = "JSONExtractUInt(data, 'owner_id')", "JSONExtractUInt(data, 'created_by_id')"
    return f"({owner} = {mine} OR ({owner} = 0 AND {creator} = {mine}))" if mine else "0"


class _Search(RowSearch):
    def __init__(self, registry: Mapping[str, Field]) -> None:
        super().__init__()
        self._registry = registry

    def term(self, term: Term) -> str:
        match term.command:
            case "":
                return "(" + " OR ".join(self._contains(alias, term) for alias in _TEXT) + ")"
            case "is":
                return _is(term)
            case "ids":
                return f"number IN {self.bind(self.ids(term), 'Array(UInt64)')}"
        field = self._registry[NAME if term.command == "name" else term.command]
        return (
            self.flag(company_field_sql(field), term)
            if field.type == "boolean"
            else self.like(company_field_sql(field), term)
        )

    def _contains(self, alias: str, term: Term) -> str:
        return self.like(company_field_sql(self._registry[alias]), term, contains=True)


def _is(term: Term) -> str:
    match term.value.lower():
        case "mine":
            return f"JSONExtractUInt(data, 'owner_id') = {my_id()}"
        case "unowned":
            return "JSONExtractUInt(data, 'owner_id') = 0"
        case "published":
            return "1"
        case "unpublished":
            return "0"
    raise SearchError(f"Searching by is:{term.value[:40]} is not available.", term.at)
