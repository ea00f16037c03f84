"""Choices that forms of kept things are made of: what there is of another kind, by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from services.common.envelope import ApiError
from services.contacts.ui.inner_api import InnerApi, things_of
from services.contacts.ui.keeping.kept import Choices

MOST = 1_000  # things to choose from
OWNERS = "/api/contacts/list/owners"
Load = Callable[[InnerApi], Awaitable[Choices]]


def choices_of(path: str, plural: str, name: str = "name", narrowed: Mapping[str, str] = {}) -> Load:
    """Of a list of the API, by name; none where the caller may not see it."""

    async def load(api: InnerApi) -> Choices:
        try:
            found = await api.get(path, {"limit": MOST, "orderBy": name, **narrowed})
        except ApiError as error:
            if error.status != 403:
                raise
            return ()
        return [(str(one["id"]), str(one.get(name) or one["id"])) for one in things_of(found, plural)]

    return load


def categories_of(*bundles: str) -> Load:
    return choices_of("/api/categories", "categories", "title", in_bundles(*bundles))


def in_bundles(*bundles: str) -> Mapping[str, str]:
    """How a list of categories is asked for those of these bundles alone."""
    return {"where[0][col]": "bundle", "where[0][expr]": "in", "where[0][val]": ",".join(bundles)}


async def owners(api: InnerApi) -> Choices:
    """Users; none for whoever may not name one."""
    return [(str(one["id"]), owner_name(one)) for one in await api.things_seen(OWNERS, "", {"limit": MOST})]


def owner_name(owner: Mapping[str, Any]) -> str:
    """Of a user as lists of owners and contacts have it."""
    full = f"{owner['firstName'] or ''} {owner['lastName'] or ''}".strip()
    return full or str(owner.get("username") or owner["id"])
