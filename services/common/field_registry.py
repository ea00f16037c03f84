"""What holds for the fields of contacts: as kept in the registry, and before anybody changed that, as set."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import FIELDS as FIXED
from services.common.contact_fields import Field, FieldRules
from services.common.documents import (
    CONTACT_FIELDS,
    FIELDS,
    FIELDS_OF_COMPANIES,
    CustomField,
    FieldRegistry,
    decode_document,
)
from services.common.record_cache import RecordCache
from services.common.records import RecordStore
from services.common.settings import Settings


class Fields:
    """Read with a short cache, so a change counts everywhere within a second or two."""

    def __init__(self, store: RecordStore, settings: Settings) -> None:
        self._preset = preset_rules(settings)
        self._of_companies = RecordCache(
            store, FIELDS, lambda data: with_made(COMPANY_FIELDS, decode_document(data, FieldRegistry))
        )
        self._cache = RecordCache(
            store, FIELDS, lambda data: rules_of(decode_document(data, FieldRegistry), self._preset)
        )

    async def now(self) -> FieldRules:
        """Raises `RedisError` if it was never read."""
        return await self._cache.get(CONTACT_FIELDS) or self._preset

    async def of_companies(self) -> Mapping[str, Field]:
        """By alias. Raises `RedisError` if it was never read."""
        return await self._of_companies.get(FIELDS_OF_COMPANIES) or COMPANY_FIELDS

    def forget(self) -> None:
        """The next look is a fresh one: they have just been changed."""
        self._cache.forget(CONTACT_FIELDS)
        self._of_companies.forget(FIELDS_OF_COMPANIES)


def preset_rules(settings: Settings) -> FieldRules:
    return FieldRules(settings.publicly_updatable, settings.unique_fields)


def rules_of(registry: FieldRegistry | None, preset: FieldRules) -> FieldRules:
    if registry is None:
        return preset
    public = preset.public if registry.publicly_updatable is None else tuple(registry.publicly_updatable)
    unique = preset.unique if registry.unique is None else tuple(registry.unique)
    made = [one for one in registry.custom if one.is_published]
    return FieldRules(
        (*public, *(one.alias for one in made if one.is_public)),
        (*unique, *(one.alias for one in made if one.is_unique)),
        with_made(FIXED, registry),
    )


def with_made(fixed: Mapping[str, Field], registry: FieldRegistry) -> Mapping[str, Field]:
    """The fields from the start, then those that were made and are published, in their order."""
    made = sorted((one for one in registry.custom if one.is_published), key=lambda one: (one.order, one.id))
    return {**fixed, **{one.alias: field_of(one) for one in made}}


def field_of(custom: CustomField) -> Field:
    choices = {choice.value: choice.label for choice in custom.choices}
    if custom.type == "boolean":
        choices = {"1": custom.yes, "0": custom.no}
    return Field(
        custom.id, custom.alias, custom.label, custom.type, custom.group,
        is_fixed=False, choices=choices, scale=custom.scale, default=custom.default_value,
    )  # fmt: skip
