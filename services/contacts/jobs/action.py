"""What is to be done to many contacts: read from a request, kept with a job, said as a change of one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.common.documents import CAMPAIGN, CATEGORY, SEGMENT, STAGE
from services.common.field_values import NOT_VALID, scalar_as_text
from services.common.values import MAX_TEXT_LENGTH, clean, read_tag
from services.contacts.people.change import Change, InvalidChangeError
from services.contacts.people.change_body import read_owner
from services.contacts.people.do_not_contact import CONTACTABLE, MAX_COMMENTS_LENGTH, Refusal, read_channel
from services.contacts.people.frequency import Frequency, read_frequencies

MAX_NAMED = 100  # things in one action
DELETE, OWNER, STAGES, CHANNELS, DNC, TAGS = "delete", "owner", "stages", "channels", "dnc", "tags"
CAMPAIGNS, CATEGORIES, SEGMENTS = "campaigns", "categories", "segments"
KINDS = {CAMPAIGNS: CAMPAIGN, CATEGORIES: CATEGORY, SEGMENTS: SEGMENT, STAGES: STAGE}  # of record that `words` are
ACTIONS = (*KINDS, TAGS, OWNER, CHANNELS, DNC, DELETE)
NOTHING = "There is nothing to do: say what to add or to remove."


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`words` and `tags`: added or removed. `channels`: may be used or not, and `frequency` how often. `names`: of what
    `words` are about."""

    name: str
    words: dict[int, bool] = {}
    tags: dict[str, bool] = {}
    channels: dict[str, bool] = {}
    frequency: dict[str, Frequency] = {}
    comments: str = ""
    owner_id: int = 0
    names: dict[int, str] = {}

    def change(self) -> Change | None:
        """Of one contact; None when it is to be deleted."""
        match self.name:
            case "campaigns":
                return Change(campaigns=self.words, names=self.names)
            case "categories":
                return Change(categories=self.words)
            case "segments":
                return Change(segments=self.words, names=self.names)
            case "stages":
                return self._stage()
            case "tags":
                return Change(tags=self.tags)
            case "owner":
                return Change(owner_id=self.owner_id)
            case "channels" | "dnc":
                refusals = {channel: self._refusal(may=may) for channel, may in self.channels.items()}
                return Change(dnc=refusals, frequency=self.frequency)
        return None

    def _stage(self) -> Change:
        stage_id, is_in = next(iter(self.words.items()))
        name = self.names.get(stage_id, "")
        return Change(stage_id=stage_id, subject=name) if is_in else Change(left_stage_id=stage_id, subject=name)

    def _refusal(self, *, may: bool) -> Refusal:
        """Who unsubscribed stays so, whatever a user says for many at once."""
        return Refusal(CONTACTABLE, is_careful=True) if may else Refusal(comments=self.comments)


def read_action(name: str, body: Mapping[str, Any]) -> Action:
    """`name` is one of `ACTIONS`. Whether there are such things is for others to see. Raises `InvalidChangeError`."""
    reading = _Reading(body)
    match name:
        case "campaigns" | "categories" | "segments":
            action = Action(name=name, words=reading.words(reading.number, {"add": True, "remove": False}))
        case "stages":
            action = Action(name=name, words=reading.words(reading.number, {"add": True, "remove": False}, most=1))
        case "tags":
            action = Action(name=name, tags=reading.words(reading.tag, {"add": True, "remove": False}))
        case "channels":
            frequency = reading.said("frequencyRules", read_frequencies, body) or {}
            least = 0 if frequency else 1
            channels = reading.words(reading.channel, {"subscribe": True, "unsubscribe": False}, least=least)
            action = Action(name=name, channels=channels, frequency=frequency, comments=reading.comments())
        case "dnc":
            channel = reading.said("channel", reading.channel, body.get("channel") or "email")
            action = Action(name=name, channels={channel or "": False}, comments=reading.comments())
        case "owner":
            action = Action(name=name, owner_id=reading.owner())
        case _:
            action = Action(name=name)
    if reading.wrong:
        raise InvalidChangeError(reading.wrong)
    return action


class _Reading:
    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.wrong: dict[str, list[str]] = {}

    def words(self, read: Any, keys: Mapping[str, bool], most: int = MAX_NAMED, least: int = 1) -> dict[Any, bool]:
        """What is under these keys: lists, texts with commas, or single values. No one thing under both."""
        found: dict[Any, bool] = {}
        for key, is_in in keys.items():
            for one in self._list(key):
                value = self.said(key, read, one)
                if value is not None and found.setdefault(value, is_in) is not is_in:
                    self.wrong[key] = [f"{value} is to be added and to be removed."]
        if not self.wrong and not least <= len(found) <= most:
            self.wrong[next(iter(keys))] = [f"At most {most}." if found else NOTHING]
        return found

    def said(self, key: str, read: Any, value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            self.wrong[key] = [str(error)]
            return None

    def _list(self, key: str) -> list[Any]:
        said = self._body.get(key)
        if isinstance(said, dict):
            return [said] if "id" in said else list(said.values())
        if isinstance(said, str):
            return [one for one in said.split(",") if one.strip()]
        return said if isinstance(said, list) else [] if said is None else [said]

    @staticmethod
    def number(said: Any) -> int:
        text = str(said.get("id") if isinstance(said, dict) else said).strip()
        if not (text.isascii() and text.isdecimal() and len(text) <= 15 and int(text)):
            raise ValueError("These must be ids.")
        return int(text)

    @staticmethod
    def tag(said: Any) -> str:
        tag, is_in = read_tag(scalar_as_text(said))
        if not is_in or not 0 < len(tag) <= MAX_TEXT_LENGTH:
            raise ValueError(NOT_VALID)
        return tag

    @staticmethod
    def channel(said: Any) -> str:
        return read_channel(str(said).strip())

    def comments(self) -> str:
        """The words of whoever does it."""
        text = self.said("reason", lambda said: clean(scalar_as_text(said)), self._body.get("reason")) or ""
        if len(text) > MAX_COMMENTS_LENGTH:
            self.wrong["reason"] = [f"At most {MAX_COMMENTS_LENGTH} characters."]
        return str(text)

    def owner(self) -> int:
        owner_id = self.said("owner", read_owner, self._body)
        if owner_id is None and not self.wrong:
            self.wrong["owner"] = ["The id of a user is needed, or null for nobody."]
        return owner_id or 0
