"""An export as it is described: what one is asked for, and how far it is. Pure."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.export.job import Job

Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])]


class NewExport(msgspec.Struct):
    """Who is exported, and what of them; nothing said is everybody."""

    search: Annotated[str, Meta(description="As in the list of contacts", examples=["city:london"])] | UnsetType = UNSET
    columns: (
        Annotated[list[str] | str, Meta(description="Names, or a text with commas", examples=[["id", "email"]])]
        | UnsetType
    ) = UNSET


class Export(Job, forbid_unknown_fields=True, kw_only=True):
    """Times are seconds since 1970; 0 for not yet."""

    status: Annotated[str, Meta(description="queued, running, done, failed, removed", examples=["done"])]  # type: ignore[assignment]
    download: Annotated[str | None, Meta(description="Where the file is, when it is whole")]
