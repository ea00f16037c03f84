"""Who is who while contacts are merged, or while that is only thought through: a few ids for each merge."""

from __future__ import annotations

from collections.abc import Iterable

from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.identity.tools.duplicates import joined
from services.identity.tools.leads import load_led, survivor_of


class Merged:
    def __init__(self, store: ProfileStore) -> None:
        self._store = store
        self._winners: dict[int, int] = {}  # of merges that were thought through
        self._losers: dict[int, list[int]] = {}  # by their survivor, in their order
        self._loaded: dict[int, Profile | None] = {}

    async def load(self, contact_ids: Iterable[int]) -> None:
        """Reads these anew, and whoever they lead to; others are forgotten."""
        asked = {self._root(one) for one in contact_ids}
        losers = {loser for one in asked for loser in self._losers.get(one, ())}
        self._loaded = dict(await load_led(self._store, asked | losers))

    async def read_again(self, contact_ids: Iterable[int]) -> None:
        """Others stay as they were read."""
        self._loaded.update(await load_led(self._store, contact_ids))

    def survivors(self, contact_ids: Iterable[int]) -> list[Profile]:
        """Each once, as it is after all merges."""
        found = {}
        for root in {self._root(one) for one in contact_ids}:
            profile = survivor_of(self._loaded, root)
            for loser in self._losers.get(root, ()):
                other = survivor_of(self._loaded, loser)
                profile = joined(profile, other) if profile and other else profile
            if profile is not None and profile.is_known():
                found[profile.id] = profile
        return list(found.values())

    def pretend(self, winner: Profile, loser: Profile) -> None:
        """As if they had been merged."""
        self._winners[loser.id] = winner.id
        self._losers[winner.id] = [*self._losers.get(winner.id, ()), loser.id, *self._losers.pop(loser.id, ())]

    def _root(self, contact_id: int) -> int:
        while contact_id in self._winners:
            contact_id = self._winners[contact_id]
        return contact_id
