"""The suppression list: unique values of people who were erased, as keyed hashes, with the time of the erasure.

A hit from before that time must not bring its person back, by whichever way it comes again. The list is made of
records, so it outlives a loss of Redis. Nobody can read a value from it, nor try one without the secret."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from services.common.records import Record, RecordStore, Ref
from services.common.values import UniqueValue

KIND = "erased"


class Erasure(msgspec.Struct):
    erased_us: int


class Erasures:
    def __init__(self, records: RecordStore, secrets: tuple[str, ...]) -> None:
        self._records = records
        # The oldest secret, whatever is put before it: what was erased stays so.
        self._key = blake2b(secrets[-1].encode(), person=b"erased-values", digest_size=32).digest()

    async def times(self, values: Iterable[UniqueValue]) -> dict[UniqueValue, int]:
        """When each of these was erased, microseconds; those that never were are left out. Raises `RedisError`."""
        refs = {self._ref(value): value for value in values}
        stored = await self._records.load(refs)
        return {refs[ref]: _decoder.decode(record.data).erased_us for ref, record in stored.items() if record.data}

    async def put(self, values: Iterable[UniqueValue], erased_us: int) -> list[Record]:
        """Notes them; returns what was written, to be projected. Raises `RedisError`."""
        data = msgspec.json.encode(Erasure(erased_us))
        waiting = [self._ref(value) for value in values]
        written: list[Record] = []
        while waiting:
            stored = await self._records.load(waiting)
            records = [Record(ref, stored[ref].version if ref in stored else 0, data) for ref in waiting]
            versions = await self._records.write(records)
            written += [one._replace(version=versions[one.ref]) for one in records if versions[one.ref]]
            waiting = [ref for ref in waiting if not versions[ref]]
        return written

    def _ref(self, value: UniqueValue) -> Ref:
        text = f"{value.field}\0{value.value}".encode("utf-8", "surrogatepass")
        return Ref(KIND, blake2b(text, key=self._key, digest_size=16).hexdigest())


_decoder = msgspec.json.Decoder(Erasure)
