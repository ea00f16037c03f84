"""The list of contacts, its dialogs and its forms, over HTTP: what a page says, and what the API says afterwards."""

from __future__ import annotations

import gzip
import re
import uuid
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.integration.contacts.answers import told
from tests.integration.contacts.ui.logins import PASSWORD, logged_in

EVIL = "<script>alert(1)</script>'\""
PART = {"HX-Request": "true"}


def mark() -> str:
    return uuid.uuid4().hex[:10]


def new_contact(api: httpx.Client, **said: Any) -> dict[str, Any]:
    contact: dict[str, Any] = told(api.post("/api/contacts/new", json=said), 201)["contact"]
    return contact


def shown(api: httpx.Client, contact_id: int) -> dict[str, Any]:
    contact: dict[str, Any] = told(api.get(f"/api/contacts/{contact_id}"))["contact"]
    return contact


def post(api: httpx.Client, path: str, *pairs: tuple[str, object]) -> httpx.Response:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return api.post(path, content=urlencode([(name, str(value)) for name, value in pairs]), headers=kind)


class _FormReader(HTMLParser):
    """What a browser would send of the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[tuple[str, str]] = []
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "input" and said.get("name") and (said.get("type") not in ("checkbox", "radio") or "checked" in said):
            self.pairs.append((said["name"], said.get("value", "")))
        elif tag in ("select", "textarea"):
            self._select, self._area = (said["name"], "") if tag == "select" else ("", said["name"])
            if self._area:
                self.pairs.append((self._area, ""))
        elif tag == "option" and self._select and "selected" in said:
            self.pairs.append((self._select, said["value"]))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._select = self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.pairs[-1] = (self._area, self.pairs[-1][1] + data)


def typed_form(page: str) -> list[tuple[str, str]]:
    reader = _FormReader()
    reader.feed(page[page.index('name="was"') - 200 :])
    return reader.pairs


def role(api: httpx.Client) -> int:
    said = {"name": f"Role {mark()}", "rawPermissions": {"lead:leads": ["viewown"]}}
    return int(told(api.post("/api/roles/new", json=said), 201)["role"]["id"])


def test_the_list_searches_orders_and_pages(api: httpx.Client) -> None:
    tag = mark()
    people = [new_contact(api, lastname=f"{tag}-{number}", points=number, tags=[tag])["id"] for number in range(12)]
    first = api.get("/ui/contacts", params={"search": f"tag:{tag}", "order": "points", "limit": 10})
    found = [int(one) for one in re.findall(r'name="ids" value="(\d+)"', first.text)]
    assert found == people[:1:-1]
    following = re.search(r'href="([^"]+)"[^>]*rel="next"', first.text)
    assert following
    second = api.get(following[1].replace("&amp;", "&"))
    assert [int(one) for one in re.findall(r'name="ids" value="(\d+)"', second.text)] == people[1::-1]
    assert "11 to 12 of 12" in second.text


def test_a_part_of_the_list_is_the_list_alone(api: httpx.Client) -> None:
    part = api.get("/ui/contacts?search=nobody-at-all", headers=PART)
    assert "Nobody like that" in part.text and "<html" not in part.text


def test_what_a_search_does_not_mean_is_told_in_the_page(api: httpx.Client) -> None:
    page = api.get("/ui/contacts?search=(ada")
    assert (page.status_code, 'role="alert"' in page.text) == (422, True)
    assert 'value="(ada"' in page.text


@pytest.mark.parametrize(
    "query", ["order=nonsense&direction=up&limit=7&start=-1&kind=x", "start=99999999999", "segment=nobody", "limit=0"]
)
def test_a_list_is_shown_whatever_an_address_says(api: httpx.Client, query: str) -> None:
    assert api.get(f"/ui/contacts?{query}").status_code in (200, 422)


def test_columns_are_chosen_also_those_of_own_fields(api: httpx.Client) -> None:
    assert "Attribution Date" in api.get("/ui/contacts/columns", headers=PART).text
    with httpx.Client(base_url=api.base_url, auth=api.auth, trust_env=False, timeout=30) as browser:
        assert post(browser, "/ui/contacts/columns", ("column", "phone"), ("column", "nonsense")).status_code == 303
        heads = re.findall(r"<th[^>]*>.*?</th>", browser.get("/ui/contacts").text, re.S)
    assert ["Phone" in head for head in heads[2:]] == [True]


def test_what_there_is_to_choose_from_is_in_the_order_of_names(api: httpx.Client) -> None:
    tag = mark()
    for end in ("z", "a"):
        told(api.post("/api/campaigns/new", json={"name": f"{tag}{end}"}), 201)
        told(api.post("/api/categories/new", json={"title": f"{tag}{end}", "bundle": "global"}), 201)
        told(api.post("/api/companies/new", json={"companyname": f"{tag}{end}"}), 201)
    contact = new_contact(api, firstname="Ada")["id"]
    dialogs = [f"batch/{action}?ids={contact}" for action in ("campaigns", "categories")]
    for path in (*dialogs, f"{contact}/edit", f"{contact}/preferences"):
        page = api.get(f"/ui/contacts/{path}", headers=PART).text
        places = [page.find(f"{tag}{end}") for end in ("a", "z")]
        assert -1 not in places and places == sorted(places), path


def test_everything_of_a_contact_is_escaped(api: httpx.Client) -> None:
    tag = mark()
    new_contact(api, firstname=EVIL, lastname=tag, company=EVIL, city=EVIL, tags=[EVIL])
    page = api.get(f"/ui/contacts?search={tag}").text
    assert "<script>alert" not in page and "alert(1)" in page
    help_text = api.get("/ui/contacts/help", params={"search": "tag:alert(1)'"}, headers=PART).text
    assert 'data-value="tag:&#34;alert(1)&#39;%&#34; "' in help_text  # tags keep no markup, but quotes


def test_help_for_the_search_finds_a_tag_behind_hundreds_of_others(api: httpx.Client) -> None:
    tag = mark()
    new_contact(api, firstname="Ada", tags=[*(f"0{tag} {number}" for number in range(300)), f"x{tag}"])
    assert f'data-value="tag:x{tag} "' in api.get(f"/ui/contacts/help?search=tag:x{tag}", headers=PART).text


def test_help_for_the_search_knows_segments_and_tags(api: httpx.Client) -> None:
    tag = mark()
    new_contact(api, firstname="Ada", tags=[f"{tag} x"])
    assert f'data-value="tag:&#34;{tag} x&#34; "' in api.get(f"/ui/contacts/help?search=tag:{tag}", headers=PART).text


def test_the_same_channels_are_named_for_one_contact_and_for_many(api: httpx.Client) -> None:
    contact = new_contact(api, firstname="Ada")["id"]
    many = re.findall(r'name="(\w+)\.is"', api.get(f"/ui/contacts/batch/channels?ids={contact}", headers=PART).text)
    one = re.findall(r'name="subscribed\.(\w+)"', api.get(f"/ui/contacts/{contact}/preferences", headers=PART).text)
    assert many == one == ["email", "sms", "notification"]


def test_quick_add_makes_a_contact(api: httpx.Client) -> None:
    dialog = api.get("/ui/contacts/quick", headers=PART).text
    assert 'name="field.email"' in dialog and 'name="field.fax"' not in dialog
    email = f"quick-{mark()}@x.org"
    answer = post(api, "/ui/contacts/quick", ("field.email", email), ("field.firstname", "Ada"), ("tags", "a, b"))
    assert answer.status_code == 303
    contact = shown(api, int(answer.headers["location"].rsplit("/", 1)[1]))
    assert contact["fields"]["all"]["email"] == email
    assert [tag["tag"] for tag in contact["tags"]] == ["a", "b"]
    events = told(api.get(f"/api/contacts/{contact['id']}/activity"))["events"]
    labels = {one["event"]: one["eventLabel"] for one in events}
    assert labels["lead.source.created"] == "Contact was created by admin"
    assert "lead.apiadded" not in labels, "a page is not the API, for who reads a history"


def test_a_new_contact_that_is_refused_keeps_what_was_typed(api: httpx.Client) -> None:
    answer = post(api, "/ui/contacts/new", ("field.email", "nonsense"), ("field.city", EVIL), ("tags", "vip"))
    assert answer.status_code == 422
    assert "This value is not a valid email address" in answer.text
    assert 'aria-describedby="field-email-wrong"' in answer.text
    assert 'value="nonsense"' in answer.text and 'value="vip"' in answer.text
    assert "<script>alert" not in answer.text


def test_duplicates_are_pointed_out_while_somebody_types(api: httpx.Client) -> None:
    email = f"twice-{mark()}@x.org"
    known = new_contact(api, email=email, firstname="Ada")["id"]
    part = api.get("/ui/contacts/duplicates", params={"field.email": email}, headers=PART).text
    assert f'href="/ui/contacts/{known}"' in part
    assert "A contact with this value already exists." in part and "Saving will update" in part
    assert "exists" not in api.get(f"/ui/contacts/duplicates?field.email=new-{mark()}@x.org", headers=PART).text
    own = {"field.email": email, "id": known}
    assert "exists" not in api.get("/ui/contacts/duplicates", params=own, headers=PART).text


def was(page: str) -> str:
    found = re.search(r'name="was" value="([^"]*)"', page)
    assert found
    return found[1].replace("&#34;", '"')


def test_an_edit_says_only_what_was_changed_and_a_blank_clears(api: httpx.Client) -> None:
    contact = new_contact(api, firstname="Ada", city="Oslo", phone="1", tags=["a", "b"])["id"]
    page = api.get(f"/ui/contacts/{contact}/edit").text
    assert 'value="Oslo"' in page
    told(api.patch(f"/api/contacts/{contact}/edit", json={"phone": "2"}))
    answer = post(
        api, f"/ui/contacts/{contact}/edit", ("was", was(page)), ("field.firstname", "Ada"), ("field.city", ""),
        ("field.phone", "1"), ("tags", "b, c"),
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    after = shown(api, contact)
    assert (after["fields"]["all"]["city"], after["fields"]["all"]["phone"]) == (None, "2")
    assert [tag["tag"] for tag in after["tags"]] == ["b", "c"]


def test_of_two_people_who_edit_one_field_the_later_one_is_told(api: httpx.Client) -> None:
    contact = new_contact(api, firstname="Ada", city="Oslo")["id"]
    path = f"/ui/contacts/{contact}/edit"
    mine = was(api.get(path).text)
    told(api.patch(f"/api/contacts/{contact}/edit", json={"city": "Rome"}))
    asked = post(api, path, ("was", mine), ("field.city", "Bern"), ("field.firstname", "Ada"))
    assert asked.status_code == 422
    assert "admin has changed this contact since you opened it" in asked.text
    assert re.search(r"City</th><td>Rome</td><td>Bern", asked.text)
    assert shown(api, contact)["fields"]["all"]["city"] == "Rome", "nothing was saved"
    again = post(api, path, ("was", was(asked.text)), ("field.city", "Bern"), ("field.firstname", "Ada"))
    assert (again.status_code, shown(api, contact)["fields"]["all"]["city"]) == (303, "Bern")


def test_what_a_form_shows_and_nobody_touches_stays(api: httpx.Client) -> None:
    """Also an owner who was switched off, a stage that is not to be seen, and a choice that is none any more."""
    choices = {"list": [{"label": "Red", "value": "red"}, {"label": "Blue", "value": "blue"}]}
    color = f"color_{mark()}"
    field = {"label": color, "alias": color, "type": "select", "properties": choices}
    field_id = told(api.post("/api/fields/contact/new", json=field), 201)["field"]["id"]
    name, tag = f"u{mark()}", f"a,b {mark()}"
    user = {"username": name, "firstName": "Bo", "email": f"{name}@x.org", "role": role(api), "plainPassword": PASSWORD}
    owner = told(api.post("/api/users/new", json=user), 201)["user"]["id"]
    stage = told(api.post("/api/stages/new", json={"name": f"Stage {mark()}"}), 201)["stage"]["id"]
    company = told(api.post("/api/companies/new", json={"companyname": f"Acme {mark()}"}), 201)["company"]["id"]
    contact = new_contact(
        api, phone="1", owner=owner, stage=stage, companies=[company], tags=[tag], **{color: "red"}
    )["id"]  # fmt: skip
    told(api.patch(f"/api/users/{owner}/edit", json={"isPublished": False}))
    told(api.patch(f"/api/fields/contact/{field_id}/edit", json={"properties": {"list": choices["list"][1:]}}))
    with logged_in(api, lead__leads=["viewother", "editother"]) as editor:
        pairs = typed_form(editor.get(f"/ui/contacts/{contact}/edit").text)
        assert dict(pairs)["field.phone"] == "1"
        again = [(name, "2" if name == "field.phone" else value) for name, value in pairs]
        assert post(editor, f"/ui/contacts/{contact}/edit", *again).status_code == 303
    after = shown(api, contact)
    assert (after["owner"]["id"], after["stage"]["id"], after["fields"]["all"]["phone"]) == (owner, stage, "2")
    assert [one["tag"] for one in after["tags"]] == [tag]
    assert after["fields"]["all"][color] == "red"
    assert [int(one["id"]) for one in told(api.get(f"/api/contacts/{contact}/companies"))["companies"]] == [company]


def test_a_form_that_was_open_for_long_undoes_nothing(api: httpx.Client) -> None:
    first, second = (
        told(api.post("/api/stages/new", json={"name": f"Stage {mark()}"}), 201)["stage"]["id"] for _ in range(2)
    )
    contact = new_contact(api, phone="1", stage=first, tags=["a", "b"])["id"]
    path = f"/ui/contacts/{contact}/edit"
    pairs = typed_form(api.get(path).text)
    told(api.patch(f"/api/contacts/{contact}/edit", json={"stage": second, "tags": ["-a", "c"]}))
    assert (
        post(api, path, *((name, "2" if name == "field.phone" else value) for name, value in pairs)).status_code == 303
    )
    after = shown(api, contact)
    assert (after["fields"]["all"]["phone"], after["stage"]["id"]) == ("2", second)
    assert [one["tag"] for one in after["tags"]] == ["b", "c"]
    asked = post(api, path, *((name, "" if name == "stage" else value) for name, value in pairs))
    assert asked.status_code == 422 and "has changed this contact since you opened it" in asked.text


def test_a_search_for_either_of_two_things_stays_within_the_segment(api: httpx.Client) -> None:
    tag = mark()
    inside, outside = (new_contact(api, firstname=name, tags=[tag])["id"] for name in ("In", "Out"))
    said = {"name": f"Segment {tag}", "alias": f"seg-{tag}"}
    segment = told(api.post("/api/segments/new", json=said), 201)["list"]
    told(api.post(f"/api/segments/{segment['id']}/contact/{inside}/add"))
    asked = {"search": f"tag:{tag} or firstname:Out", "segment": segment["alias"]}
    found = re.findall(r'name="ids" value="(\d+)"', api.get("/ui/contacts", params=asked).text)
    assert (found, outside not in found) == ([str(inside)], True)


def chosen(api: httpx.Client, count: int = 2) -> list[int]:
    return [new_contact(api, firstname=f"Batch {mark()}")["id"] for _ in range(count)]


def batch(api: httpx.Client, action: str, ids: list[int], *pairs: tuple[str, object]) -> httpx.Response:
    return post(api, f"/ui/contacts/batch/{action}", ("ids", ",".join(map(str, ids))), *pairs)


def said(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["set-cookie"]


def test_batches_change_segments_stages_tags_owners_and_channels(api: httpx.Client) -> None:
    people, tag = chosen(api), mark()
    segment = told(api.post("/api/segments/new", json={"name": tag}), 201)["list"]["id"]
    stage = told(api.post("/api/stages/new", json={"name": tag}), 201)["stage"]["id"]
    assert "2%20contacts%20affected" in said(batch(api, "segments", people, ("add", segment)))
    said(batch(api, "stages", people, ("add", stage), ("remove", "")))
    said(batch(api, "tags", people, ("add", f"{tag}, vip")))
    said(batch(api, "owner", people, ("owner", 1)))
    said(batch(api, "channels", people, ("email.frequency_number", 2), ("email.frequency_time", "WEEK")))
    said(batch(api, "dnc", people, ("reason", "asked by phone")))
    for one in people:
        contact = shown(api, one)
        assert (contact["stage"]["id"], contact["owner"]["id"]) == (stage, 1)
        assert {entry["tag"] for entry in contact["tags"]} == {tag, "vip"}
        assert contact["doNotContact"][0]["comments"] == "asked by phone"
        assert contact["frequencyRules"]
    assert "Batch" in api.get(f"/ui/contacts?segment={tag}").text


def test_after_a_batch_one_is_back_at_a_search_in_any_script(api: httpx.Client) -> None:
    made = told(api.post("/api/contacts/new", json={"firstname": "Ada"}), 201)["contact"]["id"]
    said = {"ids": made, "add": "vip", "back": "/ui/contacts?search=Łódź"}
    done = api.post("/ui/contacts/batch/tags", data=said)
    assert (done.status_code, done.headers["location"]) == (303, "/ui/contacts?search=%C5%81%C3%B3d%C5%BA")


def test_deleting_asks_first_and_a_hundred_are_the_most(api: httpx.Client) -> None:
    people = chosen(api)
    query = urlencode([("ids", one) for one in people])
    dialog = api.get(f"/ui/contacts/batch/delete?{query}", headers=PART).text
    assert "<strong>2 contacts</strong> will be gone" in dialog
    assert "2%20contacts%20affected" in said(batch(api, "delete", people))
    assert api.get(f"/api/contacts/{people[0]}").status_code == 404
    refused = batch(api, "delete", list(range(1, 102)))
    assert (refused.status_code, "From 1 to 100 ids" in refused.text) == (422, True)


def test_all_of_a_search_become_a_job_that_is_watched(api: httpx.Client) -> None:
    tag = mark()
    new_contact(api, firstname="Ada", tags=[tag])
    query = {"everybody": "1", "grammar": f"tag:{tag}", "total": "1", "ids": "5"}
    dialog = api.get("/ui/contacts/batch/tags", params=query, headers=PART).text
    assert f"<code>tag:{tag}</code>" in dialog
    answer = post(api, "/ui/contacts/batch/tags", ("search", f"tag:{tag}"), ("add", f"{tag}-new"))
    assert re.fullmatch(r"/ui/jobs/\d+", answer.headers["location"])
    assert "contacts are done" in api.get(answer.headers["location"]).text
    assert "tags" in api.get("/ui/jobs").text


def test_a_batch_that_is_refused_is_still_about_all_that_were_chosen(api: httpx.Client) -> None:
    people = chosen(api, 3)
    refused = batch(api, "segments", people)
    assert refused.status_code == 422
    assert "3 contacts." in refused.text and f'name="ids" value="{",".join(map(str, people))}"' in refused.text


def test_headings_of_texts_begin_with_a_and_those_of_times_with_the_newest(api: httpx.Client) -> None:
    page = api.get("/ui/contacts").text
    assert re.search(r'href="[^"]*order=email&amp;direction=ASC[^"]*"', page)
    assert re.search(r'href="[^"]*order=points[^"]*"', page) and "order=points&amp;direction=ASC" not in page


def test_a_dialog_without_anybody_says_so_and_a_strange_action_is_none(api: httpx.Client) -> None:
    assert "Choose some contacts first" in api.get("/ui/contacts/batch/tags", headers=PART).text
    assert api.get("/ui/contacts/batch/nonsense").status_code == 404
    assert batch(api, "owner", []).status_code == 422
    assert post(api, "/ui/contacts/batch/owner", ("ids", "x")).status_code == 400


def test_the_list_and_all_that_it_needs_stay_below_150_kilobytes(api: httpx.Client) -> None:
    page = api.get("/ui/contacts?limit=50")
    total = len(gzip.compress(page.content, 4)) + sum(len(wire(api, path)) for path in assets(api, page.text))
    assert 60_000 < total < 150_000


def assets(api: httpx.Client, text: str) -> set[str]:
    named = set(re.findall(r'"(/ui/assets/[^"]+)"', text))
    styles = [api.get(path).text for path in named if path.endswith(".css")]
    return named | {path for style in styles for path in re.findall(r'url\("?(/ui/assets/[^")]+)', style)}


def wire(api: httpx.Client, path: str) -> bytes:
    with api.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200
        return b"".join(answer.iter_raw())
