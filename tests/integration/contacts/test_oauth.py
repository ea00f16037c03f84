"""OAuth2 and personal tokens: made, used in every way that clients have, refused word for word, revoked."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis
from clickhouse_connect.driver.client import Client

from services.common import keys
from services.common.grants import Grant, Grants
from services.common.redis_client import connect
from services.common.secret_tokens import ACCESS, REFRESH, digest
from tests.integration.contacts.test_rights import OWN, PASSWORD, contact, denied, eventually, made_user, role, told
from tests.integration.services import LOGIN, Service, serving, start_service

BACK = "https://app.example.com/back?x=1"


@pytest.fixture
def nobody(api: httpx.Client) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.base_url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def credential(api: httpx.Client) -> dict[str, Any]:
    said = {"name": "An app", "role": role(api, lead__leads=["full"]), "redirectUris": [BACK]}
    made: dict[str, Any] = told(api.post("/api/credentials/new", json=said), 201)["credential"]
    return made


def asked(credential: dict[str, Any], grant: str = "client_credentials", **said: str) -> dict[str, str]:
    return {"grant_type": grant, "client_id": credential["clientId"], "client_secret": credential["clientSecret"],
            **said}  # fmt: skip


def granted(nobody: httpx.Client, credential: dict[str, Any], **said: str) -> dict[str, Any]:
    return told(nobody.post("/oauth/v2/token", data=asked(credential, **said)))


def refused(answer: httpx.Response, status: int, kind: str, message: str) -> bool:
    [error] = told(answer, status)["errors"]
    return bool((error["code"], error["type"], error["message"]) == (status, kind, message))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_client_credentials_act_under_the_role_of_the_credential(
    api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any]
) -> None:
    answer = nobody.post("/oauth/v2/token", data=asked(credential))
    token = told(answer)
    assert list(token) == ["access_token", "expires_in", "token_type", "scope", "refresh_token"]
    assert (token["expires_in"], token["token_type"], token["scope"]) == (3_600, "bearer", None)
    assert answer.headers["cache-control"] == "no-store"
    access = token["access_token"]
    body = told(nobody.post("/api/contacts/new", json={"firstname": "App"}, headers=bearer(access)), 201)["contact"]
    assert (body["createdBy"], body["createdByUser"]) == (None, "An app")
    assert told(nobody.get("/api/contacts", params={"access_token": access, "limit": 1}))["contacts"]
    form = {"access_token": access, "lastname": "Form"}
    edited = told(nobody.patch(f"/api/contacts/{body['id']}/edit", data=form))["contact"]
    assert edited["fields"]["all"]["lastname"] == "Form", "the token may be in a form"
    assert denied(nobody.get("/api/users", headers=bearer(access)))
    me = told(nobody.get("/api/users/self", headers=bearer(access)))
    assert (me["id"], me["username"]) == (None, "An app")
    assert denied(nobody.post("/api/tokens/new", json={"name": "x"}, headers=bearer(access))), "it is no user"


def test_a_client_may_log_in_by_basic_and_by_json(nobody: httpx.Client, credential: dict[str, Any]) -> None:
    login = (credential["clientId"], credential["clientSecret"])
    assert told(nobody.post("/oauth/v2/token", data={"grant_type": "client_credentials"}, auth=login))["access_token"]
    assert told(nobody.post("/oauth/v2/token", json=asked(credential)))["access_token"]


def test_the_document_tells_of_the_token_as_it_is(nobody: httpx.Client, credential: dict[str, Any]) -> None:
    document = told(nobody.get("/openapi.json"))
    token = document["paths"]["/oauth/v2/token"]["post"]
    answer = token["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(answer["required"]) == granted(nobody, credential).keys()
    assert token["security"] == []
    assert {"400", "403"} <= token["responses"].keys()
    assert "application/x-www-form-urlencoded" in token["requestBody"]["content"]


def test_a_refresh_token_counts_once(nobody: httpx.Client, credential: dict[str, Any]) -> None:
    first = granted(nobody, credential)
    second = granted(nobody, credential, grant="refresh_token", refresh_token=first["refresh_token"])
    assert nobody.get("/api/contacts?limit=1", headers=bearer(second["access_token"])).status_code == 200
    again = nobody.post(
        "/oauth/v2/token", data=asked(credential, "refresh_token", refresh_token=first["refresh_token"])
    )
    assert refused(again, 400, "invalid_grant", "Invalid refresh token")
    assert again.json()["error"] == "invalid_grant", "as the standard has it, too"
    eventually(lambda: nobody.get("/api/contacts?limit=1", headers=bearer(second["access_token"])).status_code == 401)
    assert nobody.get("/api/contacts?limit=1", headers=bearer(first["access_token"])).status_code == 401
    newest = asked(credential, "refresh_token", refresh_token=second["refresh_token"])
    assert nobody.post("/oauth/v2/token", data=newest).status_code == 400, "whoever has it may be the thief"
    other = granted(nobody, credential)
    assert nobody.get("/api/contacts?limit=1", headers=bearer(other["access_token"])).status_code == 200
    as_access = nobody.get("/api/contacts", headers=bearer(other["refresh_token"]))
    assert refused(as_access, 401, "invalid_grant", "The access token provided is invalid.")


def test_a_refresh_token_is_its_clients_own(
    api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any]
) -> None:
    other = told(api.post("/api/credentials/new", json={"name": "o", "role": role(api)}), 201)["credential"]
    token = granted(nobody, credential)["refresh_token"]
    stolen = nobody.post("/oauth/v2/token", data=asked(other, "refresh_token", refresh_token=token))
    assert refused(stolen, 400, "invalid_grant", "Invalid refresh token")


def test_what_the_token_endpoint_refuses(api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any]) -> None:
    def ask(**said: str) -> httpx.Response:
        return nobody.post("/oauth/v2/token", data={**asked(credential), **said})

    wrong = "The client credentials are invalid"
    assert refused(ask(client_secret="x"), 400, "invalid_client", wrong)
    assert refused(ask(client_secret=""), 400, "invalid_client", wrong)
    assert refused(ask(client_id="9999999_x"), 400, "invalid_client", wrong)
    assert refused(ask(client_id=credential["clientId"] + "x"), 400, "invalid_client", wrong)
    assert refused(ask(client_id=""), 400, "invalid_client", "Client id was not found in the headers or body")
    missing = "Invalid grant_type parameter or parameter missing"
    assert refused(ask(grant_type="password"), 400, "invalid_request", missing)
    assert refused(ask(grant_type="authorization_code", code="spc_x"), 400, "invalid_grant", "Invalid code")
    roleless = told(api.post("/api/credentials/new", json={"name": "x"}), 201)["credential"]
    answer = nobody.post("/oauth/v2/token", data=asked(roleless))
    assert refused(answer, 400, "unauthorized_client", "The grant type is unauthorized for this client_id")
    assert nobody.post("/oauth/v2/token", content=b"{", headers={"content-type": "application/json"}).status_code == 400


def test_a_deleted_or_unpublished_credential_lets_nobody_in(
    api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any]
) -> None:
    token, path = granted(nobody, credential), f"/api/credentials/{credential['id']}"
    assert told(api.get(path))["credential"].get("clientSecret") is None
    told(api.patch(f"{path}/edit", json={"isPublished": False}))
    ask = lambda: nobody.get("/api/contacts?limit=1", headers=bearer(token["access_token"])).status_code  # noqa: E731
    eventually(lambda: ask() == 401, 2.5)
    told(api.patch(f"{path}/edit", json={"isPublished": True}))
    eventually(lambda: ask() == 200, 2.5)
    told(api.delete(f"{path}/delete"))
    eventually(lambda: ask() == 401, 2.5)


def test_an_expired_token_is_told_from_one_that_never_was(
    nobody: httpx.Client, credential: dict[str, Any], valkey_url: str
) -> None:
    async def issue() -> str:
        connection = connect(valkey_url)
        token = await Grants(connection).issue(ACCESS, Grant(credential["id"]), 0)
        await connection.aclose()
        return token

    answer = nobody.get("/api/contacts", headers=bearer(asyncio.run(issue())))
    assert refused(answer, 401, "invalid_grant", "The access token provided has expired.")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_of_those_who_show_a_token_at_the_same_instant_one_is_the_first(valkey_url: str) -> None:
    async def take() -> list[Grant | None]:
        connection = connect(valkey_url)
        grants = Grants(connection)
        token = await grants.issue(REFRESH, Grant(1), 60)
        taken = await asyncio.gather(*(grants.take(token) for _ in range(5)))
        await connection.aclose()
        return taken

    assert sorted(grant.is_used for grant in asyncio.run(take()) if grant) == [False, True, True, True, True]


def test_an_application_makes_no_token_that_outlives_it(
    api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any]
) -> None:
    form = {"client_id": credential["clientId"], "redirect_uri": BACK, "response_type": "code", "decision": "allow",
            "username": LOGIN[0], "password": LOGIN[1]}  # fmt: skip
    location = nobody.post("/oauth/v2/authorize", data=form).headers["location"]
    code = parse_qs(urlsplit(location).query)["code"][0]
    ask = asked(credential, "authorization_code", code=code, redirect_uri=BACK)
    token = told(nobody.post("/oauth/v2/token", data=ask))["access_token"]
    assert told(nobody.get("/api/users/self", headers=bearer(token)))["id"] == 1
    assert denied(nobody.post("/api/tokens/new", json={"name": "x"}, headers=bearer(token)))


def test_no_secret_is_kept(
    api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any], clickhouse: Client, valkey_url: str
) -> None:
    token = granted(nobody, credential)
    personal = told(api.post("/api/tokens/new", json={"name": "x"}), 201)["token"]["token"]
    api.get("/api/auditlog")  # writes what waits
    said = [credential["clientSecret"], personal.split("_", 2)[2], PASSWORD]
    for table in ("records", "audit"):
        column = "data" if table == "records" else "details"
        for secret in said:
            sql = f"SELECT count() FROM {table} WHERE position({column}, {{secret:String}}) > 0"
            assert clickhouse.query(sql, parameters={"secret": secret}).result_rows[0][0] == 0, (table, secret[:4])
    if valkey_url.startswith("redis://"):
        with redis.Redis.from_url(valkey_url) as client:
            assert client.exists(keys.grant(digest(token["access_token"]))) == 1
            assert client.ttl(keys.grant(digest(token["access_token"]))) <= 7_200
            assert [key for key in client.keys("t:*") if token["access_token"].encode() in key] == []
    assert credential["clientSecret"] not in api.get("/api/auditlog?object=credential").text


def test_an_application_acts_in_the_name_of_whoever_lets_it_in(
    api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any]
) -> None:
    user = made_user(api, role(api, lead__leads=OWN))
    verifier = uuid.uuid4().hex * 2
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {"client_id": credential["clientId"], "redirect_uri": BACK, "response_type": "code", "state": "s<>&",
             "code_challenge": challenge, "code_challenge_method": "S256"}  # fmt: skip
    page = nobody.get("/oauth/v2/authorize", params=query)
    assert page.status_code == 200 and "An app" in page.text and "frame-ancestors 'none'" in str(page.headers)
    form = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    form["decision"] = "allow"
    wrong = nobody.post("/oauth/v2/authorize", data={**form, "username": user["username"], "password": "wrong"})
    assert wrong.status_code == 401 and "location" not in wrong.headers
    done = nobody.post("/oauth/v2/authorize", data={**form, "username": user["username"], "password": PASSWORD})
    back = urlsplit(done.headers["location"])
    said = parse_qs(back.query)
    assert (done.status_code, back.netloc, said["state"], said["x"]) == (302, "app.example.com", ["s<>&"], ["1"])
    ask = asked(credential, "authorization_code", code=said["code"][0], redirect_uri=BACK, code_verifier=verifier)
    token = told(nobody.post("/oauth/v2/token", data=ask))
    me = told(nobody.get("/api/users/self", headers=bearer(token["access_token"])))
    assert me["id"] == user["id"]
    refreshed = granted(nobody, credential, grant="refresh_token", refresh_token=token["refresh_token"])
    assert told(nobody.get("/api/users/self", headers=bearer(refreshed["access_token"])))["id"] == user["id"]
    again = nobody.post("/oauth/v2/token", data=ask)
    assert refused(again, 400, "invalid_grant", "Invalid code")
    for one in (token, refreshed):  # nobody knows whether the first or the second to show the code was the application
        eventually(
            lambda one=one: nobody.get("/api/users/self", headers=bearer(one["access_token"])).status_code == 401
        )


def test_what_the_page_refuses(nobody: httpx.Client, credential: dict[str, Any]) -> None:
    query = {"client_id": credential["clientId"], "redirect_uri": BACK, "response_type": "code"}
    for wrong in ({"redirect_uri": "https://evil.example.com/"}, {"client_id": "1_x"}, {"redirect_uri": BACK + "2"}):
        answer = nobody.get("/oauth/v2/authorize", params={**query, **wrong})
        assert answer.status_code == 400 and "location" not in answer.headers, wrong
    denied_by_user = nobody.post("/oauth/v2/authorize", data={**query, "decision": "deny"})
    assert "error=access_denied" in denied_by_user.headers["location"]
    other = nobody.get("/oauth/v2/authorize", params={**query, "response_type": "token"})
    assert "error=unsupported_response_type" in other.headers["location"]


def test_a_code_without_its_verifier_is_worth_nothing(
    api: httpx.Client, nobody: httpx.Client, credential: dict[str, Any]
) -> None:
    form = {"client_id": credential["clientId"], "redirect_uri": BACK, "response_type": "code", "decision": "allow",
            "code_challenge": "x" * 43, "code_challenge_method": "S256", "username": LOGIN[0],
            "password": LOGIN[1]}  # fmt: skip
    location = nobody.post("/oauth/v2/authorize", data=form).headers["location"]
    code = parse_qs(urlsplit(location).query)["code"][0]
    ask = asked(credential, "authorization_code", code=code, redirect_uri=BACK, code_verifier="y")
    assert nobody.post("/oauth/v2/token", data=ask).json()["error"] == "invalid_grant"


def test_personal_tokens_are_made_listed_used_and_revoked(api: httpx.Client, nobody: httpx.Client) -> None:
    user = made_user(api, role(api, lead__leads=OWN))
    login = httpx.BasicAuth(user["username"], PASSWORD)
    made = told(nobody.post("/api/tokens/new", json={"name": "laptop", "days": 7}, auth=login), 201)["token"]
    token = made["token"]
    body = told(nobody.get(f"/api/contacts/{contact_by(nobody, token)}", headers=bearer(token)))["contact"]
    assert body["createdBy"] == user["id"]
    listed = told(nobody.get("/api/tokens", headers=bearer(token)))
    assert (listed["total"], listed["tokens"][0]["name"], "token" in listed["tokens"][0]) == (1, "laptop", False)
    assert listed["tokens"][0]["lastUsed"] and listed["tokens"][0]["expires"]
    assert made["id"] not in [one["id"] for one in told(api.get("/api/tokens"))["tokens"]], "each sees their own"
    assert api.delete(f"/api/tokens/{made['id']}/delete").status_code == 404
    told(nobody.delete(f"/api/tokens/{made['id']}/delete", auth=login))
    eventually(lambda: nobody.get("/api/contacts", headers=bearer(token)).status_code == 401, 2.5)
    for wrong in ("spt_", "spt_1_", f"spt_{made['id']}_x", "spt_x_y", "spa_", "nonsense", "x" * 5_000):
        assert nobody.get("/api/contacts", headers=bearer(wrong)).status_code == 401, wrong


def contact_by(client: httpx.Client, token: str) -> int:
    return int(
        told(client.post("/api/contacts/new", json={"firstname": "T"}, headers=bearer(token)), 201)["contact"]["id"]
    )


def test_what_is_said_to_whoever_is_not_let_in(nobody: httpx.Client) -> None:
    none = nobody.get("/api/contacts")
    assert refused(none, 401, "access_denied", "API authorization denied.")
    assert "details" not in none.json()["errors"][0] and none.headers["mautic-version"]
    wrong = nobody.get("/api/contacts", auth=("nobody", "wrong"))
    assert refused(wrong, 401, "access_denied", "Authorization denied, invalid credentials.")
    assert wrong.headers["www-authenticate"].startswith("Basic ")
    token = nobody.get("/api/contacts?access_token=spa_x")
    assert refused(token, 401, "invalid_grant", "The access token provided is invalid.")


@pytest.fixture(scope="module")
def strict(server_folder: Path, valkey_url: str, clickhouse_url: str, api: httpx.Client) -> Iterator[Service]:
    """A service that lets 3 requests in 10 seconds, and takes no Basic; its tokens hold a minute."""
    del api
    yield from serving(
        "contacts", server_folder, valkey_url, clickhouse_url,
        SPOOR_API_RATE_LIMITER_LIMIT="3", SPOOR_API_RATE_LIMITER_SECONDS="10", SPOOR_API_ENABLE_BASIC_AUTH="false",
        SPOOR_API_OAUTH2_ACCESS_TOKEN_LIFETIME="1", SPOOR_API_TOKENS="billing:0123456789abcdef",
    )  # fmt: skip


def test_whoever_asks_too_often_must_wait(api: httpx.Client, nobody: httpx.Client, strict: Service) -> None:
    del nobody
    tokens = [told(api.post("/api/tokens/new", json={"name": f"t{one}"}), 201)["token"]["token"] for one in (1, 2)]
    with httpx.Client(base_url=strict.http.base_url, timeout=30, trust_env=False) as client:
        answers = [client.get("/api/users/self", headers=bearer(tokens[0])) for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        [error] = answers[-1].json()["errors"]
        assert (error["code"], error["message"]) == (429, "You exceeded the rate limit")
        waits = int(answers[-1].headers["retry-after"])
        assert 1 <= waits <= 20
        assert client.get("/api/users/self", headers=bearer(tokens[1])).status_code == 200, "each has their own"
        assert client.get("/livez").status_code == 200
        deadline = time.monotonic() + 30
        while client.get("/api/users/self", headers=bearer(tokens[0])).status_code == 429:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_what_is_switched_off_says_so(strict: Service, api: httpx.Client, credential: dict[str, Any]) -> None:
    answer = strict.http.get("/api/contacts")
    text = "Basic Auth disabled. You need to enable HTTP basic auth in the API settings of Mautic's Configuration."
    assert refused(answer, 403, "access_denied", text)
    with httpx.Client(base_url=strict.http.base_url, trust_env=False) as client:
        token = told(client.post("/oauth/v2/token", data=asked(credential)))
        assert token["expires_in"] == 60
        assert client.get("/api/contacts?limit=1", headers=bearer(token["access_token"])).status_code == 200
        assert client.get("/api/contacts?limit=1", headers=bearer("0123456789abcdef")).status_code == 200
    assert api.get("/api/contacts?limit=1", headers=bearer(token["access_token"])).status_code == 200


def test_the_api_can_be_switched_off(server_folder: Path, valkey_url: str, clickhouse_url: str) -> None:
    service = start_service("contacts", server_folder, valkey_url, clickhouse_url, SPOOR_API_ENABLED="false")
    try:
        text = "API disabled. You need to enable the API in the API settings of Mautic's Configuration."
        assert refused(service.http.get("/api/contacts"), 403, "api_disabled", text)
        assert service.http.get("/ui/contacts").status_code == 200, "the pages stay"
    finally:
        service.http.close()
        service.process.stop()


def test_whoever_fails_too_often_must_wait_and_a_right_one_is_let_in(api: httpx.Client, nobody: httpx.Client) -> None:
    user = made_user(api, role(api, lead__leads=OWN))
    right = httpx.BasicAuth(user["username"], PASSWORD)
    assert nobody.get("/api/users/self", auth=right).status_code == 200
    guess: Callable[[str], httpx.Response] = lambda text: nobody.get("/api/users/self", auth=(user["email"], text))  # noqa: E731
    answers = [guess(f"guess {number}") for number in range(23)]
    codes = [one.status_code for one in answers]
    assert codes[:20] == [401] * 20 and codes[-1] == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert guess(PASSWORD).status_code == 200, "it was right a moment ago"
    unknown = [nobody.get("/api/users/self", auth=("who", f"x{number}")).status_code for number in range(23)]
    assert unknown[:20] == [401] * 20 and unknown[-1] == 429, "as if there were such a user"
    assert contact(api)


def test_an_unknown_name_takes_as_long_as_a_wrong_password(api: httpx.Client, nobody: httpx.Client) -> None:
    user = made_user(api, role(api))

    def seconds(name: str, number: int) -> float:
        started = time.perf_counter()
        assert nobody.get("/api/users/self", auth=(name, f"wrong {number}")).status_code == 401
        return time.perf_counter() - started

    stranger = f"nobody-{uuid.uuid4().hex[:6]}"
    pairs = [(seconds(user["username"], number), seconds(stranger, number)) for number in range(9)]
    known, unknown = (sorted(times)[4] for times in zip(*pairs, strict=True))
    assert min(known, unknown) > 0.005, "a hash was computed"
    assert max(known, unknown) < 4 * min(known, unknown), (known, unknown)
