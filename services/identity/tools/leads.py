"""Where ids lead among loaded profiles: what `ProfileStore.resolve` answers, but nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.common.merging import follow
from services.common.profile import Profile
from services.common.profiles import ProfileStore

Profiles = Mapping[int, Profile | None]
MAX_TURNS = 10  # of a chain that a half done undo leads elsewhere


def chain(profiles: Profiles, contact_id: int) -> list[Profile]:
    """From this id on, each leading to the next one; the last leads nowhere, to one of the others, or to nobody."""
    steps: list[Profile] = []
    while (profile := profiles.get(contact_id)) is not None and all(one.id != contact_id for one in steps):
        steps.append(profile)
        contact_id = profile.alias
    return steps


def survivor_of(profiles: Profiles, contact_id: int) -> Profile | None:
    """Who an id leads to, with all that merged into it, also where that was left half done."""
    for _ in range(MAX_TURNS):
        lead = follow(chain(profiles, contact_id))
        if lead.survivor is not None or not lead.changed:
            return lead.survivor
        profiles = {**profiles, **{one.id: one for one in lead.changed}}
    return None


async def load_led(store: ProfileStore, contact_ids: Iterable[int], known: Profiles | None = None) -> Profiles:
    """The profiles of these and of all that their aliases lead to, beside those that are `known` already."""
    found = dict(known or {})
    wanted = set(contact_ids) - found.keys()
    while wanted:
        loaded = await store.load(wanted)
        found.update(loaded)
        wanted = {one.alias for one in loaded.values() if one is not None and one.alias} - found.keys()
    return found
