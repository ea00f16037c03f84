"""No secret is ever in a log: all are used, rightly and wrongly, and then looked for."""

from __future__ import annotations

import base64
import uuid

from tests.integration.security.conftest import API_TOKEN, NAMES, PASSWORD, SECRETS, WRITE_KEY, Four
from tests.processes import eventually


def test_no_secret_and_no_address_is_logged_whatever_is_done_with_them(four: Four) -> None:
    mark = uuid.uuid4().hex
    typed, email = f"typed-password-{mark}", f"person-{mark}@example.org"
    api = four.logged_in["contacts"]
    role = api.post("/api/roles/new", json={"name": mark, "isAdmin": True}).json()["role"]["id"]
    user = {"username": mark, "firstName": "A", "lastName": "B", "email": email, "role": role,
            "plainPassword": {"password": typed, "confirm": typed}}  # fmt: skip
    assert api.post("/api/users/new", json=user).status_code == 201
    token = api.post("/api/tokens/new", json={"name": "t"}, auth=(mark, typed)).json()["token"]["token"]
    hook = {"name": "h", "webhookUrl": f"https://hook-user:hook-{mark}@127.0.0.1:9/", "secret": f"hook-secret-{mark}",
            "triggers": ["mautic.lead_post_save_new"]}  # fmt: skip
    made = api.post("/api/hooks/new", json=hook)
    assert made.status_code == 201
    assert api.post("/api/contacts/new", json={"email": email}).status_code == 201
    told = f"/api/hooks/{made.json()['hook']['id']}"
    said = {"username": mark, "password": typed, "next": ""}
    entered = four.http["contacts"].post("/ui/login", data=said, headers={"sec-fetch-site": "same-origin"})
    session = entered.cookies["spoor_session"]
    four.http["contacts"].cookies.clear()
    for name, path in (("ingest", "/v1/batch"), ("identity", "/v1/resolve"), ("contacts", "/api/contacts"),
                       ("export", "/exports")):  # fmt: skip
        bearers = (API_TOKEN, WRITE_KEY, token, session, f"wrong-{mark}")
        for authorization in (*(f"Bearer {one}" for one in bearers), _basic(mark, f"wrong-{mark}")):
            for method in ("GET", "POST"):
                four.http[name].request(method, path, headers={"authorization": authorization}, content=b"{")
        four.http[name].get(path, params={"access_token": token})
        four.logged_in[name].post(path, content=b'{"email":"%b","password":"%b"}' % (email.encode(), typed.encode()))
    four.http["ingest"].post("/mtc/event", data={"email": email, "page_url": f"https://x.org/?token={token}"})
    four.http["contacts"].post("/oauth/v2/token", data={"client_id": "1_x", "client_secret": f"wrong-{mark}"})
    eventually(lambda: api.get(told).json()["hook"]["failures"], "the hook is told of the contact, in vain")
    looked_for = {*SECRETS, typed, email, token, session, f"hook-{mark}", f"hook-secret-{mark}", f"wrong-{mark}",
                  base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}  # fmt: skip
    logs = {name: four.logs[name].read_text(errors="replace") for name in NAMES}
    assert all("service_starts" in text for text in logs.values())
    assert [(name, secret) for name, text in logs.items() for secret in looked_for if secret in text] == []


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
