"""Finds the dead letters of contacts that are erased: by their devices, by the contact or the value that they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from services.common import keys
from services.common.hit import BATCH_FIELD, Door, Hit, decode_batch
from services.common.profile import Profile, Value
from services.common.profiles import ProfileStore
from services.common.queries.statement import decode_statement
from services.common.redis_client import RedisClient
from services.common.values import UniqueValue, normalise_unique
from services.identity.erasing.eraser import Traces
from services.identity.parameters import parameters_of
from services.identity.suppression import SuppressionList

ENTRIES_AT_ONCE = 200  # of at most 100 KB each


class _Said(NamedTuple):
    """What of a hit matters here."""

    hit: Hit
    values: set[UniqueValue]
    contact_id: int  # that a server named


class _Letter(NamedTuple):
    id: bytes
    data: bytes
    said: list[_Said]
    is_whole: bool  # else it cannot be read, or not all of it


class DeadHits:
    def __init__(
        self, redis: RedisClient, store: ProfileStore, suppression: SuppressionList, unique_fields: tuple[str, ...]
    ) -> None:
        self._redis, self._store, self._suppression = redis, store, suppression
        self._unique_fields = unique_fields

    async def remove(self, traces: Traces, is_dry: bool) -> int:
        """How many there are, and but for a dry run were. Raises `RedisError`."""
        count, after = 0, "-"
        while rows := await self._redis.xrange(keys.DEAD_HITS, min=after, count=ENTRIES_AT_ONCE):
            after = f"({rows[-1][0].decode()}"
            letters = [self._letter(entry_id, fields.get(BATCH_FIELD, b"")) for entry_id, fields in rows]
            theirs = await self._theirs(letters, traces)
            count += len(theirs)
            if theirs and not is_dry:
                await self._redis.xdel(keys.DEAD_HITS, *theirs)
        return count

    async def _theirs(self, letters: list[_Letter], traces: Traces) -> list[bytes]:
        said = [one for letter in letters for one in letter.said]
        devices = await self._store.load({one.hit.device_contact_id for one in said})
        named = {value for one in said for value in one.values}
        listed = {value: one.erased_us for value, one in (await self._suppression.find(named)).items()}
        erased_us = {**listed, **traces.values}
        texts = {value.value for value in traces.values} | traces.devices
        return [
            letter.id
            for letter in letters
            if any(_is_theirs(one, devices, traces, erased_us) for one in letter.said)
            or (not letter.is_whole and _has_text(letter.data, texts))
        ]

    def _letter(self, entry_id: bytes, data: bytes) -> _Letter:
        try:
            hits = decode_batch(data)
        except msgspec.DecodeError:
            return _Letter(entry_id, data, [], False)
        try:
            return _Letter(entry_id, data, [self._read(hit) for hit in hits], True)
        except ValueError:
            return _Letter(entry_id, data, [_Said(hit, set(), 0) for hit in hits], False)

    def _read(self, hit: Hit) -> _Said:
        if hit.door != Door.STATEMENT:
            said = parameters_of(hit.query, hit.body, hit.referer.decode("utf-8", "replace"))
            return _Said(hit, self._values(said), 0)
        statement = decode_statement(hit.body)
        told = {**statement.fields, "email": statement.email or statement.fields.get("email")}
        return _Said(hit, self._values(told), int(statement.contact_id or 0))

    def _values(self, told: Mapping[str, Value]) -> set[UniqueValue]:
        given = [(field, str(told[field])) for field in self._unique_fields if told.get(field)]
        return {UniqueValue(field, value) for field, text in given if (value := normalise_unique(field, text))}


def _is_theirs(
    said: _Said, devices: dict[int, Profile | None], traces: Traces, erased_us: dict[UniqueValue, int]
) -> bool:
    """A hit from after the erasure is somebody else's."""
    hit = said.hit
    if any(hit.time_us < erased_us.get(value, 0) for value in said.values):
        return True
    device = devices[hit.device_contact_id] or Profile(hit.device_contact_id)
    of_device = device.contact_at(hit.time_us, hit.event_id, hit.received_us) if hit.device_id else 0
    return any(hit.time_us < traces.deleted_us.get(one, 0) for one in (of_device, said.contact_id))


def _has_text(data: bytes, texts: Iterable[str]) -> bool:
    plain = data.decode("utf-8", "replace").casefold()
    return any(text.casefold() in form for form in (plain, unquote_plus(plain)) for text in texts)
