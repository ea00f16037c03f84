"""Which part of a list is asked for, in which order, and the addresses of what is beside it. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request

from services.contacts.ui.keeping.kept import Kept
from services.contacts.ui.paging import Paging, read_paging


class Listing(NamedTuple):
    path: str
    search: str
    order: str
    direction: str
    start: int
    size: int

    def query(self) -> dict[str, Any]:
        """As the API takes it."""
        said = {"search": self.search, "orderBy": self.order, "orderByDir": self.order and self.direction}
        return {"start": self.start, "limit": self.size, **{name: value for name, value in said.items() if value}}

    def address(self, **changed: Any) -> str:
        said = {"search": self.search, "order": self.order, "direction": self.direction, **changed}
        kept = {name: value for name, value in said.items() if value and (name, value) != ("direction", "ASC")}
        return f"{self.path}?{urlencode(kept)}" if kept else self.path

    def ordered(self, order: str) -> str:
        """Where a heading leads: its order, or the other way round."""
        is_again = order == self.order and self.direction == "ASC"
        return self.address(order=order, direction="DESC" if is_again else "ASC")

    def paging(self, total: int) -> Paging:
        back = self.address(start=max(self.start - self.size, 0)) if self.start else ""
        more = self.address(start=self.start + self.size) if self.start + self.size < total else ""
        return Paging(self.start, total, self.search, back, more)


def read_listing(request: Request, kept: Kept) -> Listing:
    """Whatever an address says, a list can be shown."""
    asked, order = read_paging(request), request.query_params.get("order", "")
    is_known = order in {column.order for column in kept.columns}
    direction = "DESC" if request.query_params.get("direction", "").upper() == "DESC" else "ASC"
    return Listing(
        asked.path, asked.search, order if is_known and order else kept.order, direction, asked.start, kept.size
    )
