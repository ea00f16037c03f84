"""Eight threads are the first to read a record of a kind, of 200 kinds one after the other: what crashes ends it."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import ModuleType
from typing import Any

from services.export.record_folder import RecordFolder

THREADS, KINDS, RECORD_ID = 8, 200, 32 * "a"
KIND = """
from __future__ import annotations
import msgspec
class Inner(msgspec.Struct):
    numbers: dict[str, int] = {}
class Kind(msgspec.Struct):
    id: str
    created_at: float
    inner: Inner | None = None
    rest: list[str] = []
"""
RECORD = f'{{"id": "{RECORD_ID}", "created_at": 1, "inner": {{"numbers": {{}}}}, "rest": []}}'


def new_kind(number: int) -> Any:
    module = sys.modules[f"kind_{number}"] = ModuleType(f"kind_{number}")
    exec(KIND, module.__dict__)
    return module.Kind


def main() -> None:
    sys.setswitchinterval(1e-6)
    together = Barrier(THREADS)

    def read(folder: RecordFolder[Any]) -> None:
        together.wait()
        for _ in range(20):
            assert folder.one(RECORD_ID)

    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(THREADS) as pool:
        Path(name, f"{RECORD_ID}.json").write_text(RECORD)
        for number in range(KINDS):
            list(pool.map(read, THREADS * [RecordFolder(Path(name), new_kind(number))]))


if __name__ == "__main__":
    main()
