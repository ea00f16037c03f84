"""The running service keeps to its own description, whatever a client sends that is described, and much that is not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from services.common.examples import example_of
from services.common.operation import path_names
from services.common.settings import Settings
from services.contacts.app import api_routes, describe
from services.contacts.metrics import ContactsMetrics
from services.contacts.stores import Stores
from tests.integration.services import LOGIN

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {GenerationMode.POSITIVE: 4, GenerationMode.NEGATIVE: 1}
# What a path's id may be, and how to make one.
BODIES: dict[str, dict[str, Any]] = {
    "contacts": {"firstname": "Ada"},
    "companies": {"companyname": "Analytical Engines", "force": True},
    "links": {"url": "https://shop.example/offer"},
    "assets": {"title": "Prices", "file": "https://files.example/prices.pdf"},
    "forms": {"name": "Newsletter", "fields": [{"label": "E-mail", "type": "email", "mappedField": "email"}]},
    "stages": {"name": "Trial"},
    "categories": {"title": "Partners"},
    "campaigns": {"name": "Welcome"},
    "segments": {"name": "Readers"},
    "lists": {"name": "Readers"},
    "hooks": {"name": "New contacts", "webhookUrl": "https://hooks.example/new"},
    "points/groups": {"name": "Loyalty"},
    "points/triggers": {"name": "Hot", "points": 100},
    "points": {"name": "Prices", "type": "url.hit", "delta": 5, "properties": {"page_url": "/prices"}},
    "emails": {"name": "Welcome", "subject": "Welcome"},
    "fields/contact": {"label": "Shoe size", "type": "number"},
    "fields/company": {"label": "Floors", "type": "number"},
}
OTHERS = {"contact": "contacts", "group": "points/groups"}  # things of other kinds, as paths and bodies name them


def _name(operation: Any) -> str:
    return f"{operation.method.upper()} {operation.path}"


def _described() -> dict[str, Any]:
    given_settings = Settings(redis_url="redis://127.0.0.1:1", admin_password="x", secret=("s",))
    return describe(api_routes(Stores(given_settings), given_settings, ContactsMetrics()))


def _example(operation: Any) -> Any:
    schema = operation.definition.raw["requestBody"]["content"].get("application/json", {}).get("schema", {})
    return example_of(schema, DOCUMENT["components"]["schemas"], is_body=True)


DOCUMENT = _described()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
# Old names are served by the same handlers: tests/integration/contacts/test_old_names.py.
OPERATIONS = [
    one for one in (result.ok() for result in SCHEMA.get_all_operations()) if not one.definition.raw.get("deprecated")
]
WRITES = [one for one in OPERATIONS if one.definition.raw.get("requestBody") and _example(one)]
New = Callable[[str], int]


@pytest.fixture(scope="module")
def new(api: httpx.Client) -> New:
    """Makes a thing of this kind; its id."""
    numbers = itertools.count()

    def make(kind: str) -> int:
        body = BODIES.get(kind, {})
        if kind == "tags":
            body = {"tag": f"described-{next(numbers)}"}
        elif kind == "notes":
            body = {"lead": make("contacts"), "text": "Asked for an offer."}
        elif kind.startswith("fields/"):
            body = {**body, "alias": f"described_{next(numbers)}"}
        answer = api.post(f"/api/{kind}/new", json=body)
        assert answer.status_code in (200, 201), answer.text
        [thing] = answer.json().values()
        return int(thing["id"])

    return make


@pytest.mark.parametrize("operation", OPERATIONS, ids=_name)
def test_every_answer_is_as_described(operation: Any, api: httpx.Client, new: New) -> None:
    for mode, examples in EXAMPLES.items():
        _ask(operation, mode, examples, str(api.base_url), new)


@pytest.mark.parametrize("asked", ["select[]=id&select[]=isPublished", "minimal=1", "limit=2"])
@pytest.mark.parametrize("kind", ["contacts", "companies", "segments", "notes", "fields/contact"])
def test_a_list_is_as_described_however_much_of_it_is_asked_for(
    kind: str, asked: str, api: httpx.Client, new: New
) -> None:
    new(kind)
    response = api.get(f"/api/{kind}?{asked}")
    assert response.json()["total"] not in (0, "0")
    SCHEMA[f"/api/{kind}"]["get"].validate_response(response)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("operation", WRITES, ids=_name)
def test_the_example_of_every_body_is_taken(operation: Any, kind: str, api: httpx.Client, new: New) -> None:
    body = _of_here(_example(operation), new, _kind(operation.path))
    path = _with_ids(operation.path, new)
    said: Any = {"json": body} if kind.endswith("json") else {"data": _form(body)}
    answer = api.request(operation.method, path, **said)
    assert str(answer.status_code) in operation.definition.raw["responses"]
    assert answer.status_code < 300, answer.text


def _ask(operation: Any, mode: GenerationMode, examples: int, url: str, new: New) -> None:
    calls = itertools.count()

    @seed(20_260_131)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        if next(calls) % 3 != 2:
            _name_what_there_is(case, new)
        response = case.call(base_url=url, auth=LOGIN)
        case.validate_response(response, checks=CHECKS)
        if response.status_code >= 400:
            assert [error["code"] for error in response.json()["errors"]] == [response.status_code]

    ask()


def _with_ids(path: str, new: New) -> str:
    for name in path_names(path):
        known = {"id": "1" if "/users/" in path else "", "channel": "email", "operator": "plus", "delta": "10"}
        known |= {"system": "crm", "value": "10"}
        path = path.replace(f"{{{name}}}", known.get(name) or str(new(OTHERS.get(name) or _kind(path))))
    return path


def _of_here(body: Any, new: New, kind: str) -> Any:
    """With things that there are, and without an alias, which only one has."""
    if isinstance(body, list):
        return [_of_here(one, new, kind) for one in body]
    if not isinstance(body, dict):
        return body
    here = {**OTHERS, "lead": "contacts", "id": kind}
    return {
        name: new(here[name]) if name in here and not isinstance(value, str) else value
        for name, value in body.items()
        if name != "alias"
    }


def _form(value: Any, name: str = "") -> dict[str, str]:
    """With PHP brackets."""
    if not isinstance(value, dict | list):
        return {name: str(int(value)) if isinstance(value, bool) else str(value)}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [_form(one, f"{name}[{key}]" if name else str(key)) for key, one in items]
    return {key: one for part in inner for key, one in part.items()}


def _kind(path: str) -> str:
    return path.removeprefix("/api/").split("/{")[0].split("/batch/")[0]


def _name_what_there_is(case: Case, new: New) -> None:
    """Mostly, or hardly any request would find anything."""
    kind = _kind(case.path)
    parameters = case.path_parameters
    if not isinstance(parameters, dict):
        return
    if "id" in parameters and (kind in BODIES or kind in ("notes", "tags")):
        parameters["id"] = new(kind)
    for name in OTHERS.keys() & parameters:
        parameters[name] = new(OTHERS[name])
