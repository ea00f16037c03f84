"""Links, downloads, forms, notes, stages, categories, campaigns and tags as they are described. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from services.contacts.shapes import Id, NoItems, Nothing, OtherId, Published, Ref, Said, Shown, Time

AnyId = Annotated[int | str | None, Meta(description="null in the answer to DELETE", examples=[4711])]
Text = Annotated[str, Meta(max_length=191)] | UnsetType
LongText = Annotated[str, Meta(max_length=4_096)] | UnsetType
Url = Annotated[str, Meta(max_length=2_048, examples=["https://shop.example/offer"])] | UnsetType
Name = Annotated[str, Meta(max_length=191, examples=["Spring offer"])] | UnsetType
Shade = Annotated[str, Meta(pattern="^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", examples=["4e5d9d"])] | UnsetType


class Record(Published):
    """What every record has."""

    id: AnyId


class Link(Record):
    """A tracked link."""

    name: Annotated[str, Meta(examples=["Spring offer"])]
    url: Annotated[str, Meta(examples=["https://shop.example/offer"])]
    redirect_id: Annotated[str, Meta(examples=["4711"])]
    path: Annotated[str, Meta(description="Below ingest's address", examples=["/r/4711"])]


class LinkChange(Said):
    url: Url = UNSET
    name: Name = UNSET
    redirect_id: (
        Annotated[
            str, Meta(pattern="^[A-Za-z0-9_-]{8,64}$", description="POST: the id that it had in an older installation")
        ]
        | UnsetType
    ) = UNSET
    is_published: bool | UnsetType = UNSET


class Asset(Record):
    """A file that is kept elsewhere, whose downloads are counted."""

    title: Annotated[str, Meta(examples=["Price list"])]
    alias: str
    category: Nothing
    description: str | None
    language: Annotated[str, Meta(examples=["en"])]
    publish_up: Nothing
    publish_down: Nothing
    revision: Annotated[int, Meta(examples=[1])]
    download_count: Annotated[int, Meta(examples=[12])]
    unique_download_count: Annotated[int, Meta(examples=[7])]
    extension: Annotated[str | None, Meta(examples=["pdf"])]
    mime: Annotated[str | None, Meta(examples=["application/pdf"])]
    size: Nothing
    disallow: bool
    download_url: Annotated[str, Meta(examples=["/asset/4711:price_list"])]
    storage_location: Annotated[str, Meta(examples=["remote"])]
    file: Annotated[str, Meta(examples=["https://files.example/prices.pdf"])]


class AssetChange(Said):
    title: Annotated[str, Meta(max_length=191, examples=["Price list"])] | UnsetType = UNSET
    file: Annotated[str, Meta(max_length=2_048, examples=["https://files.example/prices.pdf"])] | UnsetType = UNSET
    storage_location: Literal["remote"] | UnsetType = UNSET
    alias: Text = UNSET
    description: LongText = UNSET
    language: Annotated[str, Meta(max_length=10, examples=["en"])] | UnsetType = UNSET
    disallow: bool | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class FormField(Shown):
    id: Id
    label: Annotated[str, Meta(examples=["Your e-mail address"])]
    show_label: bool
    alias: Annotated[str, Meta(examples=["email"])]
    type: Annotated[str, Meta(examples=["email"])]
    default_value: str | None
    is_required: bool
    validation_message: str | None
    order: int
    properties: dict[str, Any] | NoItems
    mapped_object: Annotated[str | None, Meta(description="contact or company", examples=["contact"])]
    mapped_field: Annotated[str | None, Meta(description="The field that takes the value", examples=["email"])]
    lead_field: Annotated[str | None, Meta(description="The same, if it is a contact's", examples=["email"])]


class FormAction(Shown):
    id: Id
    type: Annotated[str, Meta(examples=["lead.changetags"])]
    name: str
    order: int
    properties: dict[str, Any] | NoItems


class Form(Record):
    """What pages submit."""

    name: Annotated[str, Meta(examples=["Newsletter"])]
    alias: Annotated[str, Meta(examples=["newsletter"])]
    category: Nothing
    description: str | None
    publish_up: Nothing
    publish_down: Nothing
    form_type: str
    post_action: Annotated[str, Meta(examples=["message"])]
    post_action_property: Annotated[str | None, Meta(examples=["Thank you."])]
    in_kiosk_mode: bool
    fields: list[FormField]
    actions: list[FormAction]
    submit_path: Annotated[str, Meta(examples=["/form/submit?formId=4711"])]


class SaidFormField(Said):
    label: Annotated[str, Meta(max_length=191, examples=["Your e-mail address"])]
    alias: Annotated[str, Meta(max_length=191, examples=["email"])] | UnsetType = UNSET
    type: Annotated[str, Meta(examples=["email"])] | UnsetType = UNSET
    mapped_object: Literal["contact", "company"] | UnsetType = UNSET
    mapped_field: Annotated[str, Meta(examples=["email"])] | UnsetType = UNSET
    is_required: bool | UnsetType = UNSET
    validation_message: Text = UNSET
    properties: Annotated[dict[str, Any], Meta(description="list: the choices")] | UnsetType = UNSET


class SaidFormAction(Said):
    type: Literal["lead.addutmtags", "lead.changetags"]
    name: Text = UNSET
    properties: (
        Annotated[dict[str, Any], Meta(description="add_tags, remove_tags", examples=[{"add_tags": ["reader"]}])]
        | UnsetType
    ) = UNSET


class FormChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Newsletter"])] | UnsetType = UNSET
    alias: Text = UNSET
    description: LongText = UNSET
    fields: (
        Annotated[
            list[SaidFormField],
            Meta(
                examples=[
                    [{"label": "Your e-mail address", "type": "email", "mappedField": "email", "isRequired": True}]
                ]
            ),
        ]
        | UnsetType
    ) = UNSET
    actions: list[SaidFormAction] | UnsetType = UNSET
    post_action: Literal["message", "return", "redirect"] | UnsetType = UNSET
    post_action_property: Annotated[str, Meta(max_length=2_048, examples=["Thank you."])] | UnsetType = UNSET
    in_kiosk_mode: bool | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class Note(Record):
    """What somebody wrote down about a contact."""

    text: Annotated[str, Meta(examples=["Asked for an offer."])]
    type: Annotated[str, Meta(description="general, email, call or meeting", examples=["call"])]
    date_time: Time
    lead: Ref


class NoteChange(Said):
    lead: Annotated[Id, Meta(description="The contact")] | UnsetType = UNSET
    text: Annotated[str, Meta(max_length=65_535, examples=["Asked for an offer."])] | UnsetType = UNSET
    type: Annotated[Literal["general", "email", "call", "meeting"], Meta(examples=["call"])] | UnsetType = UNSET
    date_time: Annotated[str, Meta(examples=["2026-01-31 12:00:00"])] | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class Stage(Record):
    """How far a contact has come."""

    name: Annotated[str, Meta(examples=["Trial"])]
    category: Ref | None
    weight: int
    description: str | None
    publish_up: Nothing
    publish_down: Nothing


class StageChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Trial"])] | UnsetType = UNSET
    weight: Annotated[int, Meta(ge=-999_999_999, le=999_999_999)] | UnsetType = UNSET
    description: LongText = UNSET
    category: OtherId | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class Category(Record):
    title: Annotated[str, Meta(examples=["Partners"])]
    alias: Annotated[str, Meta(examples=["partners"])]
    description: str | None
    color: Annotated[str | None, Meta(examples=["4e5d9d"])]
    bundle: Annotated[str, Meta(examples=["global"])]


class CategoryChange(Said):
    title: Annotated[str, Meta(max_length=191, examples=["Partners"])] | UnsetType = UNSET
    alias: Text = UNSET
    bundle: Annotated[str, Meta(examples=["global"])] | UnsetType = UNSET
    color: Shade = UNSET
    description: LongText = UNSET
    is_published: bool | UnsetType = UNSET


class Campaign(Record):
    """What contacts are put in; what it does is decided elsewhere."""

    name: Annotated[str, Meta(examples=["Welcome"])]
    category: Ref | None
    description: str | None
    allow_restart: bool
    publish_up: Nothing
    publish_down: Nothing
    events: list[Any]
    lists: list[Any]
    forms: list[Any]


class CampaignChange(Said):
    name: Annotated[str, Meta(max_length=191, examples=["Welcome"])] | UnsetType = UNSET
    description: LongText = UNSET
    category: OtherId | UnsetType = UNSET
    is_published: bool | UnsetType = UNSET


class CampaignMember(Shown, rename=None):
    """A contact of a campaign, as a row of a database."""

    campaign_id: Id
    lead_id: Id
    date_added: Time
    manually_removed: bool
    manually_added: bool


class CampaignOfContact(Shown):
    id: Id
    name: Annotated[str, Meta(examples=["Welcome"])]
    date_added: Time
    manually_removed: bool
    manually_added: bool
    list_membership: list[int]


class CategoryOfContact(Shown):
    id: Id
    title: Annotated[str, Meta(examples=["Partners"])]
    alias: Annotated[str, Meta(examples=["partners"])]
    color: Annotated[str | None, Meta(examples=["4e5d9d"])]
    date_added: Time


class Tag(Shown):
    """What contacts carry."""

    id: AnyId
    tag: Annotated[str, Meta(examples=["customer"])]
    description: str | None


class TagDescription(Said):
    description: Annotated[str, Meta(max_length=4_096, examples=["Bought something"])] | UnsetType = UNSET


class TagEdit(TagDescription):
    """A tag keeps its name: only PUT names one, to make it."""

    tag: Annotated[str, Meta(max_length=191, description="Only of a new one")] | UnsetType = UNSET


class TagChange(Said):
    tag: Annotated[str, Meta(max_length=191, examples=["customer"])] | UnsetType = UNSET
    description: LongText = UNSET
