"""The description for machines names exactly the routes that there are."""

from __future__ import annotations

from services.common.settings import Settings
from services.contacts.app import api_routes
from services.contacts.metrics import ContactsMetrics
from services.contacts.openapi import PATHS
from services.contacts.stores import Stores


def test_every_route_is_described_and_nothing_else() -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1", admin_password="x", secret=("s",))
    routes = api_routes(Stores(settings), settings, ContactsMetrics())
    served = {(route.path, method.lower()) for route in routes for method in route.methods or () if method != "HEAD"}
    assert served == {(path, method) for path, methods in PATHS.items() for method in methods}
