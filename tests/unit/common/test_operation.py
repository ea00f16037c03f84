"""A route is served as it is described, and the document says of it what was said and what all have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.openapi import Json, document_of
from services.common.operation import BINARY, DescribedRoute, OneOf, Operation, Parameter, by_id, described, part_of


class Thing(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    thing_id: Annotated[int, Meta(examples=[7])]
    name: str


async def handler(_: Request) -> Response:
    return Response()


def operation_of(route: DescribedRoute, method: str) -> Json:
    operation: Json = document_of("Test", [route])["paths"][route.path][method]
    return operation


def test_a_route_serves_the_methods_that_are_described() -> None:
    route = described("/api/things/{id}", handler, get=Operation("One"), delete=Operation("Delete"))
    assert route.methods == {"GET", "HEAD", "DELETE"}


def test_a_route_without_an_operation_cannot_be() -> None:
    with pytest.raises(ValueError, match="/api/things has no operation"):
        described("/api/things", handler)


def test_an_answer_has_exactly_the_keys_that_are_named() -> None:
    operation = Operation("List", {"total": int, "things": by_id(Thing), "errors?": list[str]})
    schema = operation_of(described("/api/things", handler, get=operation), "get")["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    assert schema["required"] == ["total", "things"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["things"]["additionalProperties"] == {"$ref": "#/components/schemas/Thing"}


def test_a_part_of_a_thing_may_lack_any_property() -> None:
    document = document_of("Test", [described("/api/things", handler, get=Operation("One", part_of(Thing)))])
    part = document["components"]["schemas"]["ThingPart"]
    assert part["properties"].keys() == {"thingId", "name"}
    assert part["required"] == []


def test_the_errors_follow_from_parameters_and_body() -> None:
    route = described(
        "/api/things/{id}",
        handler,
        get=Operation("One", parameters=(Parameter("q"),)),
        post=Operation("Change", body={"name": str}, errors={404: "Gone", 422: "In use"}),
        delete=Operation("Delete", is_open=True),
    )
    assert set(operation_of(route, "get")["responses"]) == {"200", "400", "401", "403", "404", "429", "503"}
    assert set(operation_of(route, "post")["responses"]) == {
        "200",
        "400",
        "401",
        "403",
        "404",
        "413",
        "422",
        "429",
        "503",
    }
    assert set(operation_of(route, "delete")["responses"]) == {"200", "404", "503"}
    assert operation_of(route, "post")["responses"]["404"]["description"] == "Gone"


def test_the_parameters_of_a_path_are_numbers_unless_described() -> None:
    word = Parameter("word", "add or remove", str, place="path")
    route = described("/api/things/{id}/{word}", handler, get=Operation("One", parameters=(Parameter("q"), word)))
    said = operation_of(route, "get")["parameters"]
    assert [(one["name"], one["in"], one["schema"]["type"]) for one in said] == [
        ("id", "path", "integer"), ("word", "path", "string"), ("q", "query", "string")
    ]  # fmt: skip


def test_a_parameter_that_the_path_lacks_is_refused() -> None:
    operation = Operation("One", parameters=(Parameter("other", place="path"),))
    with pytest.raises(ValueError, match="/api/things has no other"):
        document_of("Test", [described("/api/things", handler, get=operation)])


def test_an_old_name_is_deprecated_and_names_the_new_one() -> None:
    route = described("/api/leads", handler, get=Operation("List"), old_name_of="/api/contacts")
    operation = operation_of(route, "get")
    assert operation["deprecated"] is True
    assert operation["description"] == "An old name of GET /api/contacts."


def test_a_file_is_described_by_the_media_types_that_it_may_have() -> None:
    uploads = {"image/*": BINARY, "multipart/form-data": {"image": BINARY}}
    operation = operation_of(described("/api/pictures", handler, post=Operation("Upload", uploads=uploads)), "post")
    assert operation["requestBody"]["required"] is True
    content = operation["requestBody"]["content"]
    assert content.keys() == uploads.keys()
    assert content["image/*"]["schema"] == {"type": "string", "format": "binary"}
    assert content["multipart/form-data"]["schema"]["required"] == ["image"]
    assert {"400", "413"} <= operation["responses"].keys()


def test_an_answer_may_have_one_of_several_shapes() -> None:
    shape = {"thing": OneOf((Thing, {"gone": bool}))}
    operation = operation_of(described("/api/things", handler, get=Operation("One", shape)), "get")
    [one, other] = operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["thing"][
        "anyOf"
    ]
    assert one == {"$ref": "#/components/schemas/Thing"}
    assert other["required"] == ["gone"]


def test_another_success_may_have_an_answer_of_its_own() -> None:
    said = Operation("Put", {"thing": Thing}, success={200: "Changed", 201: "Made"}, answers={201: {"made": Thing}})
    responses = operation_of(described("/api/things", handler, put=said), "put")["responses"]
    schemas = [responses[status]["content"]["application/json"]["schema"] for status in ("200", "201")]
    assert [schema["required"] for schema in schemas] == [["thing"], ["made"]]


def test_an_answer_that_has_no_content_has_no_shape() -> None:
    said = Operation("One", Thing, success={200: "Done", 304: "As it was"})
    operation = operation_of(described("/api/things", handler, get=said), "get")
    assert operation["responses"]["304"] == {"description": "As it was"}
    assert "content" in operation["responses"]["200"]


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    note: str | None


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    things: dict[str, Annotated[Inner, Meta(description="x")]]
    plain: list[Thing]


def test_nulls_deep_within_a_part_may_be_absent_too() -> None:
    document = document_of("Test", [described("/api/things", handler, get=Operation("List", part_of(Outer)))])
    schemas = document["components"]["schemas"]
    assert schemas["OuterPart"]["properties"]["plain"]["items"] == {"$ref": "#/components/schemas/Thing"}
    assert schemas["InnerPart"]["required"] == ["id"]
    assert part_of(Outer) is part_of(Outer)


class Open(msgspec.Struct):
    id: int


def test_a_part_is_as_open_as_the_whole() -> None:
    document = document_of("Test", [described("/api/things", handler, get=Operation("List", part_of(Open)))])
    assert "additionalProperties" not in document["components"]["schemas"]["OpenPart"]
