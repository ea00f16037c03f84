"""A webhook as it is described: what the API shows of one, and what it can be told. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from services.contacts.records.record_shapes import LongText, Record
from services.contacts.shapes import OtherId, Ref, Said, Shown, Time

Order = Literal["ASC", "DESC"]


class Hook(Record):
    """An address that is told of what happens."""

    name: Annotated[str, Meta(examples=["New contacts"])]
    description: str | None
    webhook_url: Annotated[str, Meta(examples=["https://hooks.example/new"])]
    secret: Annotated[str, Meta(description="What its calls are signed with")]
    events_orderby_dir: Annotated[Order, Meta(description="DESC: the newest first", examples=["ASC"])]
    category: Ref | None
    triggers: Annotated[list[str], Meta(examples=[["mautic.lead_post_save_new"]])]


class HookWithState(Hook):
    """A webhook, and how its calls go."""

    last_status: Annotated[int | None, Meta(description="null: it was not reached", examples=[200])]
    last_error: str | None
    last_attempt: Time
    last_delivery: Time
    failures: Annotated[int, Meta(description="Since the last call that went well", examples=[0])]
    queued: Annotated[int, Meta(description="What it is still to be told of", examples=[0])]


class HookChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["New contacts"])] | UnsetType = UNSET
    webhook_url: Annotated[str, Meta(max_length=2_048, examples=["https://hooks.example/new"])] | UnsetType = UNSET
    triggers: (
        Annotated[
            list[str],
            Meta(
                description="Names of /api/hooks/triggers; they come to those that there are",
                examples=[["mautic.lead_post_save_new"]],
            ),
        ]
        | UnsetType
    ) = UNSET
    secret: Annotated[str, Meta(max_length=191, description="Made where none is said")] | UnsetType = UNSET
    events_orderby_dir: Order | UnsetType = UNSET
    description: LongText = UNSET
    category: OtherId | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class Trigger(Shown):
    """What a webhook can be told of."""

    label: str
    description: str


class Delivery(Shown):
    """One call of a webhook."""

    date_added: Time
    status_code: Annotated[int | None, Meta(description="null: it was not reached", examples=[200])]
    runtime: Annotated[float, Meta(description="Seconds", examples=[0.12])]
    items: Annotated[int, Meta(description="What it was told of")]
    note: Annotated[str | None, Meta(description="What went wrong")]
