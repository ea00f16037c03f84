"""The suppression list: which unique values were erased with their contact, and when. No value is in it.

A record of the kind `erased` has a keyed hash of the field and the value as its id. By it a hit that is older than the
erasure, wherever it was kept, does not bring the person back; a later one is a new contact's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from services.common import keys
from services.common.profile import VERSION_DIGITS
from services.common.profiles import ProfileStore
from services.common.records import Record, RecordStore, Ref
from services.common.values import Claim, UniqueValue

KIND = "erased"
ROUNDS = 100


class Suppressed(msgspec.Struct, frozen=True):
    """When a value was erased, microseconds, the last time; and the ids of the contacts that carried it."""

    erased_us: int
    contact_ids: tuple[int, ...]


class SuppressionList:
    def __init__(self, store: ProfileStore, records: RecordStore, secrets: tuple[str, ...]) -> None:
        self._store, self._records = store, records
        # The oldest secret, as for foreign device ids: one that is put before it must not make the list forget.
        self._key = hashlib.blake2b(secrets[-1].encode(), person=b"erased-value", digest_size=32).digest()

    async def holders(
        self, values: Iterable[UniqueValue]
    ) -> tuple[dict[UniqueValue, Claim | None], dict[UniqueValue, int]]:
        """In one round trip who holds each of these, and when those of them were erased that ever were."""
        wanted = list(values)
        names = [keys.record(*self.ref(value)) for value in wanted]
        holders, stored = await self._store.holders_beside(wanted, names)
        erased = zip(wanted, stored, strict=True)
        return holders, {value: _decode(one[VERSION_DIGITS:]).erased_us for value, one in erased if one}

    async def find(self, values: Iterable[UniqueValue]) -> dict[UniqueValue, Suppressed]:
        """Those of the values that were ever erased. Raises `RedisError`."""
        refs = {self.ref(value): value for value in values}
        return {refs[ref]: _decode(one.data) for ref, one in (await self._records.load(refs)).items()}

    async def put(self, values: Iterable[UniqueValue], contact_id: int, erased_us: int) -> list[Record]:
        """Lists them as erased with this contact. Returns what was written, to be projected; what is listed already is
        not written again."""
        waiting = {self.ref(value) for value in values}
        written: list[Record] = []
        for _ in range(ROUNDS):
            stored = await self._records.load(waiting)
            news = [one for ref in waiting if (one := _listed(ref, stored.get(ref), contact_id, erased_us))]
            versions = await self._records.write(news)
            written += [one._replace(version=versions[one.ref]) for one in news if versions[one.ref]]
            waiting = {one.ref for one in news if not versions[one.ref]}
            if not waiting:
                return written
        raise RuntimeError("others write the suppression list all the time")

    def ref(self, value: UniqueValue) -> Ref:
        text = "\0".join(value).encode("utf-8", "surrogatepass")
        return Ref(KIND, hashlib.blake2b(text, key=self._key, digest_size=16).hexdigest())


def _listed(ref: Ref, stored: Record | None, contact_id: int, erased_us: int) -> Record | None:
    """The record with this erasure, None when it says that already."""
    old = _decode(stored.data) if stored else Suppressed(0, ())
    if contact_id in old.contact_ids and old.erased_us >= erased_us:
        return None
    ids = tuple(sorted({*old.contact_ids, contact_id}))
    new = Suppressed(max(old.erased_us, erased_us), ids)
    return Record(ref, stored.version if stored else 0, msgspec.json.encode(new))


def _decode(data: bytes) -> Suppressed:
    return msgspec.json.decode(data, type=Suppressed)
