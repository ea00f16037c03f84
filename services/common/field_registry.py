"""What holds for the fields of contacts: as kept in the registry, and before anybody changed that, as set."""

from __future__ import annotations

from services.common.contact_fields import FieldRules
from services.common.documents import CONTACT_FIELDS, FIELDS, FieldRegistry, decode_document
from services.common.record_cache import RecordCache
from services.common.records import RecordStore
from services.common.settings import Settings


class Fields:
    """Read with a short cache, so a change counts everywhere within a second or two."""

    def __init__(self, store: RecordStore, settings: Settings) -> None:
        self._cache = RecordCache(store, FIELDS, lambda data: decode_document(data, FieldRegistry))
        self._preset = preset_rules(settings)

    async def now(self) -> FieldRules:
        """Raises `RedisError` if it was never read."""
        return rules_of(await self._cache.get(CONTACT_FIELDS), self._preset)


def preset_rules(settings: Settings) -> FieldRules:
    return FieldRules(settings.publicly_updatable, settings.unique_fields)


def rules_of(registry: FieldRegistry | None, preset: FieldRules) -> FieldRules:
    if registry is None:
        return preset
    unique = preset.unique if registry.unique is None else tuple(registry.unique)
    return FieldRules(tuple(registry.publicly_updatable), unique)
