"""Jobs on disk: who works on one, what is left of one that was removed, what a wish may be."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.common.envelope import ApiError
from services.export.jobs.folder import JobFolder
from services.export.jobs.job import Job, Status, new_id
from services.export.jobs.wish import Format, Header, Of, Packing, Wish, read_wish
from services.export.record_folder import FOLDER_LOCK
from tests.processes import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path / "exports")
    folder.open()
    return folder


def test_what_nobody_asked_for_is_removed_at_a_start(folder: JobFolder) -> None:
    job = Job(new_id(), Wish(), 1.0, status=Status.DONE)
    folder.add(job)
    folder.file(job).write_bytes(b"id\n")
    for name in ("stranger.json", f"{new_id()}.csv", f"{new_id()}.part", f"{new_id()}.lock", FOLDER_LOCK):
        (folder.folder / name).write_bytes(b"{")
    hour_ago = time.time() - 3_700
    for path in folder.folder.iterdir():
        os.utime(path, (hour_ago, hour_ago))
    (folder.folder / f"{new_id()}.part").write_bytes(b"of another process")
    folder.open()
    left = {path.suffix: path.read_bytes() for path in folder.folder.iterdir()}
    assert left.keys() == {".csv", ".json", ".part", ".lock"} and (folder.folder / FOLDER_LOCK).exists()
    assert len(list(folder.folder.iterdir())) == 4 and left[".part"] == b"of another process"


def test_one_works_on_a_job_until_it_lets_go(folder: JobFolder) -> None:
    job = Job(new_id(), Wish(), 1.0)
    folder.add(job)
    other = JobFolder(folder.folder)
    with folder.claimed(job) as is_mine:
        assert is_mine
        with other.claimed(job) as is_theirs:
            assert not is_theirs
    with other.claimed(job) as is_theirs:
        assert is_theirs


def test_a_job_that_was_removed_does_not_come_back(folder: JobFolder) -> None:
    job = Job(new_id(), Wish(format=Format.NDJSON, packing=Packing.GZIP), 1.0)
    folder.add(job)
    folder.part(job).write_bytes(b"{")
    folder.remove(job)
    assert not folder.save(job) and [path.name for path in folder.folder.iterdir()] == [FOLDER_LOCK]
    assert job.file_name == f"{job.id}.ndjson.gz"


def test_a_job_that_is_removed_while_it_is_saved_does_not_come_back(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(new_id(), Wish(), 1.0)
    folder.add(job)
    monkeypatch.setattr(os, "fsync", lambda _: folder.remove(job))
    assert not folder.save(job) and folder.all() == []
    assert [path.name for path in folder.folder.iterdir()] == [FOLDER_LOCK]


def test_threads_that_save_one_job_at_once_do_not_take_each_others_file(folder: JobFolder) -> None:
    job = Job(new_id(), Wish(), 1.0)
    folder.add(job)
    with ThreadPoolExecutor(4) as threads:
        saved = list(threads.map(lambda _: folder.save(job, is_lasting=False), range(400)))
    assert all(saved) and folder.all() == [job]


def test_threads_that_read_the_first_record_of_a_kind_at_once_do_not_crash() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.unit.export.first_reads"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_a_wish_says_what_it_is() -> None:
    said = {"search": "ada", "columns": "id, email,id", "format": "ndjson", "packing": "zip", "header": "labels"}
    assert read_wish(said) == Wish(Of.CONTACTS, "ada", ["id", "email"], Format.NDJSON, Packing.ZIP, Header.LABELS)
    assert read_wish({}) == Wish()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"search": 7}, "search"),
        ({"columns": 7}, "columns"),
        ({"columns": [7]}, "columns"),
        ({"columns": [str(number) for number in range(601)]}, "columns"),
        ({"format": "pdf"}, "format"),
        ({"format": []}, "format"),
        ({"packing": "rar"}, "packing"),
        ({"format": "xlsx", "packing": "zip"}, "packing"),
        ({"header": "x"}, "header"),
        ({"colour": "red"}, "colour"),
        ({"of": "people"}, "of"),
        ({"notify": "yes"}, "notify"),
        ({"since": "2026-01-01"}, "since"),
        ({"of": "events", "until": "whenever"}, "until"),
        ({"id": 7}, "id"),
        ({"of": "person"}, "id"),
        ({"of": "person", "id": "x"}, "id"),
        ({"of": "person", "id": 7, "search": "ada"}, "search"),
        ({"of": "person", "id": 7, "format": "xlsx"}, "format"),
        ({"to": "ftp"}, "to"),
        ({"to": "s3", "format": "xlsx"}, "format"),
        ({"to": "s3", "packing": "zip"}, "packing"),
        ({"to": "s3", "of": "person", "id": 7}, "of"),
        ({"to": "s3", "notify": True}, "notify"),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused_by_its_name(body: dict[str, Any], name: str) -> None:
    with pytest.raises(ApiError) as error:
        read_wish(body)
    assert error.value.status == 400 and error.value.details is not None and set(error.value.details) == {name}
