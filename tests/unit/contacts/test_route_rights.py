"""Every route has a rule, and no rule is without its route; what rights imply, and who may hand them on."""

from __future__ import annotations

import pytest

from services.common.rights import CATALOG, EVERYTHING, NOTHING, implied, is_right, rights_of
from services.common.settings import Settings
from services.contacts.app import api_routes
from services.contacts.metrics import ContactsMetrics
from services.contacts.stores import Stores
from services.contacts.users.route_rights import ADMIN, RULES, Rule


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1", admin_password="x", secret=("s",))
    stores = Stores(settings)
    routes = api_routes(stores, settings, ContactsMetrics())
    served = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    assert served - RULES.keys() == set(), "these have no rule, and are the admin's alone"
    assert RULES.keys() - served == set(), "these rules are of no route"


def test_every_rule_asks_for_rights_that_there_are() -> None:
    named = {right for rule in RULES.values() if rule != ADMIN for need in rule.needs for right in need.split("|")}
    assert {right for right in named if not is_right(right)} == set()


def test_only_reads_are_open_to_everybody_who_logs_in() -> None:
    open_writes = {route for route, rule in RULES.items() if rule == Rule() and route[0] != "GET"}
    assert open_writes == {
        ("POST", "/api/tokens/new"), ("DELETE", "/api/tokens/{id}/delete"), ("PATCH", "/api/users/self/edit"),
        ("PUT", "/api/users/self/edit"),
    }, "their own tokens, and themselves"  # fmt: skip


@pytest.mark.parametrize(
    ("said", "has"),
    [
        ({"lead:leads": ["viewother"]}, ["viewown", "viewother"]),
        ({"lead:leads": ["editother"]}, ["viewown", "viewother", "editown", "editother"]),
        ({"lead:leads": ["deleteother"]},
         ["viewown", "viewother", "editown", "editother", "deleteown", "deleteother"]),
        ({"lead:leads": ["create"]}, ["viewown", "create"]),
        ({"lead:leads": ["full"]}, list(CATALOG["lead:leads"])),
        ({"lead:lists": ["create"]}, ["viewown"]),
        ({"lead:fields": ["full"]}, ["viewown"]),
        ({"lead:leads": ["nonsense"], "no:such": ["full"]}, None),
    ],
)  # fmt: skip
def test_rights_imply_others(said: dict[str, list[str]], has: list[str] | None) -> None:
    assert implied(said).get("lead:leads") == has


def test_nobody_hands_on_what_they_have_not() -> None:
    some, more = rights_of({"lead:leads": ["viewown"]}), rights_of({"lead:leads": ["viewother"]})
    assert more.covers(some) and not some.covers(more)
    assert EVERYTHING.covers(EVERYTHING) and not more.covers(EVERYTHING) and some.covers(NOTHING)


def test_a_rule_says_what_is_done_with_a_contact() -> None:
    assert RULES["POST", "/api/stages/{id}/contact/{contact}/add"].action() == "edit"
    assert RULES["DELETE", "/api/contacts/{id}/delete"].action() == "delete"
    assert RULES["GET", "/api/contacts/{id}"].action() == RULES["POST", "/api/contacts/new"].action() == "view"
