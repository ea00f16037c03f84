"""What a lock file says, and what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from packaging.markers import Marker
from packaging.version import Version

_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


class Locked(NamedTuple):
    name: str
    version: str
    marker: str  # where it is needed; '' is everywhere
    hashes: int

    @property
    def is_needed_here(self) -> bool:
        return not self.marker or Marker(self.marker).evaluate()


def read_lock(text: str) -> list[Locked]:
    """Raises `ValueError` for a line that is neither a version, a hash nor a comment."""
    found: list[Locked] = []
    for line in text.splitlines():
        said = line.strip()
        if match := _LOCKED.match(said):
            found.append(Locked(plain_name(match[1]), match[2], (match[3] or "").strip(), 0))
        elif said.startswith("--hash") and _HASH.search(said) and found:
            found[-1] = found[-1]._replace(hashes=found[-1].hashes + 1)
        elif said and not said.startswith("#"):
            raise ValueError(f"not understood: {said[:80]}")
    return found


def wanted_names(text: str) -> list[str]:
    """Of an `.in` file."""
    matches = (_NAME.match(line.strip()) for line in text.splitlines() if not line.startswith(("-", "#")))
    return [plain_name(match[0]) for match in matches if match]


def plain_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def faults(locked: Sequence[Locked], wanted: Iterable[str]) -> list[str]:
    names = {one.name for one in locked}
    return [
        *(f"{name}: is wanted and not locked" for name in wanted if name not in names),
        *(f"{one.name} {one.version}: has no hash" for one in locked if not one.hashes),
        *(f"{one.name} {one.version}: is a pre-release" for one in locked if Version(one.version).is_prerelease),
    ]
