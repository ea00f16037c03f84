"""The page of one contact: what it shows, what its forms change, and what they keep when they are refused."""

from __future__ import annotations

import gzip
import html
import re
import time
import uuid
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from services.common.tables import EventRow, columns, encode_rows
from tests.integration.conftest import Hit, event_row
from tests.integration.contacts.answers import told
from tests.integration.contacts.pictures import PNG
from tests.integration.contacts.test_rights import client_of, closed_clients, made_user, role

_ = closed_clients

HTMX = {"HX-Request": "true"}
EVIL = "<script>alert(1)</script>\"' onerror='x"
MOST_BYTES = 260_000


def new(api: httpx.Client, **said: Any) -> int:
    said = {"email": f"c-{uuid.uuid4().hex[:8]}@x.org", **said}
    return int(told(api.post("/api/contacts/new", json=said), 201)["contact"]["id"])


def page(api: httpx.Client, contact: int, rest: str = "", status: int = 200, *, part: bool = False) -> str:
    answer = api.get(f"/ui/contacts/{contact}{rest}", headers=HTMX if part else {})
    assert answer.status_code == status, answer.text
    return answer.text


def post(api: httpx.Client, contact: int, rest: str, status: int = 303, **said: Any) -> httpx.Response:
    answer = api.post(f"/ui/contacts/{contact}{rest}", data=said)
    assert answer.status_code == status, answer.text
    return answer


def contact_of(api: httpx.Client, contact: int) -> dict[str, Any]:
    found: dict[str, Any] = told(api.get(f"/api/contacts/{contact}"))["contact"]
    return found


def attributes_of(text: str) -> set[str]:
    """The names of all that elements have."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(name for name, _ in attrs)

    Reader().feed(text)
    return found


def renewal_of(text: str) -> str:
    [address] = re.findall(r'id="renewal"[^>]*? hx-get="([^"]+)"', text)
    return html.unescape(address)


# --- the page --------------------------------------------------------------------------------------------


def test_the_page_shows_who_a_contact_is(api: httpx.Client, store_hit: Hit) -> None:
    contact = new(api, firstname="Ada", lastname="Byron", city="Rome", tags="vip", company="Acme", points=5,
                  twitter="ada")  # fmt: skip
    store_hit(contact, time.time(), url="https://x.org/a", utm_campaign="spring")
    told(api.post("/api/devices/new", json={"lead": contact, "device": "tablet", "deviceBrand": "Fairphone"}), 201)
    text = page(api, contact)
    for shown in ("<h1>Ada Byron</h1>", "vip", "Acme", "Rome", "spring", "History (", "Notes (", "Erase"):
        assert shown.lower() in text.lower(), shown
    assert text.count("<h1") == 1
    assert "tablet, Fairphone" in page(api, contact, "/devices", part=True)
    assert "?tab=places" not in text, "no coordinates are known"
    social = page(api, contact, "?tab=social")
    assert 'href="https://twitter.com/ada"' in social or "ada" in social


def test_the_places_of_a_contact_are_a_map_and_a_list(api: httpx.Client, clickhouse: Any) -> None:
    contact = new(api)
    row = event_row(uuid.uuid4().hex, contact, time.time(), {"url": "https://x.org/", "city": "Berlin"})
    row.latitude, row.longitude = 52.5, 13.4
    clickhouse.raw_insert("events", columns(EventRow), encode_rows([row]), fmt="JSONCompactEachRow")
    assert "?tab=places" in page(api, contact)
    tab = page(api, contact, "?tab=places", part=True)
    assert 'data-lat="52.5"' in tab and "Berlin" in tab and "Natural Earth" in tab
    assert "<h1" not in tab, "a tab comes alone"


def test_nothing_that_a_contact_says_runs_on_its_page(api: httpx.Client, store_hit: Hit) -> None:
    contact = new(api, firstname=EVIL, company=EVIL, city=EVIL, tags=[EVIL[:60]], website="javascript:alert(1)",
                  twitter=EVIL, doNotContact=[{"channel": "email", "reason": 3, "comments": EVIL}])  # fmt: skip
    store_hit(contact, time.time(), url="javascript:alert(1)", title=EVIL, referrer=EVIL, utm_campaign=EVIL,
              query=EVIL, user_agent=EVIL)  # fmt: skip
    told(api.post("/api/notes/new", json={"lead": contact, "text": f"<b>x</b>{EVIL}<img src=x onerror=alert(1)>"}), 201)
    told(api.put(f"/api/contacts/{contact}/integrations/crm", json={"externalId": EVIL}), 201)
    rests = ("", *(f"?tab={tab}" for tab in ("notes", "social", "integrations", "audit")), "/email", "/delete",
             "/merge", "/fields/firstname", "/fields/company", "/picture", "/preferences")  # fmt: skip
    for rest in rests:
        text = page(api, contact, rest)
        assert "<script>" not in text and "<img" not in text and 'href="javascript:' not in text, rest
        assert not [name for name in attributes_of(text) if name.startswith("on")], rest


def test_the_first_load_of_the_page_is_small(api: httpx.Client, store_hit: Hit) -> None:
    contact = new(api, firstname="Ada")
    for number in range(30):
        store_hit(contact, time.time() - number, url=f"https://x.org/{uuid.uuid4().hex}", title="Shoes")
    text = page(api, contact)
    assets = set(re.findall(r'(?:href|src)="(/ui/assets/[^"]+)"', text))
    bodies = [_wire(api, path) for path in assets]
    assert len(assets) > 6
    assert len(gzip.compress(text.encode(), 4)) + sum(bodies) < MOST_BYTES
    assert not any("leaflet" in one or "world" in one for one in assets), "only where the map is opened"


def _wire(api: httpx.Client, path: str) -> int:
    with api.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200
        return sum(len(chunk) for chunk in answer.iter_raw())


def test_the_chart_has_its_numbers_in_a_table(api: httpx.Client) -> None:
    contact = new(api, points=5)
    text = page(api, contact, "/engagement", part=True)
    rows = re.findall(r'<tr><th scope="row">.*?</th><td class="number">(\d+)</td><td class="number">(\d+)</td>', text)
    assert len(rows) == 7 and rows[-1][1] == "5"


# --- its history ---------------------------------------------------------------------------------------------


def test_a_history_is_searched_and_its_types_are_included_and_excluded(api: httpx.Client, store_hit: Hit) -> None:
    contact = new(api, points=3)
    store_hit(contact, time.time(), url="https://x.org/shoes", title="Blue shoes")
    store_hit(contact, time.time(), url="https://x.org/bags", title="Red bags")

    def labels(query: str) -> list[str]:
        return re.findall("<strong>(.*?)</strong> <span", page(api, contact, f"?tab=history&{query}", part=True))

    assert {"Blue shoes", "Red bags", "API / +3"} <= set(labels(""))
    assert labels("search=blue") == ["Blue shoes"]
    assert set(labels("include=page.hit&include=point.gained")) == {"Blue shoes", "Red bags", "API / +3"}
    assert "Blue shoes" not in labels("exclude=page.hit") and "API / +3" in labels("exclude=page.hit")
    text = page(api, contact, "?tab=history&include=page.hit")
    assert re.search(r'name="include" value="page.hit" checked', text), "what was chosen stays so"
    assert len(re.findall('name="include"', text)) == len(told(api.get(f"/api/contacts/{contact}/activity"))["types"])


def test_more_of_a_history_is_loaded_and_no_event_twice_or_never(api: httpx.Client, store_hit: Hit) -> None:
    contact, now = new(api), int(time.time())
    for number in range(60):  # thirty within one second
        store_hit(
            contact, now - 100 - (number if number < 30 else 30), url=f"https://x.org/{number}", title=f"P{number}"
        )
    text, seen = page(api, contact), list[str]()
    while True:
        seen += re.findall(r"<strong>P(\d+)</strong>", text)
        address = re.search(r'id="more"><a[^>]* hx-get="([^"]+)"', text)
        if not address:
            break
        text = api.get(html.unescape(address[1]), headers=HTMX).text
        assert "<html" not in text
    assert sorted(map(int, seen)) == list(range(60))


def test_an_open_history_gets_what_is_new_and_nothing_twice(api: httpx.Client, store_hit: Hit) -> None:
    contact = new(api, firstname="Ada")
    store_hit(contact, time.time() - 1, url="https://x.org/old", title="Old page")
    first = renewal_of(page(api, contact))
    assert api.get(first, headers=HTMX).status_code == 204, "nothing is new"
    store_hit(contact, time.time(), url="https://x.org/new", title="New page")
    news = api.get(first, headers=HTMX)
    assert news.status_code == 200
    assert "New page" in news.text and "Old page" not in news.text
    again = api.get(renewal_of(news.text), headers=HTMX)
    assert again.status_code == 204 or "New page</strong>" not in again.text


def test_an_open_page_gets_another_name_and_moves_with_a_merge(api: httpx.Client) -> None:
    contact, other = new(api, firstname="Ada"), new(api, firstname="Grace")
    address = renewal_of(page(api, contact, "?tab=notes"))
    api.patch(f"/api/contacts/{contact}/edit", json={"firstname": "Augusta"})
    news = api.get(address, headers=HTMX).text
    assert 'id="head" hx-swap-oob="true"' in news and "<h1>Augusta</h1>" in news
    assert 'id="aside" hx-swap-oob="true"' in news
    told(api.post(f"/api/contacts/{other}/merge", json={"contact": contact}))
    moved = api.get(renewal_of(news), headers=HTMX)
    assert moved.status_code == 204 and f"/ui/contacts/{other}?tab=notes" in moved.headers["HX-Trigger"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "soon"])
def test_an_address_of_a_history_may_say_any_time(api: httpx.Client, moment: str) -> None:
    contact = new(api, firstname="Ada")
    for rest in ("history", "news"):
        answer = api.get(f"/ui/contacts/{contact}/{rest}", params={"who": contact, "time": moment}, headers=HTMX)
        assert answer.status_code in (200, 204, 400), answer.text


def test_a_planned_event_is_moved_and_cancelled_from_the_page(api: httpx.Client) -> None:
    contact = new(api)
    said = {"name": "Send offer", "triggerDate": "2099-01-02 03:04:05"}
    told(api.put(f"/api/campaigns/events/3/contact/{contact}/edit", json=said), 201)
    text = page(api, contact)
    assert f"/ui/contacts/{contact}/events/3/reschedule" in text and "To come" in text
    assert 'value="2099-01-02T03:04"' in page(api, contact, "/events/3/reschedule?date=2099-01-02T03:04")
    assert "in the future" in post(api, contact, "/events/3/reschedule", 422, date="2020-01-01T00:00").text
    post(api, contact, "/events/3/reschedule", date="2099-02-03T04:05:06")
    assert "2099-02-03 04:05:06" in page(api, contact)
    post(api, contact, "/events/3/cancel")
    text = page(api, contact)
    assert "Send offer, cancelled" in text and f"/ui/contacts/{contact}/events/3/cancel" not in text


def test_the_audit_log_of_a_contact_is_filtered(api: httpx.Client) -> None:
    contact = new(api, firstname="Ada")
    api.patch(f"/api/contacts/{contact}/edit", json={"firstname": "Augusta"})
    text = page(api, contact, "?tab=audit", part=True)
    assert "<strong>update</strong>" in text and "<strong>create</strong>" in text and "Augusta" in text
    text = page(api, contact, "?tab=audit&action=update", part=True)
    assert "<strong>update</strong>" in text and "<strong>create</strong>" not in text
    assert "Nothing like that" in page(api, contact, "?tab=audit&search=nobody-said-this", part=True)


# --- notes --------------------------------------------------------------------------------------------------------


def test_notes_are_written_found_changed_and_deleted(api: httpx.Client) -> None:
    contact = new(api)
    refused = post(api, contact, "/notes/new", 422, text="", type="call")
    assert 'role="alert"' in refused.text and '<option value="call" selected>' in refused.text
    wrong = post(api, contact, "/notes/new", 422, text="Kept as typed", type="call", dateTime="soon")
    assert "Kept as typed" in wrong.text
    post(api, contact, "/notes/new", text="Asked for an offer", type="call", dateTime="2026-01-31T10:00")
    post(api, contact, "/notes/new", text="Likes bags", type="general")
    notes = {one["text"]: one for one in told(api.get(f"/api/contacts/{contact}/notes"))["notes"]}
    call = notes["Asked for an offer"]
    assert (call["type"], call["dateTime"]) == ("call", "2026-01-31T10:00:00+00:00")
    text = page(api, contact, "?tab=notes&type=call", part=True)
    assert "Asked for an offer" in text and "Likes bags" not in text
    assert "Likes bags" in page(api, contact, "?tab=notes&search=bags", part=True)
    assert "Asked for an offer" in page(api, contact, f"/notes/{call['id']}")
    post(api, contact, f"/notes/{call['id']}", text="Wants an offer", type="meeting")
    assert "Wants an offer" in page(api, contact, f"/notes/{call['id']}/delete")
    post(api, contact, f"/notes/{call['id']}/delete")
    assert [one["text"] for one in told(api.get(f"/api/contacts/{contact}/notes"))["notes"]] == ["Likes bags"]
    page(api, new(api), f"/notes/{notes['Likes bags']['id']}", 404)


# --- fields -------------------------------------------------------------------------------------------------------


def test_a_value_is_changed_where_it_stands(api: httpx.Client) -> None:
    contact = new(api, city="Rome")
    assert 'value="Rome"' in page(api, contact, "/fields/city", part=True)
    assert "Rome" in page(api, contact, "/fields/city?cancel=1", part=True)
    saved = api.post(f"/ui/contacts/{contact}/fields/city", data={"field.city": "Paris"}, headers=HTMX)
    assert "Paris" in saved.text and "spoor:changed" in saved.headers["HX-Trigger"]
    post(api, contact, "/fields/city", **{"field.city": ""})
    assert contact_of(api, contact)["fields"]["all"]["city"] is None, "a blank is a value"
    refused = post(api, contact, "/fields/email", 422, **{"field.email": "no address"})
    assert 'value="no address"' in refused.text and 'aria-invalid="true"' in refused.text
    post(api, contact, "/fields/points", **{"field.points": "12"})
    assert contact_of(api, contact)["points"] == 12
    for alias in ("nothing", "last_active", "a%2Fb"):
        page(api, contact, f"/fields/{alias}", 404)


def test_an_address_of_somebody_else_merges_nobody_where_it_stands(api: httpx.Client) -> None:
    address = f"{uuid.uuid4().hex}@x.org"
    other, contact = new(api, firstname="Grace", email=address), new(api, firstname="Ada")
    refused = post(api, contact, "/fields/email", 422, **{"field.email": address.upper()})
    assert "Grace has it" in refused.text and f'value="{address.upper()}"' in refused.text
    assert [contact_of(api, one)["id"] for one in (other, contact)] == [other, contact]
    post(api, contact, "/fields/email", **{"field.email": f"ada.{address}"})
    post(api, contact, "/fields/email", **{"field.email": f"ada.{address}"})  # its own


def test_choices_of_a_field_are_offered(api: httpx.Client) -> None:
    alias = f"c{uuid.uuid4().hex[:8]}"
    listed = [{"label": "Red", "value": "r"}, {"label": "Blue", "value": "b"}]
    said = {"label": alias, "alias": alias, "type": "multiselect", "group": "personal", "properties": {"list": listed}}
    field = told(api.post("/api/fields/contact/new", json=said), 201)["field"]["id"]
    try:
        contact = new(api)
        deadline = time.monotonic() + 5
        while alias not in page(api, contact, "?group=personal"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert '<option value="b">Blue</option>' in page(api, contact, f"/fields/{alias}", part=True)
        post(api, contact, f"/fields/{alias}", **{f"field.{alias}": ["r", "b"], f"field.{alias}.shown": "1"})
        assert contact_of(api, contact)["fields"]["all"][alias] == "r|b"
        assert "Red, Blue" in page(api, contact, "/fields?group=personal", part=True)
    finally:
        api.delete(f"/api/fields/contact/{field}/delete")


# --- what is done with a contact ------------------------------------------------------------------------------


def test_of_what_both_say_is_kept_what_was_chosen(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    contact = new(api, firstname="Ada", city="Rome", zipcode="1", email=f"a.{mark}@x.org")
    other = new(api, firstname="Augusta", city="Oslo", phone="5", email=f"b.{mark}@x.org")
    compared = page(api, contact, f"/merge/{other}")
    asked = re.findall(r'name="keep\.(\w+)".*?value="(\w+)" selected', compared, re.S)
    assert dict(asked) == {"firstname": "other", "city": "other"}, "what was said last"
    answer = post(api, contact, f"/merge/{other}", **{"keep.firstname": "mine", "keep.city": "other"})
    assert answer.headers["Location"].endswith(f"?merged={other}")
    values = contact_of(api, contact)["fields"]["all"]
    kept = {alias: values[alias] for alias in ("firstname", "city", "zipcode", "phone", "email")}
    assert kept == {"firstname": "Ada", "city": "Oslo", "zipcode": "1", "phone": "5", "email": f"b.{mark}@x.org"}
    again = told(api.post("/api/contacts/new", json={"email": f"a.{mark}@x.org"}))["contact"]
    assert again["id"] == contact, "both addresses are this person's"


def test_somebody_is_found_compared_merged_and_parted_again(api: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    contact, other = new(api, firstname="Ada", lastname=mark), new(api, firstname="Augusta", lastname=mark, tags="vip")
    found = page(api, contact, f"/merge?search={mark}", part=True)
    assert f"/merge/{other}" in found and f"/merge/{contact}" not in found
    assert "<h2" not in found, "of a search only what it found"
    assert 'role="alert"' in page(api, contact, "/merge?search=foo:bar:(", part=True)
    compared = page(api, contact, f"/merge/{other}")
    assert "Augusta" in compared and "vip" in compared and "Merged" in compared
    answer = post(api, contact, f"/merge/{other}")
    assert contact_of(api, other)["id"] == contact
    text = api.get(answer.headers["Location"]).text
    assert text.count(f'action="/ui/contacts/{contact}/unmerge/{other}"') == 2, "said now, and stays"
    post(api, contact, f"/unmerge/{other}")
    assert contact_of(api, other)["id"] == other
    assert "unmerge" not in page(api, contact)


@pytest.mark.parametrize(("kind", "word"), [("segments", "lists"), ("campaigns", "campaigns")])
def test_segments_and_campaigns_are_switches(api: httpx.Client, kind: str, word: str) -> None:
    contact, name = new(api), f"t{uuid.uuid4().hex[:8]}"
    thing = next(iter(told(api.post(f"/api/{kind}/new", json={"name": name}), 201).values()))["id"]
    switch = rf'role="switch"[^>]*hx-post="/ui/contacts/{contact}/in/{kind}/{thing}"'

    def is_on() -> bool:
        [found] = re.findall(switch, page(api, contact, f"/in/{kind}", part=True))
        return " checked" in found

    assert not is_on()
    post(api, contact, f"/in/{kind}/{thing}", **{"in": "1"})
    assert is_on()
    assert str(thing) in told(api.get(f"/api/contacts/{contact}/{kind}"))[word]
    answer = api.post(f"/ui/contacts/{contact}/in/{kind}/{thing}", headers=HTMX)
    assert answer.status_code == 204 and "spoor:close" not in answer.headers["HX-Trigger"], "more may be switched"
    assert not is_on()
    page(api, contact, "/in/stages", 404)


def test_a_channel_is_refused_with_a_reason_and_taken_back(api: httpx.Client) -> None:
    contact = new(api)
    post(api, contact, "/dnc", channel="email", reason="2", comments="Mailbox full")
    [refusal] = contact_of(api, contact)["doNotContact"]
    assert (refusal["channel"], refusal["reason"], refusal["comments"]) == ("email", 2, "Mailbox full")
    assert "Mailbox full" in page(api, contact)
    assert 'role="alert"' in post(api, contact, "/dnc", 422, channel="a b").text
    post(api, contact, "/dnc/email/remove")
    assert contact_of(api, contact)["doNotContact"] == []


def test_tags_are_added_and_removed(api: httpx.Client) -> None:
    contact = new(api, tags="old")
    post(api, contact, "/tags", add="new, two words")
    post(api, contact, "/tags", remove="old")
    assert [tag["tag"] for tag in contact_of(api, contact)["tags"]] == ["new", "two words"]


def test_a_mail_says_why_it_does_not_go(api: httpx.Client) -> None:
    contact = new(api)
    assert "SPOOR_SMTP_URL" in page(api, contact, "/email") and "disabled" in page(api, contact, "/email")
    refused = post(api, contact, "/email", 422, subject="Your offer", body="Here it is")
    assert "Your offer" in refused.text and "SPOOR_SMTP_URL" in refused.text
    api.post(f"/api/contacts/{contact}/dnc/email/add", json={"reason": 1})
    assert "unsubscribed" in page(api, contact, "/email")
    assert "no email address" in page(api, new(api, email="", firstname="Ada"), "/email")


def test_preferences_are_shown_and_saved(api: httpx.Client) -> None:
    contact = new(api)
    segment = told(api.post("/api/segments/new", json={"name": "News", "isPreferenceCenter": True}), 201)["list"]["id"]
    category = told(api.post("/api/categories/new", json={"title": "Bags", "bundle": "global"}), 201)["category"]["id"]
    said = {"number.email": "2", "unit.email": "WEEK", "from.email": "2026-12-24", "to.email": "2026-12-31",
            "preferred": "email", "subscribed.email": "1", "subscribed.notification": "1", "shown_segment": segment,
            "segment": segment, "has_categories": "1", "category": category}  # fmt: skip
    post(api, contact, "/preferences", **said)
    told_of = contact_of(api, contact)
    assert [(one["channel"], one["reason"]) for one in told_of["doNotContact"]] == [("sms", 3)]
    [rule] = told_of["frequencyRules"]
    assert (rule["frequencyNumber"], rule["frequencyTime"], rule["preferredChannel"]) == (2, "WEEK", True)
    assert rule["pauseFromDate"].startswith("2026-12-24")
    assert str(segment) in told(api.get(f"/api/contacts/{contact}/segments"))["lists"]
    assert str(category) in told(api.get(f"/api/contacts/{contact}/categories"))["categories"]
    text = page(api, contact, "/preferences", part=True)
    assert 'value="2026-12-24"' in text and not re.search(r'name="subscribed.sms" value="1" checked', text)
    wrong = post(api, contact, "/preferences", 422, **{**said, "to.email": "2026-12-01"})
    assert 'role="alert"' in wrong.text and 'value="2026-12-01"' in wrong.text
    hidden = told(api.post("/api/categories/new", json={"title": "Old", "bundle": "global"}), 201)["category"]["id"]
    told(api.post(f"/api/categories/{hidden}/contact/{contact}/add"))
    told(api.patch(f"/api/categories/{hidden}/edit", json={"isPublished": False}))
    assert f'name="shown_category" value="{hidden}"' not in page(api, contact, "/preferences", part=True)
    turned_off = {"shown_segment": segment, "has_categories": "1", "shown_category": category, "subscribed.sms": "1"}
    post(api, contact, "/preferences", **turned_off)
    assert str(segment) not in told(api.get(f"/api/contacts/{contact}/segments"))["lists"]
    kept = told(api.get(f"/api/contacts/{contact}/categories"))["categories"]
    assert [*kept] == [str(hidden)], "what is not shown is not changed"


def test_a_picture_is_uploaded_shown_and_removed(api: httpx.Client) -> None:
    contact, path = new(api), "/image"
    page(api, contact, path, 404)
    wrong = api.post(f"/ui/contacts/{contact}{path}", files={"image": ("a.png", b"no picture", "image/png")})
    assert wrong.status_code == 422 and 'role="alert"' in wrong.text
    done = api.post(f"/ui/contacts/{contact}{path}", files={"image": ("a.png", PNG, "image/png")})
    assert done.status_code == 303, done.text
    assert f'src="/ui/contacts/{contact}/image?' in page(api, contact)
    assert f'src="/ui/contacts/{contact}/image?' in api.get(f"/ui/contacts?search=ids:{contact}").text
    shown = api.get(f"/ui/contacts/{contact}{path}")
    assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")
    assert "sandbox" in shown.headers["content-security-policy"]
    again = api.get(f"/ui/contacts/{contact}{path}", headers={"If-None-Match": shown.headers["etag"]})
    assert again.status_code == 304
    post(api, contact, "/picture", preferred="twitter")
    assert contact_of(api, contact)["preferredProfileImage"] == "twitter"
    assert "<img" not in page(api, contact), "of networks nothing is fetched"
    post(api, contact, f"{path}/remove")
    page(api, contact, path, 404)
    assert "gravatar.com" not in page(api, contact), "nobody is told unless it is set"


def test_a_contact_is_deleted_after_being_asked_for(api: httpx.Client) -> None:
    contact = new(api, firstname="Ada")
    asked = page(api, contact, "/delete")
    assert "Delete Ada?" in asked and f'href="/ui/contacts/{contact}/erase"' in asked
    assert post(api, contact, "/delete").headers["Location"] == "/ui/contacts"
    page(api, contact, "", 404)


def test_an_erasure_says_what_goes_and_takes_a_tick(api: httpx.Client) -> None:
    contact = new(api, firstname=f"Ada {EVIL}")
    asked = page(api, contact, "/erase", part=True)
    assert "for good?" in asked and "all files of exports and imports" in asked and EVIL not in asked
    assert re.search(r'<input[^>]*type="checkbox"[^>]*name="sure"[^>]*required', asked)
    assert 'role="alert"' in post(api, contact, "/erase", 422).text
    page(api, contact, "/erasure", 404)
    assert contact_of(api, contact), "nothing was done"
    page(api, 9_000_000_000_000, "/erase", 404)


def test_who_may_only_look_finds_nothing_to_change(api: httpx.Client) -> None:
    contact = new(api, firstname="Ada", tags="vip")
    with client_of(api, made_user(api, role(api, lead__leads=["viewother"]))) as reader:
        text = page(reader, contact)
        assert "Ada" in text
        for word in ("/email", "/tags", "/delete", "/erase", "/merge", "/edit", "/dnc", "/preferences", "/fields/",
                     "/in/"):  # fmt: skip
            assert f"/ui/contacts/{contact}{word}" not in text, word
        for rest in ("/tags", "/dnc", "/delete", "/erase", "/preferences", f"/merge/{new(api)}", "/fields/city",
                     "/notes/new", "/image/remove", "/picture"):  # fmt: skip
            said = {"add": "x", "channel": "sms", "field.city": "Rome", "text": "x", "preferred": "gravatar",
                    "subscribed.email": "1", "sure": "1"}  # fmt: skip
            assert post(reader, contact, rest, 403, **said)
    assert contact_of(api, contact)["doNotContact"] == []
