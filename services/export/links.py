"""Links to files of exports, as mails have them: signed, and good for one user only."""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeSerializer

from services.export.jobs.job import Job


class Links:
    def __init__(self, secrets: tuple[str, ...], url: str) -> None:
        """`url`: under which users reach this service. Older secrets follow the first."""
        self._signer = URLSafeSerializer(list(reversed(secrets)), salt="export-link")
        self._url = url

    def link(self, job: Job) -> str:
        return f"{self._url}/exports/{job.id}/download?link={self._signer.dumps([job.id, job.user_id])}"

    def is_of(self, said: str, job: Job, user_id: int) -> bool:
        """Whether this is the link of the job, and its user is the one who comes with it."""
        try:
            return bool(self._signer.loads(said) == [job.id, user_id] and user_id == job.user_id)
        except BadSignature:
            return False
