"""A session is whoever has logged in's, and nobody can be given one that somebody else knows."""

from __future__ import annotations

import httpx
from redis import Redis, RedisCluster

from tests.integration.security.conftest import PASSWORD, Four

OURS = {"sec-fetch-site": "same-origin"}
KNOWN = "sps_" + "a" * 43


def test_a_session_that_somebody_else_has_set_is_not_the_one_that_a_login_begins(four: Four) -> None:
    with httpx.Client(base_url=four.http["contacts"].base_url, trust_env=False, timeout=30) as browser:
        said = {"username": "admin", "password": PASSWORD}
        entered = browser.post("/ui/login", data=said, headers={**OURS, "cookie": f"spoor_session={KNOWN}"})
    assert entered.status_code == 303
    assert entered.cookies["spoor_session"] != KNOWN
    stranger = four.http["contacts"].get("/ui/contacts", headers={"cookie": f"spoor_session={KNOWN}"})
    assert (stranger.status_code, stranger.headers["location"].partition("?")[0]) == (303, "/ui/login")


def test_a_login_from_another_sites_page_begins_none(four: Four) -> None:
    """Or somebody would work in an account that its maker reads."""
    refused = four.http["contacts"].post(
        "/ui/login", data={"username": "admin", "password": PASSWORD}, headers={"sec-fetch-site": "cross-site"}
    )
    assert (refused.status_code, "spoor_session" in refused.cookies) == (403, False)


def test_a_session_lies_nowhere_in_redis_as_it_is(four: Four) -> None:
    said = {"username": "admin", "password": PASSWORD}
    token = four.http["contacts"].post("/ui/login", data=said, headers=OURS).cookies["spoor_session"]
    four.http["contacts"].cookies.clear()
    is_cluster = four.redis_url.startswith("redis+cluster://")
    url = four.redis_url.replace("redis+cluster://", "redis://")
    store = RedisCluster.from_url(url) if is_cluster else Redis.from_url(url)
    assert not [key for key in store.scan_iter(count=5_000) if token.encode() in key]
    store.close()
