"""The description for machines names exactly the routes that there are."""

from __future__ import annotations

from typing import Any

from services.identity.api import MAX_RESOLVED, IdentityApi
from services.identity.idempotency import MAX_KEY_LENGTH
from services.identity.metrics import IdentityMetrics
from services.identity.openapi import PATHS


def test_every_route_is_described_and_nothing_else() -> None:
    redis: Any = None  # no route is called
    routes = IdentityApi(redis, lambda: None, IdentityMetrics()).routes()
    served = {(route.path, method.lower()) for route in routes for method in route.methods or ()}
    assert served == {(path, method) for path, methods in PATHS.items() for method in methods}


def test_what_it_says_of_limits_is_so() -> None:
    body = PATHS["/v1/resolve"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["ids"]["maxItems"] == MAX_RESOLVED
    assert PATHS["/v1/merge"]["post"]["parameters"][0]["schema"]["maxLength"] == MAX_KEY_LENGTH
