"""Which part of a list a page shows, and the addresses of the parts beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request

SIZE = 30


class Asked(NamedTuple):
    start: int
    search: str
    path: str

    def query(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"start": self.start, "limit": SIZE, **({"search": self.search} if self.search else {})}


class Paging(NamedTuple):
    start: int
    total: int
    search: str
    back: str  # an address, '' where there is none
    next: str

    @classmethod
    def of(cls, asked: Asked, total: int) -> Paging:
        def address(start: int) -> str:
            said: Mapping[str, Any] = {"search": asked.search, "start": start}
            return f"{asked.path}?{urlencode({name: value for name, value in said.items() if value})}"

        back = address(max(asked.start - SIZE, 0)) if asked.start else ""
        return cls(
            asked.start, total, asked.search, back, address(asked.start + SIZE) if asked.start + SIZE < total else ""
        )


def read_paging(request: Request) -> Asked:
    start = request.query_params.get("start", "")
    is_number = start.isascii() and start.isdecimal() and len(start) < 10
    return Asked(int(start) if is_number else 0, request.query_params.get("search", "").strip(), request.url.path)
