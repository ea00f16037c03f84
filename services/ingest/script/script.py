"""The tracking script as it is served: made small once at start, the same bytes for everybody."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from rjsmin import jsmin  # Apache License 2.0; it drops comments and blanks and renames nothing

_SOURCE = Path(__file__).with_name("mtc.js")
_PLACEHOLDER = "'__SPOOR_BASE__'"
_BASE_URL = re.compile(r"https?://[^\s'\"<>\\?#]+", re.ASCII)


@dataclass(frozen=True)
class Script:
    """One representation per encoding, and the entity tag of both."""

    body: bytes
    gzip_body: bytes
    etag: str  # with its quotes


def load_script(base_url: str = "") -> Script:
    """The script for this server. Without `base_url` it reports to where it was loaded from.

    Raises `ValueError` when `base_url` is not an http(s) address.
    """
    if base_url and not _BASE_URL.fullmatch(base_url):
        raise ValueError(f"{base_url!r} is not an address that a page can report to")
    source = _SOURCE.read_text(encoding="utf-8").replace(_PLACEHOLDER, json.dumps(base_url.rstrip("/")))
    body = jsmin(source).encode()
    return Script(
        body=body,
        gzip_body=gzip.compress(body, compresslevel=9, mtime=0),  # no time stamp: equal bytes from every process
        etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
    )
