"""Reads the files that go out with mails, whenever a mail is written: the queue knows only which assets they are of."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import time
from collections.abc import Callable, Iterable

import httpx
import structlog

from services.common.documents import ASSET, Asset, decode_document
from services.common.record_cache import RecordCache
from services.common.records import RecordStore
from services.common.settings import Settings
from services.contacts.mail.composing import Attachment
from services.contacts.mail.places import Found, Place, find, read_places

log = structlog.get_logger()

READ_SECONDS = 10.0  # for one file
AWAY_SECONDS = 30.0
_LATER = frozenset({408, 425, 429})
# What is wrong with a file, and not with its place.
_OF_THE_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG,
                          errno.ENXIO})  # fmt: skip


class UnattachableError(Exception):
    """A mail with this file can never be written; the text says why."""


class PlaceAwayError(Exception):
    """The file cannot be read now."""


class Attachments:
    """`clock` counts seconds."""

    def __init__(self, records: RecordStore, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._assets = RecordCache(records, ASSET, lambda data: decode_document(data, Asset))
        self._places, self._most = read_places(settings.attachment_sources), settings.attachment_max_bytes
        self._away: dict[Place, float] = {}  # until when it is left alone
        self._clock = clock
        # No connection is kept, and no redirect is followed.
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)

    async def read(self, asset_ids: Iterable[int]) -> list[Attachment]:
        """Raises `UnattachableError`, `PlaceAwayError`, and what the stores raise."""
        files: list[Attachment] = []
        for asset_id in asset_ids:
            found = await self._find(asset_id)
            room = self._most - sum(len(one.data) for one in files)
            try:
                files.append(Attachment(found.name, found.kind, await self._read(found, room)))
            except UnattachableError as error:
                raise UnattachableError(f"The asset {asset_id} cannot be attached: {error}") from error
        return files

    async def _find(self, asset_id: int) -> Found:
        asset = await self._assets.get(str(asset_id))
        if asset is None or not asset.is_published:
            raise UnattachableError(f"The asset {asset_id} is not there, or not published, any more.")
        found = find(asset.url, self._places)
        if found is None:
            raise UnattachableError(f"The file of the asset {asset_id} is in none of the places of attachments.")
        return found

    async def _read(self, found: Found, most: int) -> bytes:
        """A place that has been away a moment ago is not asked."""
        if self._clock() < self._away.get(found.place, 0.0):
            raise PlaceAwayError(_away(found.place))
        try:
            async with asyncio.timeout(READ_SECONDS):
                if found.place.scheme == "file":
                    return await asyncio.to_thread(_read_file, found, most, self._most)
                return await self._fetch(found, most)
        except (PlaceAwayError, httpx.HTTPError, OSError, TimeoutError) as error:
            self._away[found.place] = self._clock() + AWAY_SECONDS
            log.warning("attachments_unreachable", place=found.place.source, error=type(error).__name__)
            raise PlaceAwayError(_away(found.place)) from error

    async def _fetch(self, found: Found, most: int) -> bytes:
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), READ_SECONDS)
        headers = {"Accept-Encoding": "identity", "User-Agent": "Spoor-Mail"}
        request = httpx.Request("GET", found.url, headers=headers, extensions={"timeout": timeouts})
        response = await self._transport.handle_async_request(request)
        try:
            _check_answer(response)
            read = bytearray()
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) > most:
                    raise UnattachableError(_too_large(self._most))
            return bytes(read)
        finally:
            await response.aclose()


def _check_answer(response: httpx.Response) -> None:
    status = response.status_code
    if status >= 500 or status in _LATER:
        raise PlaceAwayError
    if 300 <= status < 400:
        raise UnattachableError("its place leads elsewhere, which is not followed.")
    if status != 200:
        raise UnattachableError(f"its place answers {status}.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise UnattachableError("its place packs what it sends.")


def _read_file(found: Found, most: int, most_of_all: int) -> bytes:
    root, path = os.path.realpath(found.place.path), os.path.realpath(found.path)
    if not os.path.isdir(root):
        raise PlaceAwayError
    if not path.startswith(f"{root.rstrip('/')}/"):
        raise UnattachableError("its path leads out of its place.")
    try:
        # Nothing of the real path is a link, so that one which has become one meanwhile is no file of this place.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _OF_THE_FILE:
            raise UnattachableError("there is no such file, or none that may be read.") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise UnattachableError("it is no file.")
        with os.fdopen(opened, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(opened)
    if len(data) > most:
        raise UnattachableError(_too_large(most_of_all))
    return data


def _away(place: Place) -> str:
    return f"The place of an attachment does not answer: {place.source}"


def _too_large(most: int) -> str:
    return f"all files of a mail may have {most} bytes."
