"""The jobs on disk: beside the record of each is its file, when that is whole."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import IO

from services.export.jobs.job import Job
from services.export.record_folder import FOLDER_LOCK, RecordFolder

OLD_SECONDS = 3_600.0


class JobFolder(RecordFolder[Job]):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Job)

    def open(self) -> None:
        """Removes what nobody asked for, or nobody finished: what is young may be another process's."""
        self.make()
        known, old = {job.id for job in self.all()}, time.time() - OLD_SECONDS
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                is_known = path.name == FOLDER_LOCK or path.name.partition(".")[0] in known
                if not is_known and path.is_file() and path.stat().st_mtime < old:
                    path.unlink()

    def file(self, job: Job) -> Path:
        return self.folder / job.file_name

    def part(self, job: Job) -> Path:
        return self.folder / f"{job.id}.part"

    def publish(self, job: Job) -> None:
        """Its file is whole from now on."""
        os.replace(self.part(job), self.file(job))
        self._sync()

    def taken(self, job: Job) -> IO[bytes]:
        """Its file, open, and no longer in the folder. Servers that are told a path read it later than that."""
        file = self.file(job).open("rb")
        self.remove(job)
        return file

    def remove(self, job: Job) -> None:
        super().remove(job)
        for path in (self.part(job), self.file(job)):
            path.unlink(missing_ok=True)
