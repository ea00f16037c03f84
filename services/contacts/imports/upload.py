"""A file as it is sent: as the body, or as a file of multipart/form-data; text as it is, a workbook as CSV."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from services.common.clickhouse import ClickHouse
from services.common.envelope import ApiError
from services.contacts.imports.file_store import Stored, TooLargeError, store_file
from services.contacts.imports.workbook import MAGIC

CHUNK_BYTES = 1 << 18
_workbooks = asyncio.Semaphore(1)  # one at a time is unpacked: it may take as much memory as it is allowed
NO_FILE = "A file is needed, as the body or as `file` of multipart/form-data."
NO_TABLE = "This is neither CSV nor XLSX: unpack it, or save it as one of these."
_NO_TABLES = (b"\x1f\x8b", b"%PDF", b"\xd0\xcf\x11\xe0", b"BZh", b"\xfd7zX", b"7z\xbc\xaf", b"Rar!")
_NO_FILES = frozenset({"application/json", "application/x-www-form-urlencoded"})
MULTIPART_BYTES = 65_536  # around the file


class Uploaded:
    """What was sent: under which name, and where it is kept now."""

    def __init__(self, name: str, stored: Stored, *, is_workbook: bool) -> None:
        self.name, self.stored, self.is_workbook = name, stored, is_workbook


async def receive(request: Request, clickhouse: ClickHouse, max_bytes: int) -> Uploaded:
    """Raises `ApiError` 400, 413."""
    too_large = ApiError(413, f"The file is larger than {max_bytes:,} bytes (SPOOR_IMPORT_MAX_BYTES).")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes + MULTIPART_BYTES:
        raise too_large
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _NO_FILES:
        raise ApiError(400, NO_FILE, {"file": [NO_FILE]})
    try:
        if kind == "multipart/form-data":
            bounded = Request(request.scope, _bounded(request, max_bytes + MULTIPART_BYTES))
            async with bounded.form(max_files=1, max_fields=20) as form:
                file = form.get("file") or next((one for one in form.values() if isinstance(one, UploadFile)), None)
                if not isinstance(file, UploadFile):
                    raise ApiError(400, NO_FILE, {"file": [NO_FILE]})
                return await _kept(file.filename or "", _of_file(file), clickhouse, max_bytes)
        return await _kept(request.query_params.get("name", ""), request.stream(), clickhouse, max_bytes)
    except TooLargeError:
        raise too_large from None
    except ClientDisconnect:
        raise ApiError(400, "The upload broke off.") from None


async def _kept(name: str, chunks: AsyncIterator[bytes], clickhouse: ClickHouse, max_bytes: int) -> Uploaded:
    beginning = b""
    async for chunk in chunks:
        beginning += chunk
        if len(beginning) >= len(MAGIC):
            break
    if not beginning:
        raise ApiError(400, NO_FILE, {"file": [NO_FILE]})
    if beginning.startswith(_NO_TABLES):
        raise ApiError(400, NO_TABLE, {"file": [NO_TABLE]})
    whole = _with(beginning, chunks)
    name = (os.path.basename(name.replace("\\", "/")).strip() or "contacts.csv")[:191]
    if beginning.startswith(MAGIC):
        return Uploaded(name, await _of_workbook(whole, clickhouse, max_bytes), is_workbook=True)
    return Uploaded(name, await store_file(clickhouse, whole, max_bytes), is_workbook=False)


async def _of_workbook(chunks: AsyncIterator[bytes], clickhouse: ClickHouse, max_bytes: int) -> Stored:
    """Raises `ApiError` 400."""
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        count = 0
        async for chunk in chunks:
            count += len(chunk)
            if count > max_bytes:
                raise TooLargeError
            file.write(chunk)
        file.flush()
        async with _workbooks:
            return await _converted(file.name, clickhouse)


async def _converted(path: str, clickhouse: ClickHouse) -> Stored:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.contacts.imports.workbook", path,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=CHUNK_BYTES,
    )  # fmt: skip
    assert process.stdout and process.stderr
    errors = asyncio.create_task(process.stderr.read())
    try:
        return await store_file(clickhouse, _output(process, process.stdout, errors), sys.maxsize)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        errors.cancel()


async def _output(
    process: asyncio.subprocess.Process, output: asyncio.StreamReader, errors: asyncio.Task[bytes]
) -> AsyncIterator[bytes]:
    """Raises `ApiError` when it did not come to its end: then nothing is kept."""
    while piece := await output.read(CHUNK_BYTES):
        yield piece
    if await process.wait():
        lines = (await errors).decode(errors="replace").strip().splitlines()
        text = lines[-1][:300] if lines and process.returncode == 1 and "Traceback" not in lines[0] else ""
        raise ApiError(400, text or "This workbook cannot be read: save it as CSV.", {"file": [text or "Not read."]})


async def _with(beginning: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield beginning
    async for chunk in chunks:
        yield chunk


async def _of_file(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk


def _bounded(request: Request, most: int) -> Any:
    """Receives no more than so many bytes of the body. Raises `TooLargeError`."""
    count = 0

    async def receive_bounded() -> Any:
        nonlocal count
        message = await request.receive()
        count += len(message.get("body", b""))
        if count > most:
            raise TooLargeError
        return message

    return receive_bounded
