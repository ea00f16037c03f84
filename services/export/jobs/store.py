"""An S3-compatible store, to which ClickHouse itself writes the file of a job."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from services.common.clickhouse import ClickHouseError
from services.common.envelope import ApiError
from services.common.settings import Settings
from services.export.files.row_stream import BrokenOffError, GoOn
from services.export.jobs.job import Job
from services.export.jobs.wish import Format
from services.export.queries.statement import Statement

LOOK_SECONDS = 0.5  # between two looks at how far it is
_FORMATS = {Format.CSV: "CSVWithNames", Format.NDJSON: "JSONEachRow", Format.PARQUET: "Parquet"}
_SETTINGS = {
    "s3_truncate_on_insert": 1,  # a job that is begun again has the same object; its key need not be allowed to read
    "s3_retry_attempts": 5,  # of 500, which last for hours
    "s3_connect_timeout_ms": 5_000,
    # ClickHouse holds little at once, and can be stopped while it sends: a step that is begun is written whole.
    "s3_max_inflight_parts_for_one_file": 2,  # of 16 MB
    "max_block_size": 16_384,  # rows
    "min_insert_block_size_rows": 16_384,
    "min_insert_block_size_bytes": 8 << 20,
    "output_format_parquet_row_group_size": 65_536,
}
_OF_STORE = "(S3_ERROR)"
_RUNNING = "FROM system.processes WHERE Settings['log_comment'] = {mark:String}"


class ObjectStore:
    """An object is whole or absent: ClickHouse puts a small one with one request, and sends a larger one in parts that
    are nothing until the last request joins them; what fails before is aborted."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.export_s3_url.rstrip("/")
        self._key, self._secret = settings.export_s3_key, settings.export_s3_secret

    def check(self) -> None:
        """Raises `ApiError` 400 where there is none."""
        if not self._url:
            text = "Exports to a store need SPOOR_EXPORT_S3_URL."
            raise ApiError(400, text, {"to": [text]})

    def address_of(self, job: Job) -> str:
        made = datetime.fromtimestamp(job.created_at, UTC)
        return f"{self._url}/{made:%Y-%m-%d-%H%M%S}-{job.shown_name}"

    def write(self, client: Client, job: Job, statement: Statement, settings: dict[str, Any], go_on: GoOn) -> None:
        """In a thread, while another one waits for ClickHouse. The client must send parameters in bodies. `go_on` is
        told how far it is, and raises what ends it. Raises `BrokenOffError`, `ValueError` for what the store refuses,
        of which ClickHouse has tried again whatever may pass."""
        target, parameters = self._target(job)
        sql = f"INSERT INTO FUNCTION s3({target}) {statement.rows}"
        parameters |= statement.parameters
        mark = f"export {job.id}"
        settings = {**settings, **_SETTINGS, "log_comment": mark}
        with ThreadPoolExecutor(1) as beside:
            # Not `command`, which puts parameters into the address whatever the client is told.
            written = beside.submit(client.raw_query, sql, parameters=parameters, settings=settings)
            try:
                while not written.done():
                    with contextlib.suppress(NotYetError):
                        written.exception(LOOK_SECONDS)
                    if not written.done():
                        go_on(_rows(client, mark))
            except BaseException:
                _stop(client, mark)
                raise
        try:
            written.result()
        except ClickHouseError as error:
            said = self._without_secrets(str(error))
            if _OF_STORE in said:
                raise ValueError(f"the store refuses: {said}") from None
            raise BrokenOffError(said) from None

    def _target(self, job: Job) -> tuple[str, dict[str, Any]]:
        """Arguments of the table function, and their values: those of its login are hidden wherever ClickHouse shows a
        statement."""
        url = {"s3_url": job.object}
        if not self._key:
            return f"{{s3_url:String}}, '{_FORMATS[job.wish.format]}'", url
        login = {"s3_key": self._key, "s3_secret": self._secret}
        return f"{{s3_url:String}}, {{s3_key:String}}, {{s3_secret:String}}, '{_FORMATS[job.wish.format]}'", url | login

    def _without_secrets(self, text: str) -> str:
        for secret in filter(None, (self._secret, self._key)):
            text = text.replace(secret, "***")
        return text


def _rows(client: Client, mark: str) -> int:
    rows = client.query(f"SELECT written_rows {_RUNNING}", parameters={"mark": mark}).result_rows
    return int(rows[0][0]) if rows else 0


def _stop(client: Client, mark: str) -> None:
    client.command("KILL QUERY WHERE Settings['log_comment'] = {mark:String} ASYNC", parameters={"mark": mark})
