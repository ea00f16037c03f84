"""What a schedule is told to be: read from a body, over what it was. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.envelope import ApiError
from services.common.field_values import TIMEZONES
from services.common.values import clean
from services.export.jobs.wish import read_wish
from services.export.reading import read_choice, read_flag
from services.export.schedules.rhythm import Every, Rhythm, Weekday
from services.export.schedules.schedule import Schedule

MAX_NAME_LENGTH = 191
NAMES = ("name", "every", "hour", "weekday", "timezone", "paused", "export")


class Draft(NamedTuple):
    name: str
    rhythm: Rhythm
    export: dict[str, Any]
    is_paused: bool


def read_draft(body: Mapping[str, Any], known: Schedule | None = None) -> Draft:
    """What `body` leaves out is as it was. Raises `ApiError` 400 with the name of what is wrong."""
    if unknown := sorted(set(body) - set(NAMES)):
        name = unknown[0][:60]
        raise ApiError(400, f"{name} is nothing that a schedule can be told.", {name: [", ".join(NAMES)]})
    said = {**_as_said(known), **body} if known else body
    if body.get("every") == Every.DAILY and "weekday" not in body:
        said = {name: value for name, value in said.items() if name != "weekday"}
    return Draft(_name(said), _rhythm(said), _export(said), read_flag("paused", said))


def _as_said(known: Schedule) -> dict[str, Any]:
    rhythm = known.rhythm
    return {
        "name": known.name, "every": rhythm.every, "hour": rhythm.hour, "weekday": rhythm.weekday,
        "timezone": rhythm.timezone, "paused": known.is_paused, "export": known.export,
    }  # fmt: skip


def _name(said: Mapping[str, Any]) -> str:
    name = said.get("name")
    words = " ".join(clean(name).split()) if isinstance(name, str) else ""
    if not words or len(words) > MAX_NAME_LENGTH:
        raise _wrong("name", f"name must be a text of up to {MAX_NAME_LENGTH} characters.")
    return words


def _rhythm(said: Mapping[str, Any]) -> Rhythm:
    if not said.get("every"):
        raise _wrong("every", f"every is one of {', '.join(Every)}.")
    every, weekday = read_choice(Every, "every", said), None
    if every is Every.WEEKLY:
        if not said.get("weekday"):
            raise _wrong("weekday", "weekday says when in the week: monday to sunday.")
        weekday = read_choice(Weekday, "weekday", said)
    elif said.get("weekday"):
        raise _wrong("weekday", "weekday is for weekly.")
    timezone = said.get("timezone", "UTC")
    if not isinstance(timezone, str) or timezone not in TIMEZONES:
        raise _wrong("timezone", "timezone is UTC, or a name such as Europe/Berlin.")
    return Rhythm(every, _hour(said), weekday, timezone)


def _hour(said: Mapping[str, Any]) -> int:
    hour = said.get("hour")
    if isinstance(hour, bool) or not isinstance(hour, int) or not 0 <= hour <= 23:
        raise _wrong("hour", "hour is a whole number from 0 to 23.")
    return hour


def _export(said: Mapping[str, Any]) -> dict[str, Any]:
    export = said.get("export")
    if not isinstance(export, dict):
        raise _wrong("export", "export says what is exported, as the body of POST /exports does; {} is everybody.")
    read_wish(export)
    return export


def _wrong(name: str, text: str) -> ApiError:
    return ApiError(400, text, {name: [text]})
