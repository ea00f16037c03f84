"""How often a channel may be used for a contact: read from a request, applied to a profile, shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec

from services.common.field_values import NOT_VALID, scalar_as_text
from services.common.folding import fold
from services.common.profile import FrequencyRule, Profile
from services.common.values import clean
from services.contacts.people.do_not_contact import MAX_CHANNELS, read_channel

UNITS = ("DAY", "WEEK", "MONTH")
MAX_NUMBER = 10_000
_TRUE = frozenset({"1", "true", "yes", "on"})


class Frequency(NamedTuple):
    """What is said of one channel: at most `number` a `unit`, 0 for no limit; pauses are days (2026-12-24) or ''."""

    number: int = 0
    unit: str = ""
    is_preferred: bool = False
    pause_from: str = ""
    pause_to: str = ""


def read_frequencies(body: Mapping[str, Any]) -> dict[str, Frequency]:
    """`frequencyRules`: an object by channel, or a list as it is shown. Raises `ValueError` with what is wrong."""
    said = body.get("frequencyRules")
    if said in (None, "", [], {}):
        return {}
    if isinstance(said, list):
        if not all(isinstance(one, dict) and one.get("channel") for one in said):
            raise ValueError(NOT_VALID)
        said = {str(one["channel"]): one for one in said}
    if not isinstance(said, dict) or len(said) > MAX_CHANNELS:
        raise ValueError(NOT_VALID)
    return {read_channel(str(channel)): read_frequency(one) for channel, one in said.items()}


def read_frequency(said: Any) -> Frequency:
    """Names as requests write them, or in camelCase; nothing for no rule any more. Raises `ValueError`."""
    if said in (None, "", []):
        return Frequency()
    if not isinstance(said, dict):
        raise ValueError(NOT_VALID)
    text = {name: clean(scalar_as_text(said.get(name, said.get(_camel(name))))) for name in _NAMES}
    number, unit = _number(text["frequency_number"]), text["frequency_time"].upper()
    if unit not in ("", *UNITS) or (number and not unit):
        raise ValueError(f"frequency_time is one of {', '.join(UNITS)}.")
    first, last = _day(text["pause_from_date"]), _day(text["pause_to_date"])
    if first and last and last < first:
        raise ValueError("pause_to_date is before pause_from_date.")
    return Frequency(number, unit if number else "", text["preferred_channel"].lower() in _TRUE, first, last)


def new_frequencies(profile: Profile, said: Mapping[str, Frequency], now_us: int) -> dict[str, FrequencyRule]:
    """Those that change what holds for the contact. One channel is preferred: the one that is said to be, else the one
    that was, else the first."""
    if not said:
        return {}
    standing = fold(profile).frequency if profile.own else {}
    wanted = {channel: _said(rule) for channel, rule in standing.items()} | dict(said)
    preferred = [channel for channel, one in said.items() if one.is_preferred]
    preferred += [channel for channel, one in wanted.items() if one.is_preferred]
    preferred += [channel for channel, one in wanted.items() if one.number or one.pause_from]
    news = {}
    for channel, one in wanted.items():
        one = one._replace(is_preferred=channel == next(iter(preferred), ""))
        old = standing.get(channel)
        if one != (_said(old) if old else Frequency()):
            times = [part.frequency[channel].time_us for part in profile.parts() if channel in part.frequency]
            news[channel] = FrequencyRule(*one, time_us=max([now_us, *(time + 1 for time in times)]))
    return news


def frequency_objects(rules: Mapping[str, FrequencyRule]) -> list[dict[str, Any]]:
    """As the API shows them; a rule that says nothing is none."""
    return [
        {
            "channel": channel,
            "frequencyNumber": rule.number or None,
            "frequencyTime": rule.time_unit or None,
            "preferredChannel": rule.is_preferred,
            "pauseFromDate": f"{rule.pause_from}T00:00:00+00:00" if rule.pause_from else None,
            "pauseToDate": f"{rule.pause_to}T00:00:00+00:00" if rule.pause_to else None,
        }
        for channel, rule in sorted(rules.items())
        if _said(rule) != Frequency()
    ]


_NAMES = ("frequency_number", "frequency_time", "preferred_channel", "pause_from_date", "pause_to_date")


def _said(rule: FrequencyRule) -> Frequency:
    return Frequency(*msgspec.structs.astuple(rule)[:-1])


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= MAX_NUMBER):
        raise ValueError(f"frequency_number is a whole number up to {MAX_NUMBER}.")
    return int(text or 0)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat() if text else ""
    except ValueError:
        raise ValueError("A pause has dates such as 2026-12-24.") from None
