"""Disks that are full: of ingest's spill, of Redis' file, of ClickHouse. Each is a small one, mounted for that."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from loadtests.faults.fault import Fault, Lengths
from loadtests.faults.stage import Stage

FAMILY = "disk"
SPILL_MB = 1  # full in 3 s
ROOM_MB = 64  # beside what is there
LEFT_BYTES = 256 << 10  # so that it is hits that fill it up
BALLAST = "ballast"


@contextmanager
def _small_spill(stage: Stage) -> Iterator[None]:
    folder = stage.mount("spill", SPILL_MB)
    with stage.serving_with("ingest", SPOOR_SPILL_DIR=str(folder)):
        yield
    stage.unmount(folder)


def _fill_spill(stage: Stage, seconds: float) -> str:
    """Redis is cut off, and the disk of what waits for it fills up: from there on it is 503."""
    stage.redis_proxy.cut()
    time.sleep(seconds)
    kept = sum(path.stat().st_size for path in stage.spill_folder.glob("*.hits"))
    stage.redis_proxy.mend()
    return f"{kept / 1e6:.1f} MB spilled, then 503"


def _fill_redis_disk(stage: Stage, seconds: float) -> str:
    """With `always` Redis ends itself when its file cannot grow."""
    _fill(_small_disk(stage, "valkey"))
    time.sleep(seconds)
    _free(_small_disk(stage, "valkey"))
    stage.mark_over()
    if stage.is_running("valkey"):
        return "it refused writes"
    stage.kill("valkey")
    stage.start_valkey()
    return "it ended itself, and was started again"


def _fill_clickhouse_disk(stage: Stage, seconds: float) -> str:
    _fill(_small_disk(stage, "clickhouse"))
    time.sleep(seconds)
    _free(_small_disk(stage, "clickhouse"))
    return ""


@contextmanager
def _on_small_disk(name: str, stage: Stage) -> Iterator[None]:
    """This server with its files on a disk that has little room, and where they were at the end."""
    folder, usual = stage.folder / name, stage.folder / f"{name}-usual"
    small = stage.mount(_small_disk(stage, name).name, _megabytes(folder) + ROOM_MB)
    stage.stop(name)
    folder.rename(usual)
    shutil.copytree(usual, small, symlinks=True, dirs_exist_ok=True)
    folder.symlink_to(small)
    stage.start_again(name)
    stage.wait_until_ready()
    yield
    stage.stop(name)
    folder.unlink()
    shutil.rmtree(usual)
    shutil.copytree(small, folder, symlinks=True)
    stage.unmount(small)
    stage.start_again(name)


def _small_disk(stage: Stage, name: str) -> Path:
    return stage.folder / f"{name}-small"


def _megabytes(folder: Path) -> int:
    """Of a server that is at work: files come and go meanwhile."""
    done = subprocess.run(["du", "-sm", str(folder)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0])


def _fill(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    with (folder / BALLAST).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - LEFT_BYTES)


def _free(folder: Path) -> None:
    (folder / BALLAST).unlink()


FAULTS = (
    Fault(FAMILY, "the spill's disk is full", _fill_spill, Lengths(5, 8, 60), setting=_small_spill),
    Fault(
        FAMILY, "Redis' disk is full", _fill_redis_disk, Lengths(3, 8, 60), setting=partial(_on_small_disk, "valkey")
    ),
    Fault(
        FAMILY,
        "ClickHouse's disk is full",
        _fill_clickhouse_disk,
        Lengths(5, 10, 120),
        setting=partial(_on_small_disk, "clickhouse"),
    ),
)
