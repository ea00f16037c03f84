"""Does one action to many contacts: what ClickHouse must know of all of them goes there in one insert."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from services.common.envelope import NOT_FOUND, STORES_AWAY, ApiError
from services.common.folding import fold
from services.common.notes import remove_notes
from services.contacts.jobs.action import CHANNELS, Action
from services.contacts.jobs.job import Target
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
        gone: list[int] = []

        async def one(target: Target) -> Outcome:
            async with turns:
                try:
                    if change is None:
                        gone.extend([target.id, *await _delete(writer, target)])
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
            await remove_notes(self._stores.records, self._stores.clickhouse, gone)
        return outcomes


async def _delete(writer: ContactWriter, target: Target) -> list[int]:
    """All ids that it went by."""
    profile = await writer.delete(target.id, target.first_seen_us)
    if profile is None:
        raise ApiError(404, NOT_FOUND)
    return profile.ids()


async def _edit(writer: ContactWriter, target: Target, action: Action, change: Change) -> Outcome:
    written = await writer.edit(target.id, change, target.first_seen_us)
    if written is None:
        raise ApiError(404, NOT_FOUND)
    if action.name != CHANNELS:
        return Outcome()
    standing = fold(written.profile).dnc
    return Outcome(refused=tuple(channel for channel, may in action.channels.items() if may and channel in standing))
