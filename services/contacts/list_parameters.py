"""What every list understands: pages, orders, and how much of an object is shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from services.common.envelope import text_of, whole_number
from services.common.operation import Parameter
from services.common.php_query import Node, as_list
from services.common.queries.comparisons import Columns
from services.common.queries.query_error import QueryError
from services.contacts.objects import Json

DEFAULT_LIMIT = 30
MAX_LIMIT = 1_000  # also what limit=0 ("all") gives
MAX_START = 10_000_000
MAX_ORDERS = 10
_TRUE = frozenset({"1", "true", "yes", "on"})
_PUBLISHING = ("isPublished", "dateAdded", "dateModified", "createdBy", "createdByUser", "modifiedBy",
               "modifiedByUser")  # fmt: skip


PAGE = (
    Parameter("start", "How many to skip", Annotated[int, Meta(ge=0, le=MAX_START)], 0),
    Parameter("limit", "At most so many: 30 unless said, 0 or empty for as many as are allowed (1,000)",
              Annotated[int, Meta(ge=0, le=1_000_000_000)], 30),
)  # fmt: skip
SHAPE = (
    Parameter("select[]", "Only these properties, and no nulls", list[str], ["id", "fields"]),
    Parameter("minimal", "1: a few properties", example="1"),
)
ORDER = (
    Parameter("orderBy", "A column, or several with commas between them", example="date_added"),
    Parameter("orderByDir", "ASC or DESC", example="DESC"),
    Parameter("order[0][col]", "Several orders: a column"),
    Parameter("order[0][dir]", "ASC or DESC"),
)
WHERE = (
    Parameter("where[0][col]", "Conditions, all of which must hold: a column", example="city"),
    Parameter("where[0][expr]", "eq neq lt lte gt gte like notLike in notIn between notBetween isNull isNotNull "
              "isEmpty isNotEmpty; andX and orX group what is in val", example="eq"),
    Parameter("where[0][val]", "A value; a list, or one with commas, for in and between", example="London"),
)  # fmt: skip
PUBLISHED = Parameter("published", "1: only what is published; also publishedOnly")
SEARCHED = Parameter("search", "Words and conditions, see Search", example="ada")
LISTED = (SEARCHED, *PAGE, *ORDER, *WHERE, *SHAPE, PUBLISHED)


class Order(NamedTuple):
    column: str
    is_descending: bool

    def word(self) -> str:
        return "DESC" if self.is_descending else "ASC"


class Shape(NamedTuple):
    """How much of an object is shown: all, these properties without nulls, or what a short list has."""

    selected: frozenset[str] = frozenset()
    is_minimal: bool = False

    def of(self, shown: Json, minimal: tuple[str, ...] = ()) -> Json:
        """`minimal`: the properties of a short list; without them all but who made it when. Raises `QueryError` when
        one is selected that there is not; one may also be said in snake_case."""
        selected = {name if name in shown else _camel(name) for name in self.selected}
        if unknown := sorted(selected - shown.keys()):
            raise QueryError(
                f"There is no {', '.join(unknown)[:200]} to select; there are {', '.join(shown)}.", "select"
            )
        if self.is_minimal and minimal:
            shown = {name: value for name, value in shown.items() if name in minimal}
        elif self.is_minimal:
            shown = {name: value for name, value in shown.items() if name not in _PUBLISHING}
        if selected:
            shown = _without_nulls({name: value for name, value in shown.items() if name in selected})
        return shown


class Page(NamedTuple):
    start: int
    limit: int


def read_page(query: Mapping[str, Node]) -> Page:
    """From `start` and `limit`; an empty limit is all, as 0 is. Raises `ApiError` 400."""
    limit = whole_number(query, "limit", 0 if "limit" in query else DEFAULT_LIMIT, most=1_000_000_000)
    return Page(whole_number(query, "start", 0, most=MAX_START), min(limit or MAX_LIMIT, MAX_LIMIT))


def read_orders(query: Mapping[str, Node], columns: Columns) -> tuple[Order, ...]:
    """`order[i][col|dir]` in their order, then the comma list `orderBy`, by `id` when neither is given; the id always
    decides last. Raises `ApiError` 400, `QueryError`."""
    orders = [*_listed(query.get("order"), columns), *_flat(query, columns)]
    if len(orders) > MAX_ORDERS:
        raise QueryError(f"The list is ordered by more than {MAX_ORDERS} columns.", "order")
    is_descending = orders[0].is_descending if orders else _is_descending(text_of(query, "orderByDir"), "orderByDir")
    orders.append(Order("id", is_descending))
    first = {order.column: order for order in reversed(orders)}  # a column that was said twice counts once
    return tuple(order for order in dict.fromkeys(orders) if first[order.column] == order)


def read_shape(query: Mapping[str, Node]) -> Shape:
    """From `select[]` and `minimal`. Raises `ApiError` 400."""
    return Shape(frozenset(as_list(query.get("select"))) - {""}, is_set(query, "minimal"))


def wants_published(query: Mapping[str, Node]) -> bool:
    """Under either of its names. Raises `ApiError` 400."""
    return is_set(query, "published") or is_set(query, "publishedOnly")


def is_set(query: Mapping[str, Node], name: str) -> bool:
    return text_of(query, name).strip().lower() in _TRUE


def _listed(node: Node | None, columns: Columns) -> list[Order]:
    if node is None or node == "":
        return []
    if isinstance(node, str):
        raise QueryError("order must be a list of col and dir.", "order")
    items = node.items() if isinstance(node, dict) else enumerate(node)
    return [_listed_one(item, columns, f"order[{key}]") for key, item in items]


def _listed_one(item: Node, columns: Columns, place: str) -> Order:
    said = (item.get("col", item.get("column")), item.get("dir", "")) if isinstance(item, dict) else (None, "")
    if not isinstance(said[0], str) or not said[0].strip():
        raise QueryError(f"{place} has no col.", f"{place}[col]")
    if not isinstance(said[1], str):
        raise QueryError(f"{place}[dir] must be ASC or DESC.", f"{place}[dir]")
    return Order(columns.find(said[0].strip(), f"{place}[col]"), _is_descending(said[1], f"{place}[dir]"))


def _flat(query: Mapping[str, Node], columns: Columns) -> list[Order]:
    names = [name.strip() for name in text_of(query, "orderBy").split(",") if name.strip()]
    is_descending = _is_descending(text_of(query, "orderByDir"), "orderByDir")
    return [Order(columns.find(name, "orderBy"), is_descending) for name in names]


def _is_descending(said: str, place: str) -> bool:
    direction = said.strip().upper() or "ASC"
    if direction not in ("ASC", "DESC"):
        raise QueryError(f"{place} must be ASC or DESC.", place)
    return direction == "DESC"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
