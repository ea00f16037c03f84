"""The page about the API is made of the document: what it shows of operations and schemas."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.openapi import Json, document_of
from services.common.operation import BINARY, Operation, Parameter, described
from services.contacts.docs.api_pages import error_example, groups_of, kind_of, schemas_of
from services.contacts.docs.docs import render


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    """<b>What</b> there is."""

    name: Annotated[str, Meta(max_length=9, description="How it is called", examples=["Ada's"])]


async def handler(_: Request) -> Response:
    return Response()


def document() -> Json:
    listed = Operation("List", {"total": int, "things": list[Thing]}, (Parameter("search", example="a b"),))
    made = Operation("Make", {"thing": Thing}, body=Thing, success={201: "New"})
    return document_of(
        "Test",
        [
            described("/api/things", handler, get=listed),
            described("/api/things/{id}/new", handler, post=made),
            described("/api/old/{id}/new", handler, post=made, old_name_of="/api/things/{id}/new"),
        ],
    )


def text(words: list[tuple[str, str]]) -> str:
    return "".join(word for word, _ in words)


def test_old_names_stand_beside_the_operation_that_they_mean() -> None:
    [listed, made] = groups_of(document())["things"]
    assert (listed.old_names, made.old_names) == ([], ["/api/old/{id}/new"])
    assert list(groups_of(document())) == ["things"]


def test_a_call_can_be_copied_into_a_shell() -> None:
    [listed, made] = groups_of(document())["things"]
    assert shlex.split(listed.curl.replace("\\\n", "")) == [
        "curl", "-u", "$LOGIN", "$SPOOR/api/things", "-G", "--data-urlencode", "search=a b"
    ]  # fmt: skip
    assert shlex.split(made.curl.replace("\\\n", ""))[2:] == [
        "$LOGIN", "-X", "POST", "$SPOOR/api/things/4711/new", "-H", "Content-Type: application/json", "-d",
        '{"name": "Ada\'s"}'
    ]  # fmt: skip


def test_types_are_told_in_words_that_lead_to_schemas() -> None:
    answer = groups_of(document())["things"][0].answers[0]
    assert text(answer.kind) == "{total: whole number, things: list of Thing}"
    assert ("Thing", "Thing") in answer.kind
    assert text(kind_of({"anyOf": [{"type": "string"}, {"type": "null"}]})) == "text or null"


def test_a_property_is_told_with_its_bounds_and_its_example() -> None:
    [thing] = [schema for schema in schemas_of(document()) if schema.name == "Thing"]
    assert not thing.is_open
    [row] = thing.rows
    assert (row.name, row.text, row.is_needed, row.example) == (
        "name", "How it is called, up to 9 characters", True, '"Ada\'s"'
    )  # fmt: skip


def test_a_file_is_told_in_each_way_that_it_may_come_and_sent_by_the_call() -> None:
    uploads = {"image/*": BINARY, "multipart/form-data": {"image": BINARY}}
    route = described("/api/pictures", handler, post=Operation("Upload", uploads=uploads))
    [shown] = groups_of(document_of("Test", [route]))["pictures"]
    assert text(shown.uploads) == "image/*: file, or multipart/form-data: {image: file}"
    assert shlex.split(shown.curl.replace("\\\n", ""))[-2:] == ["-F", "image=@image.png"]
    assert not shown.body


def test_an_error_is_shown_as_it_comes() -> None:
    [error] = json.loads(error_example(document()))["errors"]
    assert error["code"] == 400
    assert "email" in error["details"]


def test_texts_are_escaped() -> None:
    assert "&lt;b&gt;What" in render(document())
    assert "<b>What" not in render(document())
