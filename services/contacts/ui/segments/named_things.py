"""The things that filters name by their ids, as choices: asked for where a row needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from services.common.documents import ASSET, CAMPAIGN, CATEGORY, CONTACT_CATEGORIES, EMAIL, LINK, SEGMENT, STAGE
from services.contacts.ui.inner_api import InnerApi
from services.contacts.ui.keeping.choices import Load, categories_of, choices_of, owners
from services.contacts.ui.keeping.kept import Choices
from services.contacts.ui.segments.catalogue import OWNER, TAG, Catalogue
from services.contacts.ui.segments.filter_rows import Row


async def _tags(api: InnerApi) -> Choices:
    """By name: that is what contacts carry."""
    return [(label, label) for _, label in await choices_of("/api/tags", "tags", "tag")(api)]


_LOADS: Mapping[str, Load] = {
    SEGMENT: choices_of("/api/segments", "lists"),
    CAMPAIGN: choices_of("/api/campaigns", "campaigns"),
    STAGE: choices_of("/api/stages", "stages"),
    CATEGORY: categories_of(CONTACT_CATEGORIES),
    EMAIL: choices_of("/api/emails", "emails"),
    ASSET: choices_of("/api/assets", "assets", "title"),
    LINK: choices_of("/api/links", "links"),
    OWNER: owners,
    TAG: _tags,
}


async def named_things(api: InnerApi, rows: Iterable[Row], fields: Catalogue) -> Mapping[str, Choices]:
    """Of each kind that these rows name."""
    kinds = {field.named for row in rows if (field := fields.get(row.key)) and field.named}
    return dict(zip(kinds, await asyncio.gather(*(_LOADS[kind](api) for kind in kinds)), strict=True))
