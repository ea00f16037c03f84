"""The tracking script as it is served: joined and made small once at start, the same bytes for everybody."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rjsmin import jsmin  # Apache License 2.0; it drops comments and blanks and renames nothing

from services.common.settings import Settings
from services.ingest.paths import read_aliases, script_paths

PARTS = (
    "runtime",  # configuration and helpers
    "storage",  # what the browser remembers
    "identity",  # who this is
    "consent",  # whether anything may be sent
    "requests",  # how it gets there
    "pageviews",  # what is sent
    "offline",  # what could not be sent
    "leaving",  # how long it was looked at
    "navigation",  # single-page apps
    "pixels",  # Google Analytics, Facebook
    "queue",  # the page's calls; starts
)
_FUNCTION = "(function (window, document) {{ 'use strict';\n{}\n}})(window, document);\n"
_PLACEHOLDER = "'__SPOOR_CONFIG__'"
_SIGNALS = {"gpc": "globalPrivacyControl", "dnt": "doNotTrack"}


@dataclass(frozen=True)
class Script:
    """One representation per encoding, and the entity tag of both."""

    body: bytes
    gzip_body: bytes
    etag: str  # with its quotes


def load_script(settings: Settings) -> Script:
    """The script for this configuration. It reports to where it was loaded from."""
    parts = [Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8") for name in PARTS]
    source = _FUNCTION.format("\n".join(parts))
    body = jsmin(source.replace(_PLACEHOLDER, json.dumps(_configuration(settings), separators=(",", ":")))).encode()
    return Script(
        body=body,
        gzip_body=gzip.compress(body, compresslevel=9, mtime=0),  # no time stamp: equal bytes from every process
        etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
    )


def _configuration(settings: Settings) -> dict[str, Any]:
    analytics = {
        "id": settings.google_analytics_id,
        "url": settings.google_analytics_url,
        "details": {"anonymize_ip": True} if settings.google_analytics_anonymize_ip else {},
    }
    facebook = {"id": settings.facebook_pixel_id, "url": settings.facebook_pixel_url}
    return {
        "path": script_paths(read_aliases(settings.path_aliases)),
        "option": {
            "spa": settings.script_spa,
            "cookieless": settings.script_cookieless,
            "consent": "required" if settings.script_consent_required else "",
            "leave": True,
            "offline": True,
        },
        "signals": [property for name, property in _SIGNALS.items() if getattr(settings, f"respect_{name}")],
        "analytics": analytics if settings.google_analytics_id else None,
        "facebook": facebook if settings.facebook_pixel_id else None,
    }
