"""Forms: made through the API, submitted at the door in every mode, and read in the contact's history."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.site import Site

FIELDS = [
    {"label": "E-mail", "alias": "email", "type": "email", "mappedField": "email", "isRequired": True},
    {"label": "First name", "alias": "f_name", "type": "text", "leadField": "firstname"},
    {"label": "Last name", "type": "text", "mappedField": "lastname"},
    {"label": "Size", "type": "select", "properties": {"list": {"list": [{"label": "S", "value": "s"}]}}},
]


@pytest.fixture
def email() -> str:
    return f"ada.{uuid.uuid4().hex[:12]}@example.com"


def make(site: Site, **body: Any) -> dict[str, Any]:
    answer = site.api.post("/api/forms/new", json={"name": "Newsletter", "fields": FIELDS, **body})
    assert answer.status_code == 201, answer.text
    form: dict[str, Any] = answer.json()["form"]
    return form


def said(form: dict[str, Any], **values: str) -> dict[str, str]:
    return {"mauticform[formId]": str(form["id"]), **{f"mauticform[{name}]": value for name, value in values.items()}}


def test_a_form_is_kept_as_it_was_made(site: Site) -> None:
    form = make(site, postAction="return", inKioskMode=True, description="Monthly")
    stored = site.api.get(f"/api/forms/{form['id']}").json()["form"]
    assert stored == form
    assert [field["alias"] for field in form["fields"]] == ["email", "f_name", "last_name", "size"]
    assert [field["mappedField"] for field in form["fields"]] == ["email", "firstname", "lastname", None]
    assert (form["alias"], form["inKioskMode"], form["postAction"]) == ("newsletter", True, "return")
    renamed = site.api.patch(f"/api/forms/{form['id']}/edit", json={"name": "Weekly"}).json()["form"]
    assert (renamed["name"], renamed["fields"]) == ("Weekly", form["fields"])


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"name": ""}, "name"),
        ({"fields": [{"label": "x", "mappedField": "shoe"}]}, "fields[0][mappedField]"),
        ({"fields": [{"label": "x", "mappedObject": "company", "mappedField": "city"}]}, "fields[0][mappedField]"),
        ({"fields": [{"label": "x", "mappedObject": "contact", "leadField": "companyfax"}]}, "fields[0][mappedField]"),
        ({"fields": [{"label": "x", "mappedObject": "deal", "mappedField": "city"}]}, "fields[0][mappedObject]"),
        ({"fields": [{"label": "x"}, {"label": "x"}]}, "fields[1][alias]"),
        ({"fields": [{"label": "Return"}]}, "fields[0][alias]"),
        ({"fields": [{"label": "x", "type": "magic"}]}, "fields[0][type]"),
        ({"fields": "x"}, "fields"),
        ({"actions": [{"type": "lead.nosuch"}]}, "actions[0][type]"),
        ({"postAction": "explode"}, "postAction"),
        ({"postAction": "redirect", "postActionProperty": "javascript:1"}, "postActionProperty"),
    ],
)
def test_a_form_that_cannot_work_is_refused(site: Site, body: dict[str, Any], where: str) -> None:
    answer = site.api.post("/api/forms/new", json={"name": "f", "fields": [], **body})
    assert (answer.status_code, list(answer.json()["errors"][0]["details"])) == (400, [where])


def test_a_visitor_who_submits_is_known_by_it_with_all_that_went_before(site: Site, email: str) -> None:
    form = make(site, actions=[{"type": "lead.changetags", "properties": {"add_tags": ["reader"]}}])
    with site.visitor() as visitor:
        before = visitor.get("/mtc/event?page_url=before").json()["id"]
        answer = visitor.post(
            f"/form/submit?formId={form['id']}",
            data=said(form, email=email.upper(), f_name="Ada", last_name="Lovelace", nothing="x"),
            headers={"referer": "https://shop.example/news?utm_source=ad"},
        )
        assert answer.status_code == 302
        visitor.get("/mtc/event?page_url=after")
    contact = site.contact(email)
    assert contact["id"] == before
    assert (contact["fields"]["all"]["firstname"], contact["fields"]["all"]["lastname"]) == ("Ada", "Lovelace")
    assert [tag["tag"] for tag in contact["tags"]] == ["reader"]
    [event] = site.events(before, 1, "form.submitted")
    assert event["eventLabel"]["label"] == "Newsletter"
    assert event["details"]["submission"]["results"] == {
        "email": email.upper(), "f_name": "Ada", "last_name": "Lovelace", "size": "",
    }  # fmt: skip
    site.events(before, 2, "page.hit")
    labels = {one["event"]: one["eventLabel"] for one in site.history(before)}
    assert labels["lead.source.created"] == "Contact was created by a hit"
    assert labels["lead.source.identified"] == "Contact was identified by a form"
    assert site.history(before, "lead.utmtagsadded") == [], "only a form with that action records UTM tags"


def test_a_form_fills_fields_of_the_company_that_it_names(site: Site, email: str) -> None:
    of_company = [{"label": one, "mappedObject": "company", "mappedField": f"company{one}"} for one in ("name", "city")]
    form = make(site, fields=[*FIELDS[:1], *of_company])
    assert [field["mappedObject"] for field in form["fields"]] == ["contact", "company", "company"]
    assert [field["leadField"] for field in form["fields"]] == ["email", None, None]
    name = f"Acme {uuid.uuid4().hex[:8]}"
    with site.visitor() as visitor:
        visitor.post("/form/submit", data=said(form, email=email, name=name, city="Rome"))
    assert site.contact(email)["fields"]["all"]["company"] == name
    [company] = site.api.get("/api/companies", params={"search": name}).json()["companies"].values()
    assert company["fields"]["all"]["companycity"] == "Rome"


def test_a_form_with_that_action_records_utm_tags(site: Site, email: str) -> None:
    form = make(site, actions=[{"type": "lead.addutmtags"}])
    with site.visitor() as visitor:
        visitor.post("/form/submit", data=said(form, email=email),
                     headers={"referer": "https://shop.example/?utm_campaign=spring"})  # fmt: skip
    [event] = site.events(site.contact(email)["id"], 1, "lead.utmtagsadded")
    assert event["details"]["utmtags"]["utmCampaign"] == "spring"


def test_whoever_has_the_address_wins_and_nobody_identified_is_overwritten(site: Site, email: str) -> None:
    form = make(site)
    old = site.api.post("/api/contacts/new", json={"email": email, "lastname": "King"}).json()["contact"]["id"]
    with site.visitor() as visitor:
        visitor.get("/mtc/event?page_url=a")
        visitor.post("/form/submit", data=said(form, email=email))
        visitor.get("/mtc/event?page_url=b")
        site.events(old, 2, "page.hit")
        visitor.post("/form/submit", data=said(form, email=f"other.{email}"))
        visitor.get("/mtc/event?page_url=c")
    other = site.contact(f"other.{email}")["id"]
    site.events(other, 1, "page.hit")
    assert other != old
    assert site.contact(email)["fields"]["all"]["lastname"] == "King"


def test_at_a_kiosk_nobody_is_remembered(site: Site, email: str) -> None:
    form = make(site, inKioskMode=True)
    with site.visitor() as visitor:
        mine = visitor.get("/mtc/event?page_url=mine").json()["id"]
        for name in ("a", "b"):
            visitor.post("/form/submit", data=said(form, email=f"{name}.{email}"))
        visitor.get("/mtc/event?page_url=still-mine")
    site.events(mine, 2, "page.hit")
    contacts = [site.contact(f"{name}.{email}") for name in ("a", "b")]
    assert len({contact["id"] for contact in contacts} | {mine}) == 3
    assert [list(contact["ipAddresses"]) for contact in contacts] == [[], []]


def test_who_asks_not_to_be_tracked_can_submit_and_gets_no_cookie(site: Site, email: str) -> None:
    form = make(site)
    with site.visitor() as visitor:
        visitor.headers["sec-gpc"] = "1"
        assert visitor.post("/form/submit", data=said(form, email=email)).status_code == 302
        assert visitor.kept == {}
    site.contact(email)


def test_a_submission_that_is_sent_again_counts_once(site: Site, email: str) -> None:
    form = make(site)
    event = {"event_id": str(uuid.uuid4()), "event_time": str(time.time_ns() // 1_000_000)}
    for _ in range(2):
        httpx.post(f"{site.url}/form/submit", data={**said(form, email=email), **event}, trust_env=False)
    with site.visitor() as visitor:
        visitor.get(f"/mtc/event?page_url=marker&email={email}")
    contact_id = site.contact(email)["id"]
    site.events(contact_id, 1, "page.hit")
    assert len(site.history(contact_id, "form.submitted")) == 1


@pytest.mark.parametrize("is_multipart", [False, True])
def test_plain_mode_leads_on(site: Site, email: str, is_multipart: bool) -> None:
    def post(form: dict[str, Any], **values: str) -> httpx.Response:
        body = said(form, **values)
        files = {name: (None, value) for name, value in body.items()}
        with site.visitor() as visitor:
            return (
                visitor.post("/form/submit", files=files) if is_multipart else visitor.post("/form/submit", data=body)
            )

    redirect = make(site, postAction="redirect", postActionProperty="https://x.example/?m={formfield=f_name}")
    back = make(site, postAction="return", postActionProperty="Done & dusted")
    message = make(site, postAction="message", postActionProperty="See <b>you</b> <script>soon</script>")
    assert post(redirect, email=email, f_name="A&B").headers["location"] == "https://x.example/?m=A%26B"
    target = urlsplit(post(back, email=email, **{"return": "https://shop.example/p?a=1#x"}).headers["location"])
    assert (target.netloc, parse_qs(target.query)) == (
        "shop.example", {"a": ["1"], "mauticMessage": ["Done & dusted"]},
    )  # fmt: skip
    page = httpx.get(site.url + post(message, email=email).headers["location"], trust_env=False)
    assert (page.status_code, "See <b>you</b> <" in page.text, "soon" in page.text) == (200, True, False)
    wrong = urlsplit(post(back, email="no", **{"return": "https://shop.example/p"}).headers["location"])
    assert (wrong.fragment, "e-mail address" in parse_qs(wrong.query)["mauticError"][0]) == ("newsletter", True)
    lost = post(back, email="no").headers["location"]
    assert lost.startswith("/form/message?")
    assert "e-mail address" in httpx.get(site.url + lost, trust_env=False).text


@pytest.mark.parametrize("end", ["<p><a href='https://x.example/terms'>the terms</a></p>", "& the terms"])
def test_a_long_message_is_shown_whole(site: Site, email: str, end: str) -> None:
    text = f"{'plain & text ' * 120}{end}"
    form = make(site, postAction="message", postActionProperty=text)
    with site.visitor() as visitor:
        target = visitor.post("/form/submit", data=said(form, email=email)).headers["location"]
    page = httpx.get(f"{site.url}{target}", trust_env=False).text
    assert len(target) < 500 and "the terms" in page and page.count("plain &amp; text") == 120


def test_the_message_page_says_only_what_we_signed(site: Site) -> None:
    page = httpx.get(f"{site.url}/form/message?m=You+won", trust_env=False)
    assert (page.status_code, "won" in page.text) == (200, False)


def test_ajax_mode_answers_json(site: Site, email: str) -> None:
    form = make(site, postActionProperty="Thanks!")
    url = f"{site.url}/form/submit"
    good = httpx.post(f"{url}?ajax=1", data=said(form, email=email, formName="news"), trust_env=False)
    assert (good.status_code, good.json()) == (200, {
        "success": 1, "results": {"email": email, "f_name": "", "last_name": "", "size": ""},
        "successMessage": "Thanks!", "formName": "news",
    })  # fmt: skip
    bad = httpx.post(f"{url}?ajax=1", data=said(form, size="xl"), trust_env=False)
    assert (bad.status_code, bad.json()["success"], list(bad.json()["validationErrors"])) == (200, 0, ["email", "size"])
    assert httpx.post(f"{url}?ajax=0", data=said(form, email=email), trust_env=False).status_code == 302
    wrapped = httpx.post(f"{url}/ajax", data=said(form), trust_env=False).json()
    assert (wrapped["success"], wrapped["type"], "E-mail: " in wrapped["message"]) == (False, "error", True)
    nobody = httpx.post(f"{url}?ajax=1", data={"mauticform[formId]": "999999"}, trust_env=False)
    assert (nobody.status_code, nobody.json()) == (200, {"success": 0, "errorMessage": "This form is not available."})


def test_messenger_mode_answers_a_page_that_tells_its_parent(site: Site, email: str) -> None:
    form = make(site)
    body = said(form, email=email, f_name="</script>", messenger="1")
    page = httpx.post(f"{site.url}/form/submit", data=body, trust_env=False)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    literal = re.search(r"postMessage\((.*), '\*'\)</script>", page.text)
    assert literal
    assert json.loads(json.loads(literal[1]))["results"]["f_name"] == "</script>"


def test_an_input_for_a_file_may_be_there_and_is_left_out(site: Site, email: str) -> None:
    form = make(site)
    files: dict[str, Any] = {name: (None, value) for name, value in said(form, email=email).items()}
    files["mauticform[photo]"] = ("", b"", "application/octet-stream")
    files["mauticform[paper]"] = ("cv.txt", b"text", "text/plain")
    assert httpx.post(f"{site.url}/form/submit?ajax=1", files=files, trust_env=False).json()["success"] == 1


def test_what_is_no_submission_is_refused(site: Site) -> None:
    with site.visitor() as visitor:
        assert visitor.get("/form/submit").status_code == 405
        assert visitor.post("/form/submit?ajax=1", content=b"").json()["success"] == 0
        assert visitor.post("/form/submit", content=b"a" * 70_000).status_code == 413
        assert visitor.post("/form/submit", content=b"&".join([b"a=1"] * 3_000)).status_code == 400
        multipart = {"content-type": "multipart/form-data; boundary=x"}
        assert visitor.post("/form/submit", content=b"--x\r\nbroken", headers=multipart).status_code in (302, 400)
        deep = "mauticform" + "[a]" * 50
        assert visitor.post("/form/submit?ajax=1", data={deep: "1"}).status_code in (200, 400)


def test_the_guides_app_submits_once_and_then_calls_the_pixel_by_address(site: Site, email: str) -> None:
    form = make(site)
    with site.visitor() as app:
        app.post(f"/form/submit?formId={form['id']}", data=said(form, email=email))
        app.get("/mtracking.gif", params={"page_url": "cart_screen", "email": email})
    contact_id = site.contact(email)["id"]
    [screen] = site.events(contact_id, 1, "page.hit")
    assert screen["eventLabel"] == "cart_screen"
    site.events(contact_id, 1, "form.submitted")
