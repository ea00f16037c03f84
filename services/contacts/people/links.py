"""Under which ids other systems know a contact: a change of them, applied to what is known. Pure."""

from __future__ import annotations

from typing import NamedTuple

from services.common.profile import ExternalLink, Profile, newest

MAX_LINKS = 200  # of one part, those that ended too


class LinkChange(NamedTuple):
    """The one id that a system knows it by from now on; '' for none any more."""

    system: str
    external_id: str = ""
    url: str | None = None  # None: as it was
    synced_us: int | None = None


def key_of(system: str, external_id: str) -> str:
    return f"{system}:{external_id}"


def new_links(profile: Profile, change: LinkChange, now_us: int) -> dict[str, ExternalLink]:
    """The words that change something: other ids of this system end."""
    words: dict[str, ExternalLink] = newest([part.links for part in profile.parts()])
    key = key_of(change.system, change.external_id) if change.external_id else ""
    said = {
        one: ExternalLink(False, "", 0, 0)
        for one, word in words.items()
        if one.startswith(f"{change.system}:") and one != key and word.is_in
    }
    old = words.get(key)
    if key:
        url = (old.url if old else "") if change.url is None else change.url
        synced_us = (old.synced_us if old else 0) if change.synced_us is None else change.synced_us
        if not old or (old.is_in, old.url, old.synced_us) != (True, url, synced_us):
            said[key] = ExternalLink(True, url, synced_us, 0)
    return {
        one: ExternalLink(
            word.is_in, word.url, word.synced_us, max(now_us, words[one].time_us + 1) if one in words else now_us
        )
        for one, word in said.items()
    }
