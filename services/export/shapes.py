"""An export as it is described: what one is asked for, and how far it is. Pure."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.export.files.packing import Packing
from services.export.jobs.wish import Format, Header, Of, To

Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])]


class NewExport(msgspec.Struct):
    """Who is exported, and what of them; nothing said is everybody."""

    of: Of | UnsetType = UNSET
    search: (
        Annotated[str, Meta(description="As in the list of contacts, or of companies", examples=["city:london"])]
        | UnsetType
    ) = UNSET
    columns: (
        Annotated[list[str] | str, Meta(description="Names, or a text with commas; all", examples=[["id", "email"]])]
        | UnsetType
    ) = UNSET
    format: Format | UnsetType = UNSET
    packing: Annotated[Packing, Meta(description="Of CSV and NDJSON")] | UnsetType = UNSET
    header: Annotated[Header, Meta(description="The first line: names, or labels as people read them")] | UnsetType = (
        UNSET
    )
    id: Annotated[int, Meta(description="Of a person", ge=1, examples=[4711])] | UnsetType = UNSET
    notify: Annotated[bool, Meta(description="By a mail with a link, when it is done")] | UnsetType = UNSET
    to: (
        Annotated[To, Meta(description="Where the file goes: here, or into the S3 store of the settings")] | UnsetType
    ) = UNSET


class Export(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Times are seconds since 1970; 0 for not yet."""

    id: Id
    of: Of
    search: str
    columns: Annotated[list[str], Meta(description="Empty for those that are usual")]
    format: Format
    packing: Packing
    header: Header
    since: Annotated[int, Meta(description="Of events: microseconds since 1970; 0 for any time")]
    until: int
    person_id: Annotated[int, Meta(description="Of a person, else 0")]
    notify: bool
    to: To
    object: Annotated[str, Meta(description="The address of the file, where it goes into the store")]
    schedule_id: Annotated[str, Meta(description="By which it was made; empty for none")]
    notice_to: Annotated[str, Meta(description="Who gets a mail when it is done; empty for nobody")]
    notice: Annotated[str, Meta(description="What became of that mail: waiting, sent, or why not")]
    status: Annotated[str, Meta(description="queued, running, done, failed, expired, removed", examples=["done"])]
    created_at: float
    started_at: float
    finished_at: float
    expires_at: Annotated[float, Meta(description="When the file is removed; 0 for never, or not by us")]
    total: Annotated[int, Meta(description="How many rows there were when it was asked for")]
    rows: Annotated[int, Meta(description="So many are written")]
    bytes: int
    attempts: int
    error: str
    user_id: int
    user: str
    download: Annotated[str | None, Meta(description="Where the file is, when it is whole")]
