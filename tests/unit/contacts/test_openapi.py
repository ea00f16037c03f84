"""Every route is described, either where it is declared or by hand, and the document is sound."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Route

from services.common.openapi import Json
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


def test_answers_and_bodies_have_schemas(document: Json) -> None:
    contact = document["paths"]["/api/contacts/{id}/edit"]["patch"]
    assert contact["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["contact"] == {
        "$ref": "#/components/schemas/Contact"
    }
    assert contact["requestBody"]["content"].keys() == {"application/json", "application/x-www-form-urlencoded"}
    assert {"400", "401", "404", "413", "503"} <= contact["responses"].keys()
