"""Which fields of a contact a hit may set: as kept in the registry, and before anybody changed that, as set."""

from __future__ import annotations

from services.common.documents import CONTACT_FIELDS, FIELDS, FieldRegistry, decode_document
from services.common.record_cache import RecordCache
from services.common.records import RecordStore


class PublicFields:
    """Read with a short cache, so a change counts everywhere within a second or two."""

    def __init__(self, store: RecordStore, preset: tuple[str, ...]) -> None:
        self._cache = RecordCache(store, FIELDS, lambda data: decode_document(data, FieldRegistry))
        self._preset = preset

    async def now(self) -> tuple[str, ...]:
        """Raises `RedisError` if it was never read."""
        registry = await self._cache.get(CONTACT_FIELDS)
        return tuple(registry.publicly_updatable) if registry else self._preset
