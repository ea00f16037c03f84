"""How pages say times, numbers and names. Pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

_LARGE = ("KB", "MB", "GB")
_STEPS = ((60, "s"), (60, "min"), (24, "h"), (30, "d"))


def read_time(said: Any) -> datetime | None:
    """Of the API's ISO 8601 texts, or of seconds or milliseconds since 1970; None for what no day in UTC is."""
    if not said:
        return None
    try:
        if isinstance(said, int | float):
            return datetime.fromtimestamp(said / 1_000 if said > 1e11 else said, UTC)
        read = datetime.fromisoformat(str(said).replace("Z", "+00:00"))
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def when(said: Any) -> str:
    """In UTC, as one sorts it."""
    time = read_time(said)
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if time else "—"


def ago(said: Any, now: datetime | None = None) -> str:
    """3 min ago; in 2 h; beyond a month the day."""
    time = read_time(said)
    if time is None:
        return "—"
    seconds = ((now or datetime.now(UTC)) - time).total_seconds()
    if -5 < seconds < 5:
        return "just now"
    value = abs(seconds)
    for step, unit in _STEPS:
        if value < step:
            return f"{value:.0f} {unit} ago" if seconds > 0 else f"in {value:.0f} {unit}"
        value /= step
    return time.astimezone(UTC).strftime("%-d %b %Y")


def count(number: Any) -> str:
    """12,345"""
    return f"{int(number or 0):,}"


def size(number: Any) -> str:
    """812 bytes, 4.1 KB, 23 MB: of bytes, in steps of 1,024."""
    value = float(number or 0)
    if value < 1024:
        return f"{value:.0f} bytes"
    value, step = value / 1024, 0
    while value >= 999.5 and step < len(_LARGE) - 1:
        value, step = value / 1024, step + 1
    return f"{value:.{1 if value < 9.95 else 0}f} {_LARGE[step]}"


def initials(name: str) -> str:
    words = [word for word in name.split() if word[0].isalnum()]
    letters = words[0][0] + words[-1][0] if len(words) > 1 else "".join(words)[:2]
    return letters.upper() or "?"


def hue(text: str) -> int:
    """One of twelve, the same for the same text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()[0] % 12


def is_web(url: Any) -> bool:
    """Whether a link may lead there."""
    return str(url or "").lower().startswith(("http://", "https://"))
