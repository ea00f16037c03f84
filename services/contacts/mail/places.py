"""Where the files of mails may come from: what an installation names, and what lies within it. Pure.

An address is taken apart once; what is compared here is what is asked for later, and nothing else.
"""

from __future__ import annotations

import mimetypes
import posixpath
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

import httpx

MAX_NAME = 120
_DECODED = 5  # a name that is still encoded after so many rounds is none


class Place(NamedTuple):
    """A directory, or all below an address; `path` ends with a slash."""

    source: str  # as the installation names it
    scheme: str  # http, https, or file
    host: bytes
    port: int
    path: str

    def has(self, url: httpx.URL, path: str) -> bool:
        is_here = (url.scheme, url.raw_host, _port(url)) == (self.scheme, self.host, self.port)
        return is_here and path.startswith(self.path)


class Found(NamedTuple):
    """A file in a place: what is asked for, or opened."""

    place: Place
    url: httpx.URL
    path: str
    name: str
    kind: str


def read_places(sources: Sequence[str]) -> tuple[Place, ...]:
    """The settings have seen to it that each is a directory or an address."""
    return tuple(map(_read_place, sources))


def find(url: str, places: Sequence[Place]) -> Found | None:
    """None for what lies in none of the places, or has a path that may lead elsewhere."""
    try:
        asked = httpx.URL(url)
        encoded = asked.raw_path.decode("ascii").partition("?")[0]
        path = _decoded(encoded)
    except (httpx.InvalidURL, ValueError):
        return None
    if asked.userinfo or not _is_plain(path) or path.count("/") != encoded.count("/"):
        return None
    place, name = next((one for one in places if one.has(asked, path)), None), path.rpartition("/")[2]
    if place is None or not name:
        return None
    return Found(place, asked.copy_with(fragment=None), path, name[-MAX_NAME:], _kind(name))


def _read_place(source: str) -> Place:
    url = httpx.URL(f"file://{quote(source)}" if source.startswith("/") else source)
    path = _decoded(url.raw_path.decode("ascii"))
    return Place(source, url.scheme, url.raw_host, _port(url), f"{path.rstrip('/')}/")


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def _decoded(path: str) -> str:
    """However often it is encoded: somebody on the way may decode it once more. Raises `ValueError`."""
    for _ in range(_DECODED):
        path, before = unquote(path, errors="strict"), path
        if path == before:
            return path
    raise ValueError("encoded too often")


def _is_plain(path: str) -> bool:
    """Nothing in it leads upwards, and no part of it is read otherwise elsewhere."""
    is_odd = not path.isprintable() or "\\" in path or ";" in path  # some servers read /..;/ as /../
    return not is_odd and path.startswith("/") and posixpath.normpath(path) == path


def _kind(name: str) -> str:
    """The type that its name says. Mails in mails, and what is packed, are mere bytes here."""
    kind, packing = mimetypes.guess_type(name, strict=False)
    if not kind or packing or kind.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    return kind
