"""One statement that an export streams. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple


class Statement(NamedTuple):
    """`rows` has the cells in the order of the columns, and is None where nothing can match; `total` how many there
    are."""

    rows: str | None
    total: str | None
    parameters: dict[str, Any]


class UnknownColumnError(ValueError):
    """A column that there is not."""
