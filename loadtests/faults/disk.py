"""Disks that are full: of ingest's spill, of Redis' file, of ClickHouse. Each is a small one, mounted for that."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests.faults.fault import Fault, Lengths
from loadtests.faults.stage import Stage

FAMILY = "disk"
SPILL_MB = 1  # full in 3 s
ROOM_MB = 64  # beside what is there
LEFT_BYTES = 256 << 10  # so that it is hits that fill it up
BALLAST = "ballast"


def _fill_spill(stage: Stage, seconds: float) -> str:
    """Redis is cut off, and the disk of what waits for it fills up: from there on it is 503."""
    folder = stage.mount("spill", SPILL_MB)
    with stage.serving_with("ingest", SPOOR_SPILL_DIR=str(folder)):
        stage.redis_proxy.cut()
        time.sleep(seconds)
        kept = sum(path.stat().st_size for path in folder.glob("*.hits"))
        stage.redis_proxy.mend()
        stage.is_over()
        stage.wait_until(stage.has_nothing_spilled, "what was spilled is given to Redis")
    stage.unmount(folder)
    return f"{kept / 1e6:.1f} MB spilled, then 503"


def _fill_redis_disk(stage: Stage, seconds: float) -> str:
    """With `always` Redis ends itself when its file cannot grow; a supervisor tries to start it until it can."""
    with _on_small_disk(stage, "valkey") as folder:
        _fill(folder)
        time.sleep(seconds)
        has_ended = not stage.is_running("valkey")
        _free(folder)
        if has_ended:
            stage.kill("valkey")
            stage.start_valkey()
        stage.is_over()
        stage.wait_until_ready()
    return "it ended itself" if has_ended else "it refused writes"


def _fill_clickhouse_disk(stage: Stage, seconds: float) -> str:
    with _on_small_disk(stage, "clickhouse") as folder:
        _fill(folder)
        time.sleep(seconds)
        _free(folder)
        stage.is_over()
        stage.wait_until_ready()
    return ""


@contextmanager
def _on_small_disk(stage: Stage, name: str) -> Iterator[Path]:
    """This server with its files on a disk that has little room, and where they were at the end."""
    folder, usual = stage.folder / name, stage.folder / f"{name}-usual"
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    small = stage.mount(f"{name}-small", (used >> 20) + ROOM_MB)
    _move(stage, name, folder, usual, small)
    yield small
    stage.stop(name)
    folder.unlink()
    shutil.rmtree(usual)
    shutil.copytree(small, folder, symlinks=True)
    stage.start_again(name)
    stage.unmount(small)


def _move(stage: Stage, name: str, folder: Path, usual: Path, small: Path) -> None:
    stage.stop(name)
    folder.rename(usual)
    shutil.copytree(usual, small, symlinks=True, dirs_exist_ok=True)
    folder.symlink_to(small)
    stage.start_again(name)


def _fill(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    with (folder / BALLAST).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - LEFT_BYTES)


def _free(folder: Path) -> None:
    (folder / BALLAST).unlink()


FAULTS = (
    Fault(FAMILY, "the spill's disk is full", _fill_spill, Lengths(5, 8, 60)),
    Fault(FAMILY, "Redis' disk is full", _fill_redis_disk, Lengths(3, 8, 60)),
    Fault(FAMILY, "ClickHouse's disk is full", _fill_clickhouse_disk, Lengths(5, 10, 120)),
)
