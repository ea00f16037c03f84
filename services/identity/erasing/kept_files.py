"""Files that may hold anybody: exports, and what ingest's spill put away. All are removed: none says of whom it is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from services.common.settings import Settings

_RECORDS = frozenset({".json", ".lock"})


class Files(NamedTuple):
    exports: list[Path]
    torn_spills: list[Path]


def find(settings: Settings) -> Files:
    """What exports were asked for stays, so that they can be made again. One that is being written is begun again when
    its file is gone: it may hold what was read before."""
    exports = Path(settings.data_dir) / "exports"
    # Half files first: one that becomes whole in between is found under its new name.
    names = (*exports.glob("*.part"), *exports.glob("*"))
    found = [path for path in dict.fromkeys(names) if path.suffix not in _RECORDS and path.is_file()]
    return Files(found, sorted(Path(settings.spill_dir).glob("*.torn")) if settings.spill_dir else [])


def remove(files: Files) -> None:
    """Raises `OSError` where they are not ours to remove."""
    for path in (*files.exports, *files.torn_spills):
        path.unlink(missing_ok=True)
