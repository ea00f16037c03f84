"""When what the services run on was last released: what nobody looks after any more is told. Pure.

`releases.tsv` has the month of the newest release of each, as a package list of its date said it; whoever adds a
dependency looks it up and adds a line.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

MOST_YEARS = 3
INACTIVE = "Development Status :: 7 - Inactive"


def read_releases(text: str) -> dict[str, datetime.date]:
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: datetime.date.fromisoformat(f"{month}-01") for name, month in rows}


def faults(names: Iterable[str], released: Mapping[str, datetime.date], today: datetime.date) -> list[str]:
    found = []
    for name in names:
        if name not in released:
            found.append(f"{name}: releases.tsv does not say when it was last released")
        elif (today - released[name]).days > MOST_YEARS * 365:
            found.append(f"{name}: its last release is of {released[name]:%Y-%m}, more than {MOST_YEARS} years ago")
    return found
