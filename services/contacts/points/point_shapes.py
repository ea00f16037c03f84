"""A rule for points as it is described: what the API shows of one, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from services.contacts.records.record_shapes import LongText, Record
from services.contacts.shapes import Nothing, OtherId, Ref, Said

Type = Literal["asset.download", "email.open", "form.submit", "url.hit"]


class PointRule(Record):
    """Points for what a contact does."""

    name: Annotated[str, Meta(examples=["Read the prices"])]
    category: Ref | None
    type: Annotated[Type, Meta(examples=["url.hit"])]
    description: str | None
    delta: Annotated[int, Meta(description="How many points", examples=[5])]
    repeatable: Annotated[bool, Meta(description="Also for the second time")]
    publish_up: Nothing
    publish_down: Nothing
    properties: Annotated[
        dict[str, Any],
        Meta(description="page_url, or a list of ids: assets, emails, forms", examples=[{"page_url": "/prices"}]),
    ]


class PointRuleChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Read the prices"])] | UnsetType = UNSET
    type: Annotated[Type, Meta(examples=["url.hit"])] | UnsetType = UNSET
    delta: Annotated[int, Meta(ge=-999_999_999, le=999_999_999, examples=[5])] | UnsetType = UNSET
    properties: (
        Annotated[
            dict[str, Any],
            Meta(
                description="url.hit: page_url, with * for anything; else assets, emails or forms: ids, none for any",
                examples=[{"page_url": "/prices"}],
            ),
        ]
        | UnsetType
    ) = UNSET
    repeatable: bool | UnsetType = UNSET
    description: LongText = UNSET
    category: OtherId | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET
