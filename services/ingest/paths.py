"""The paths that the tracking script uses, and other names for them: ad blockers know the usual ones. Pure."""

from __future__ import annotations

import re

from services.common.settings import SettingsError

PATHS = {
    "script": "/mtc.js",
    "event": "/mtc/event",
    "pixel": "/mtracking.gif",
    "identity": "/mtc",
    "consent": "/mtc/consent",
}
_ALIAS = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}){1,4}", re.ASCII)
_TAKEN = re.compile(
    r"/(?:mtc|mtc\.js|mtracking\.gif|form|r|redirect|email|asset|video|dwc|v1|livez|readyz|metrics)(?:/.*)?"
)


def read_aliases(entries: tuple[str, ...]) -> dict[str, str]:
    """Path by alias, from `/alias=/path`. Raises `SettingsError`."""
    aliases: dict[str, str] = {}
    for entry in entries:
        alias, _, path = entry.partition("=")
        if path not in PATHS.values():
            raise SettingsError(
                f"SPOOR_PATH_ALIASES: {entry!r} does not end in = and one of {' '.join(PATHS.values())}"
            )
        if not _ALIAS.fullmatch(alias) or _TAKEN.fullmatch(alias) or alias in aliases:
            raise SettingsError(f"SPOOR_PATH_ALIASES: {alias!r} is not a path, or is taken")
        aliases[alias] = path
    return aliases


def script_paths(aliases: dict[str, str]) -> dict[str, str]:
    """What the script calls for each purpose: the first alias of a path, else the path itself."""
    first = {path: alias for alias, path in reversed(aliases.items())}
    return {purpose: first.get(path, path) for purpose, path in PATHS.items()}
