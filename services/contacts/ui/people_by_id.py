"""What contacts are called that other things name by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.contacts.ui.inner_api import InnerApi
from services.contacts.ui.people_names import name_of


async def names_of(api: InnerApi, ids: Iterable[int]) -> Mapping[int, str]:
    """Of those that there are and the caller may see; of no more than a page shows."""
    asked = sorted({one for one in ids if one})
    if not asked:
        return {}
    query = {"search": f"ids:{','.join(map(str, asked))}", "limit": len(asked)}
    return {one["id"]: name_of(one) for one in await api.things("/api/contacts", "contacts", query)}
