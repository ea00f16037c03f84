"""The running service keeps to its own description, whatever a client sends that is described, and much that is not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from jsonschema_rs import validator_for
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
from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.pictures import PNG
from tests.integration.services import LOGIN

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {GenerationMode.POSITIVE: 4, GenerationMode.NEGATIVE: 1}
PASSWORD = "correct-horse-battery"
EVENT = 7  # of a campaign
# What a path's id may be, and how to make one.
QUERIES = {"/api/integrations/{system}/contacts": {"externalId": "A-1"}}
KNOWN = {
    "channel": "email",
    "operator": "plus",
    "delta": "10",
    "system": "crm",
    "action": "tags",
    "event": str(EVENT),
    "value": "10",
}
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
    "users": {"firstName": "Ada", "plainPassword": PASSWORD, "role": 1},
    "roles": {"name": "Sales", "rawPermissions": {"lead:leads": ["viewown"]}},
    "credentials": {"name": "Shop"},
    "fields/contact": {"label": "Shoe size", "type": "number"},
    "fields/company": {"label": "Floors", "type": "number"},
}
OTHERS = {"contact": "contacts", "campaign": "campaigns", "group": "points/groups"}  # as paths and bodies name things


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
# A submission is made by a hit, which this service does not take.
READS = [one for one in OPERATIONS if one.method == "get" and "{submission}" not in one.path]
WRITES = [one for one in OPERATIONS if one.definition.raw.get("requestBody") and _example(one)]
New = Callable[[str], int]
Login = tuple[str, str]


@pytest.fixture(scope="module")
def api(make_place: PlaceMaker) -> httpx.Client:
    """Of a place of its own: rules and webhooks that are made here mean nothing to other tests. Its mails stay queued,
    since their server does not answer."""
    return make_place(
        SPOOR_SMTP_URL="smtp://127.0.0.1:1",
        SPOOR_MAIL_FROM="news@shop.example",
        SPOOR_PUBLIC_URL="https://shop.example",
    ).api


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
        elif kind == "devices":
            body = {"lead": make("contacts"), "device": "smartphone"}
        elif kind.startswith("fields/"):
            body = {**body, "alias": f"described_{next(numbers)}"}
        elif kind == "users":
            name = f"described-{next(numbers)}"
            body = {**body, "username": name, "email": f"{name}@shop.example"}
        elif kind == "jobs":
            answer = api.post("/api/contacts/batch/tags", json={"search": "nobody-is-called-so", "add": ["a"]})
            return int(answer.json()["job"]["id"])
        elif kind == "imports":
            answer = api.post("/api/imports/new", content=b"E-mail,Surname\nada@shop.example,Lovelace\n")
            return int(answer.json()["import"]["id"])
        elif kind == "planned":
            contact = make("contacts")
            path = f"/api/campaigns/events/{EVENT}/contact/{contact}/edit"
            assert api.put(path, json={"triggerDate": "2036-01-31 12:00:00"}).status_code == 201
            return contact
        answer = api.post(f"/api/{kind}/new", json=body)
        assert answer.status_code in (200, 201), answer.text
        [thing] = answer.json().values()
        return int(thing["id"])

    return make


@pytest.fixture(scope="module")
def user(api: httpx.Client, new: New) -> Login:
    """Of somebody who is not the admin of the settings: what these are stays as it is."""
    return api.get(f"/api/users/{new('users')}").json()["user"]["username"], PASSWORD


@pytest.mark.parametrize("operation", OPERATIONS, ids=_name)
def test_every_answer_is_as_described(operation: Any, api: httpx.Client, new: New, user: Login) -> None:
    for mode, examples in EXAMPLES.items():
        _ask(operation, mode, examples, str(api.base_url), new, _login(operation, user))


@pytest.mark.parametrize("operation", READS, ids=_name)
def test_what_there_is_is_found_and_as_described(operation: Any, api: httpx.Client, new: New) -> None:
    path = _with_ids(operation.path, new)
    if path.endswith("/image"):
        assert api.post(path, content=PNG).status_code == 200
    elif path.startswith("/api/contacts/") and path.endswith("/integrations/crm"):
        assert api.put(path, json={"externalId": "A-1"}).status_code == 201
    elif path.endswith("/erasure"):
        assert api.post(path.replace("/erasure", "/erase")).status_code == 202
    response = api.get(path, params=QUERIES.get(operation.path))
    assert response.status_code == 200, response.text
    operation.validate_response(response)


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
def test_the_example_of_every_body_is_taken(
    operation: Any, kind: str, api: httpx.Client, new: New, user: Login
) -> None:
    body = _of_here(_example(operation), new, _kind(operation.path))
    path = _with_ids(operation.path, new)
    said: Any = {"json": body} if kind.endswith("json") else {"data": _form(body)}
    answer = api.request(operation.method, path, auth=_login(operation, user), **said)
    assert answer.status_code < 300, answer.text
    assert "errors" not in answer.json(), "of an item of a batch"
    operation.validate_response(answer)


@pytest.mark.parametrize(
    "said",
    [{"files": {"image": ("ada.png", PNG, "image/png")}}, {"content": PNG, "headers": {"Content-Type": "image/png"}}],
    ids=["multipart", "bare"],
)
def test_a_picture_is_taken_in_each_way_that_is_described(said: Any, api: httpx.Client, new: New) -> None:
    path = "/api/contacts/{id}/image"
    url = path.replace("{id}", str(new("contacts")))
    kinds = SCHEMA[path]["post"].definition.raw["requestBody"]["content"]
    assert kinds.keys() == {"image/*", "multipart/form-data"}
    for method, answer in (("post", api.post(url, **said)), ("get", api.get(url)), ("delete", api.delete(url))):
        assert answer.status_code == 200, answer.text
        answer.request.read()
        SCHEMA[path][method].validate_response(answer)


def test_a_mail_that_waits_and_its_end_are_as_described(api: httpx.Client) -> None:
    contact = api.post("/api/contacts/new", json={"email": "waits@described.example"}).json()["contact"]["id"]
    sent = api.post(f"/api/contacts/{contact}/email", json={"subject": "Your offer", "body": "Here it is."})
    assert sent.status_code == 201, sent.text
    SCHEMA["/api/contacts/{id}/email"]["post"].validate_response(sent)
    message = sent.json()["message"]["id"]
    cancelled = api.post(f"/api/contacts/{contact}/messages/{message}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    SCHEMA["/api/contacts/{id}/messages/{message}/cancel"]["post"].validate_response(cancelled)
    listed = api.get(f"/api/contacts/{contact}/messages")
    assert [one["status"] for one in listed.json()["messages"]] == ["cancelled"]
    SCHEMA["/api/contacts/{id}/messages"]["get"].validate_response(listed)


@pytest.mark.parametrize("end", ["reschedule", "cancel"])
def test_an_event_that_is_planned_is_moved_and_cancelled_as_described(end: str, api: httpx.Client, new: New) -> None:
    path = f"/api/contacts/{{id}}/campaignevents/{{event}}/{end}"
    answer = api.post(_with_ids(path, new), json={"date": "2036-02-01 12:00:00"})
    assert answer.json()["success"] == 1
    SCHEMA[path]["post"].validate_response(answer)


@pytest.mark.parametrize("who", ["ids", "search"])
def test_a_batch_action_is_as_described_at_once_and_as_a_job(who: str, api: httpx.Client, new: New) -> None:
    body = {"add": ["described"], "ids" if who == "ids" else "search": [new("contacts"), 999_999_999]}
    answer = api.post("/api/contacts/batch/tags", json=body if who == "ids" else {**body, "search": "nobody-at-all"})
    assert answer.status_code == (200 if who == "ids" else 201), answer.text
    SCHEMA["/api/contacts/batch/{action}"]["post"].validate_response(answer)


@pytest.mark.parametrize("kind", ["hooks", "points", "emails", "users", "roles", "credentials", "jobs", "devices"])
def test_an_answer_that_lacks_a_property_or_has_another_is_not_as_described(
    kind: str, api: httpx.Client, new: New
) -> None:
    schema = SCHEMA[f"/api/{kind}/{{id}}"]["get"].definition.raw["responses"]["200"]["content"]["application/json"]
    validator = validator_for({**schema["schema"], "components": DOCUMENT["components"]})
    [(name, thing)] = api.get(f"/api/{kind}/{new(kind)}").json().items()
    assert validator.is_valid({name: thing})
    for wrong in ({**thing, "other": 1}, *({key: thing[key] for key in thing if key != gone} for gone in thing)):
        assert not validator.is_valid({name: wrong})


def _login(operation: Any, user: Login) -> Login:
    return user if operation.path == "/api/users/self/edit" else LOGIN


def _ask(operation: Any, mode: GenerationMode, examples: int, url: str, new: New, login: Login) -> None:
    calls = itertools.count()

    @seed(20_260_131)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        if next(calls) % 3 != 2:
            _name_what_there_is(case, new)
        response = case.call(base_url=url, auth=login)
        is_too_much = response.status_code == 500 and "A max of" in response.text  # as the description says
        case.validate_response(response, checks=CHECKS[1:] if is_too_much else CHECKS)
        if response.status_code >= 400:
            assert [error["code"] for error in response.json()["errors"]] == [response.status_code]

    ask()


def _with_ids(path: str, new: New) -> str:
    for name in path_names(path):
        path = path.replace(f"{{{name}}}", KNOWN.get(name) or str(new(_kind_of(name, path))))
    return path


def _kind_of(name: str, path: str) -> str:
    """Of the thing that a parameter of a path means."""
    return "planned" if "/campaignevents/" in path else OTHERS.get(name, _kind(path))


def _of_here(body: Any, new: New, kind: str) -> Any:
    """With things that there are, and without what only one has: an alias, or the names of a user."""
    if isinstance(body, list):
        return [_of_here(one, new, kind) for one in body]
    if not isinstance(body, dict):
        return body
    here = {**OTHERS, "contactId": "contacts", "lead": "contacts", "id": kind}
    own = {"username": f"u{new('contacts')}", "email": f"u{new('contacts')}@shop.example"} if kind == "users" else {}
    said = {
        name: new(here[name]) if name in here and not isinstance(value, str) else value
        for name, value in body.items()
        if name != "alias"
    }
    if isinstance(said.get("lists"), list):
        said["lists"] = [new("segments")]
    return {**said, **{name: value for name, value in own.items() if name in said}}


def _form(value: Any, name: str = "") -> dict[str, str]:
    """With PHP brackets."""
    if not isinstance(value, dict | list):
        return {name: str(int(value)) if isinstance(value, bool) else str(value)}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [_form(one, f"{name}[{key}]" if name else str(key)) for key, one in items]
    return {key: one for part in inner for key, one in part.items()}


def _kind(path: str) -> str:
    return path.removeprefix("/api/").split("/{")[0].split("/batch/")[0].removesuffix("/new")


def _name_what_there_is(case: Case, new: New) -> None:
    """Mostly, or hardly any request would find anything."""
    kind = _kind(case.path)
    parameters = case.path_parameters
    if not isinstance(parameters, dict):
        return
    if "id" in parameters and (kind in BODIES or kind in ("notes", "devices", "tags", "jobs")):
        parameters["id"] = new(kind)
    for name in OTHERS.keys() & parameters:
        parameters[name] = new(OTHERS[name])
    if "event" in parameters:
        parameters["event"] = EVENT
    if "/campaignevents/" in case.path:
        parameters["id"] = new("planned")
