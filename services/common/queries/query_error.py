"""What is wrong with a query, and where in it: the 400 that names its parameter. Pure."""

from __future__ import annotations


class QueryError(ValueError):
    """A query that cannot be answered. The message says why; `place` names the parameter."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place

    def details(self) -> dict[str, list[str]]:
        return {self.place: [str(self)]} if self.place else {}
