"""Every route is described where it is declared, none by hand, and the document is sound."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Route

from services.common.openapi import Json
from services.common.operation import DescribedRoute
from services.common.settings import Settings
from services.contacts.app import api_routes, describe
from services.contacts.metrics import ContactsMetrics
from services.contacts.stores import Stores


@pytest.fixture(scope="module")
def routes() -> list[Route]:
    settings = Settings(redis_url="redis://127.0.0.1:1", admin_password="x", secret=("s",))
    return api_routes(Stores(settings), settings, ContactsMetrics())


@pytest.fixture(scope="module")
def document(routes: list[Route]) -> Json:
    return describe(routes)


def test_every_route_is_described_where_it_is_declared(routes: list[Route]) -> None:
    assert [route.path for route in routes if not isinstance(route, DescribedRoute)] == []


def test_every_route_is_described_and_nothing_else(routes: list[Route], document: Json) -> None:
    served = {(route.path, method.lower()) for route in routes for method in route.methods or () if method != "HEAD"}
    assert served == {(path, method) for path, methods in document["paths"].items() for method in methods}


def test_every_reference_leads_to_a_schema(document: Json) -> None:
    names = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert names
    assert names <= document["components"]["schemas"].keys()


def test_no_two_operations_have_one_name(document: Json) -> None:
    ids = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_says_what_it_answers(document: Json) -> None:
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            good = [said for status, said in one["responses"].items() if status < "300"]
            assert good, f"{method} {path}"
            assert all("content" in said for said in good), f"{method} {path}"


def test_what_one_thing_looks_like_is_said_to_the_last_property(document: Json) -> None:
    paths = [path for path in document["paths"] if path.count("/") == 3 and path.endswith("/{id}")]
    assert len(paths) > 15
    for path in paths:
        answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        [thing] = answer["properties"].values()
        schema = document["components"]["schemas"][thing["$ref"].rpartition("/")[2]]
        assert schema["additionalProperties"] is False, path
        has_no_publisher = path in ("/api/tags/{id}", "/api/devices/{id}")
        assert {"id", "isPublished", "dateAdded"} <= set(schema["required"]) or has_no_publisher


def test_answers_and_bodies_have_schemas(document: Json) -> None:
    contact = document["paths"]["/api/contacts/{id}/edit"]["patch"]
    assert contact["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["contact"] == {
        "$ref": "#/components/schemas/Contact"
    }
    assert contact["requestBody"]["content"].keys() == {"application/json", "application/x-www-form-urlencoded"}
    assert {"400", "401", "404", "413", "503"} <= contact["responses"].keys()
