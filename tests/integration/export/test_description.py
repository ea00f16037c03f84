"""The description of the export service needs no login, and the service keeps to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import Case

from tests.integration.services import LOGIN, Service

CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]
PATHS = {
    "/exports": {"get", "post"},
    "/exports/download": {"post"},
    "/exports/{id}": {"get", "delete"},
    "/exports/{id}/retry": {"post"},
    "/exports/{id}/download": {"get"},
    "/schedules": {"get", "post"},
    "/schedules/{id}": {"get", "patch", "delete"},
}
# What an operation with an id finds.
MADE = {
    "exports": ("/exports", {"columns": "id"}),
    "schedules": ("/schedules", {"name": "x", "every": "daily", "hour": 6, "export": {}}),
}


@pytest.fixture(scope="module")
def document(exports: Service) -> dict[str, Any]:
    answer = httpx.get(f"{exports.http.base_url}/openapi.json", trust_env=False)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture(scope="module", autouse=True)
def no_schedule_stays(exports: Service) -> Iterator[None]:
    """It would be made while other tests run."""
    yield
    for schedule in exports.http.get("/schedules").json()["schedules"]:
        exports.http.delete(f"/schedules/{schedule['id']}")


def made(http: httpx.Client, path: str, body: dict[str, Any]) -> str:
    made_id: str = http.post(path, json=body).json()["id"]
    return made_id


def test_every_path_is_described(document: dict[str, Any]) -> None:
    assert {path: set(methods) for path, methods in document["paths"].items()} == PATHS


@pytest.mark.parametrize(
    ("path", "method"), [(path, one) for path, methods in PATHS.items() for one in sorted(methods)]
)
def test_every_answer_is_as_described(document: dict[str, Any], exports: Service, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_dict(document)[path][method]

    @seed(20_260_131)
    @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case: Case) -> None:
        if "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = made(exports.http, *MADE[path.split("/")[1]])
        response = case.call(base_url=str(exports.http.base_url), auth=LOGIN)
        case.validate_response(response, checks=CHECKS)

    ask()
