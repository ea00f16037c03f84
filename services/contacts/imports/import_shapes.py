"""Imports as they are described: what they can be told, and what the API shows of them. Pure."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from services.contacts.imports.document import Status
from services.contacts.records.record_shapes import Record
from services.contacts.shapes import Id, OtherId, Said, Shown, Time

Share = Annotated[float, Meta(ge=0, le=100, description="Percent of the lines of the file", examples=[42.5])]


class Parser(Shown):
    """How the file is written."""

    delimiter: Annotated[str, Meta(examples=[","])]
    quote: Annotated[str, Meta(description="'' for none", examples=['"'])]
    escape: Annotated[str, Meta(description="'' for none; within quotes two of them are one", examples=[""])]
    encoding: Annotated[str, Meta(examples=["utf-8"])]


class ImportColumn(Shown):
    """One column of the file, and what it becomes."""

    header: Annotated[str, Meta(examples=["E-mail"])]
    field: Annotated[str | None, Meta(description="null: nothing", examples=["email"])]


class ImportDefaults(Shown):
    """What every contact of the file gets."""

    owner: Annotated[int | None, Meta(description="The id of a user; null: nobody is said")]
    segments: list[Id]
    tags: Annotated[list[str], Meta(examples=[["fair"]])]


class FailedRow(Shown):
    line: Annotated[int, Meta(ge=1, description="Of the file, in which the row begins", examples=[7])]
    error: Annotated[str, Meta(examples=["email: This value is not a valid email address."])]


class Import(Record):
    """A file of contacts, and how far its import is."""

    name: Annotated[str, Meta(description="Of the file", examples=["contacts.csv"])]
    status: Annotated[Status, Meta(examples=["running"])]
    bytes: Annotated[int, Meta(ge=0)]
    line_count: Annotated[int, Meta(ge=0, description="Lines of the file", examples=[1001])]
    parser: Parser
    columns: list[ImportColumn]
    defaults: ImportDefaults
    skip_if_exists: Annotated[bool, Meta(description="Fields that have a value keep it")]
    rows: Annotated[int, Meta(ge=0, description="That are done", examples=[400])]
    inserted: Annotated[int, Meta(ge=0, examples=[300])]
    updated: Annotated[int, Meta(ge=0, examples=[99])]
    failed: Annotated[int, Meta(ge=0, examples=[1])]
    progress: Share
    rows_per_second: Annotated[float | None, Meta(description="Since it was started")]
    date_started: Time
    date_ended: Time
    message: Annotated[str | None, Meta(description="Why it failed as a whole")]
    preview: Annotated[list[list[str]] | UnsetType, Meta(description="The first rows, before it is started")] = UNSET
    failures: Annotated[list[FailedRow] | UnsetType, Meta(description="The first ones")] = UNSET


class ImportTarget(Shown):
    """What a column can become."""

    field: Annotated[str, Meta(examples=["email"])]
    label: Annotated[str, Meta(examples=["Email"])]


class ParserSaid(Said):
    delimiter: str | UnsetType = UNSET
    quote: str | UnsetType = UNSET
    escape: str | UnsetType = UNSET
    encoding: str | UnsetType = UNSET


class DefaultsSaid(Said):
    owner: OtherId | UnsetType | None = UNSET
    segments: list[Id] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


class ImportSaid(Said):
    """How a file is to be read, and what is to become of its columns."""

    parser: Annotated[ParserSaid, Meta(description="What is not named stays")] | UnsetType = UNSET
    mapping: (
        Annotated[
            Any,
            Meta(
                description="Fields by header, or for each column in its place; null or '' for nothing",
                examples=[{"E-mail": "email", "Surname": "lastname"}],
                extra_json_schema={"anyOf": [{"type": "object"}, {"type": "array"}]},
            ),
        ]
        | UnsetType
    ) = UNSET
    defaults: Annotated[DefaultsSaid, Meta(description="What is not named stays")] | UnsetType = UNSET
    skip_if_exists: Annotated[bool, Meta(description="Fields that have a value keep it")] | UnsetType = UNSET
