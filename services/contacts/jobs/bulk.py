"""Does one action to many contacts: what ClickHouse must know of all of them goes there in one insert."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from services.common.envelope import NOT_FOUND, STORES_AWAY, ApiError
from services.common.folding import fold
from services.common.images import has_images, remove_images
from services.common.notes import remove_notes
from services.common.profile import Profile
from services.contacts.jobs.action import CHANNELS, Action
from services.contacts.jobs.job import Target
from services.contacts.mail.office import MailOffice
from services.contacts.people.change import Change
from services.contacts.people.projector import Collected
from services.contacts.people.writer import ContactWriter
from services.contacts.stores import BusyError, Stores

AT_ONCE = 50


class Outcome(NamedTuple):
    """Of one contact. `refused`: the channels that it has unsubscribed from itself, and that stay so."""

    error: ApiError | None = None
    refused: tuple[str, ...] = ()
    is_away: bool = False  # nothing is known of it: a store does not answer

    @property
    def is_gone(self) -> bool:
        return self.error is not None and self.error.status == 404


class Bulk:
    def __init__(self, stores: Stores, user: str) -> None:
        self._stores, self._user = stores, user

    async def do(self, action: Action, targets: Sequence[Target], at_once: int = AT_ONCE) -> list[Outcome]:
        """What became of each. Raises what the insert into ClickHouse raises: then nothing is told."""
        collected, turns = Collected(self._stores.projector), asyncio.Semaphore(at_once)
        writer, change = ContactWriter(self._stores, self._user, collected), action.change()
        gone: list[Profile] = []

        async def one(target: Target) -> Outcome:
            async with turns:
                try:
                    if change is None:
                        gone.append(await _delete(writer, target))
                        return Outcome()
                    return await _edit(writer, target, action, change)
                except ApiError as error:
                    return Outcome(error)
                except BusyError:
                    return Outcome(ApiError(503, "The contact is being changed by others; try again."))
                except STORES_AWAY:
                    return Outcome(ApiError(503, "A database does not answer at the moment."), is_away=True)

        outcomes = await asyncio.gather(*map(one, targets))
        await collected.flush()
        if gone:
            await self._remove_what_is_theirs(gone)
        return outcomes

    async def _remove_what_is_theirs(self, gone: list[Profile]) -> None:
        ids = [one for profile in gone for one in profile.ids()]
        await remove_notes(self._stores.records, self._stores.clickhouse, ids)
        if with_images := [one for profile in gone if has_images(profile) for one in profile.ids()]:
            await remove_images(self._stores.clickhouse, with_images)
        await MailOffice(self._stores).cancel_all(ids)


async def _delete(writer: ContactWriter, target: Target) -> Profile:
    """As it was."""
    profile = await writer.delete(target.id, target.first_seen_us)
    if profile is None:
        raise ApiError(404, NOT_FOUND)
    return profile


async def _edit(writer: ContactWriter, target: Target, action: Action, change: Change) -> Outcome:
    written = await writer.edit(target.id, change, target.first_seen_us)
    if written is None:
        raise ApiError(404, NOT_FOUND)
    if action.name != CHANNELS:
        return Outcome()
    standing = fold(written.profile).dnc
    return Outcome(refused=tuple(channel for channel, may in action.channels.items() if may and channel in standing))
