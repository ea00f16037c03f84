"""Batch actions and jobs as they are described: what they can be told, and what the API shows of them. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from services.common.operation import by_id
from services.contacts.jobs.action import ACTIONS
from services.contacts.records.record_shapes import Record
from services.contacts.shapes import Id, OtherId, Said, Shown, Success, Time

ActionName = Annotated[str, Meta(extra_json_schema={"enum": list(ACTIONS)})]
Things = list[int | str]


class Job(Record):
    """One action on all contacts of a segment or a search, and how far it has come."""

    action: Annotated[str, Meta(examples=["tags"])]
    segment: Annotated[int | None, Meta(description="Whose contacts", examples=[4711])]
    search: Annotated[str | None, Meta(description="null when it has ended", examples=["tag:customer"])]
    status: Annotated[Literal["running", "done", "failed", "cancelled"], Meta(examples=["running"])]
    total: Annotated[int, Meta(examples=[1000])]
    done: Annotated[int, Meta(examples=[200])]
    failed: Annotated[int, Meta(examples=[0])]
    errors: Annotated[dict[str, str], Meta(description="What went wrong, by contact: the first 20", examples=[{}])]
    message: Annotated[str | None, Meta(description="Why it failed as a whole")]
    date_ended: Time


class BatchAction(Said):
    """Who is meant, by one of ids, search and segment; and what the action needs."""

    ids: Annotated[list[Id], Meta(description="Contacts, done at once", examples=[[4711]])] | UnsetType = UNSET
    search: Annotated[str, Meta(min_length=1, description="All who are found: a job")] | UnsetType = UNSET
    segment: Annotated[OtherId, Meta(description="All who are in it: a job")] | UnsetType = UNSET
    add: (
        Annotated[
            Things,
            Meta(description="campaigns, categories, segments, stages: ids; tags: names", examples=[["customer"]]),
        ]
        | UnsetType
    ) = UNSET
    remove: Annotated[Things, Meta(description="The same")] | UnsetType = UNSET
    owner: Annotated[int | None, Meta(description="owner: the id of a user; null for nobody")] | UnsetType = UNSET
    subscribe: Annotated[list[str], Meta(description="channels: may be used again")] | UnsetType = UNSET
    unsubscribe: Annotated[list[str], Meta(description="channels: are not to be used")] | UnsetType = UNSET
    frequency_rules: (
        Annotated[dict[str, dict[str, Any]], Meta(description="channels: how often, by channel")] | UnsetType
    ) = UNSET
    channel: Annotated[str, Meta(description="dnc: email unless said")] | UnsetType = UNSET
    reason: Annotated[str, Meta(max_length=4_096, description="channels, dnc: in words")] | UnsetType = UNSET


class ActionOutcome(Shown):
    """What became of one contact."""

    success: bool
    error: Annotated[str, Meta(description="Only when it failed")] | UnsetType = UNSET
    code: Annotated[int, Meta(description="Its status", examples=[404])] | UnsetType = UNSET
    unsubscribed: (
        Annotated[list[str], Meta(description="Channels that the contact itself does not want: they stay so")]
        | UnsetType
    ) = UNSET


_OUTCOMES = {"4711": {"success": True}, "4712": {"success": False, "error": "Item was not found.", "code": 404}}
ACTED = {
    "success": Success,
    "affected": int,
    "details": Annotated[by_id(ActionOutcome), Meta(description="By id", examples=[_OUTCOMES])],
}
