"""Links, mails, downloads and videos: each is an event of its own, and whoever follows a link gets there."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from services.ingest.answers import GIF
from tests.integration.site import Site
from tests.processes import eventually


@pytest.fixture
def email() -> str:
    return f"ada.{uuid.uuid4().hex[:12]}@example.com"


def make(site: Site, plural: str, **body: Any) -> dict[str, Any]:
    answer = site.api.post(f"/api/{plural}/new", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()[plural.removesuffix("s")]
    return made


def signed(site: Site, contact_id: int, **body: Any) -> dict[str, Any]:
    answer = site.api.post("/api/clickthroughs/new", json={"contact": contact_id, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["clickthrough"]
    return made


def known(site: Site, email: str) -> int:
    contact_id: int = site.api.post("/api/contacts/new", json={"email": email}).json()["contact"]["id"]
    return contact_id


def test_a_tracked_link_leads_on_and_is_a_hit_of_its_visitor(site: Site) -> None:
    link = make(site, "links", name="Spring", url="https://shop.example/spring?a=1#top")
    with site.visitor() as visitor:
        answer = visitor.get(f"/r/{link['id']}?utm_source=mail&b=2", headers={"referer": "https://news.example/a"})
        assert (answer.status_code, answer.headers["location"]) == (
            302, "https://shop.example/spring?a=1&utm_source=mail&b=2#top",
        )  # fmt: skip
        assert "mautic_device_id" in answer.headers["set-cookie"]
        contact_id = visitor.get("/mtc").json()["id"]
    [event] = site.events(contact_id, 1, "page.hit")
    assert event["details"]["hit"]["url"].startswith("https://shop.example/spring")
    assert event["details"]["hit"]["referer"] == "https://news.example/a"
    assert '"redirect"' in event["details"]["hit"]["query"]
    site.events(contact_id, 1, "lead.utmtagsadded")


def test_a_link_of_an_older_installation_keeps_its_id(site: Site) -> None:
    own = f"{uuid.uuid4().hex[:24]}a"
    make(site, "links", url="https://shop.example/old", redirectId=own)
    assert httpx.get(f"{site.url}/r/{own}", trust_env=False).headers["location"] == "https://shop.example/old"
    again = site.api.post("/api/links/new", json={"url": "https://shop.example/", "redirectId": own})
    assert again.status_code == 400


def test_an_address_out_of_the_html_of_a_mail_leads_where_the_mail_does(site: Site) -> None:
    link = make(site, "links", url="https://shop.example/?a=1&amp;b=2")
    answer = httpx.get(f"{site.url}{link['path']}", trust_env=False)
    assert answer.headers["location"] == link["url"] == "https://shop.example/?a=1&b=2"


@pytest.mark.parametrize("path", ["/r/999999", "/r/..%2F..", "/r/%00", "/asset/999999", "/email/x", "/video"])
def test_what_is_not_there_is_404(site: Site, path: str) -> None:
    answer = httpx.get(f"{site.url}{path}", trust_env=False)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 404)


def test_an_unpublished_link_is_404_within_a_moment(site: Site) -> None:
    link = make(site, "links", url="https://shop.example/gone", isPublished=False)
    assert httpx.get(f"{site.url}/r/{link['id']}", trust_env=False).status_code == 404


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//shop.example", "x", "", "https://", "ftp://x/", "http://a b"]
)
def test_a_link_leads_to_a_web_address_or_is_refused(site: Site, url: str) -> None:
    answer = site.api.post("/api/links/new", json={"url": url})
    assert (answer.status_code, list(answer.json()["errors"][0]["details"])) == (400, ["url"])


def test_a_click_in_a_mail_joins_the_device_to_its_reader_and_hides_the_token(site: Site, email: str) -> None:
    contact_id, link = known(site, email), make(site, "links", url="https://shop.example/mail")
    token = signed(site, contact_id, channel={"email": 9})["ct"]
    with site.visitor() as visitor:
        before = visitor.get("/mtc/event?page_url=before").json()["id"]
        answer = visitor.get(f"/r/{link['id']}", params={"ct": token})
        assert answer.headers["location"] == "https://shop.example/mail"
    events = site.events(contact_id, 2, "page.hit")
    assert token not in str(events)
    assert site.api.get(f"/api/contacts/{before}").json()["contact"]["id"] == contact_id


def test_a_click_says_where_it_came_from(site: Site, email: str) -> None:
    contact_id, link = known(site, email), make(site, "links", url="https://shop.example/mail")
    for said in ({"channel": {"email": 9}, "source": ["email", 9]}, {"source": ["campaign.event", 17]}, {}):
        httpx.get(f"{site.url}/r/{link['id']}", params={"ct": signed(site, contact_id, **said)["ct"]}, trust_env=False)
    hits = [event["details"]["hit"] for event in site.events(contact_id, 3, "page.hit")]
    told = [[hit[f"source{word}"] for word in ("", "Id", "Name", "Route")] for hit in hits]
    assert told == [[None] * 4, ["campaign.event", 17, None, None], ["email", 9, None, None]]


def test_the_cookie_names_the_same_contact_as_the_answer(site: Site, email: str) -> None:
    contact_id = known(site, email)
    with site.visitor() as visitor:
        device = visitor.get("/mtc/event?page_url=a").json()["device_id"]
        visitor.get(f"/mtc/event?page_url=b&email={email}")
    site.events(contact_id, 2, "page.hit")
    for path in ("/mtc/event?page_url=c&", "/mtc?"):
        with site.visitor() as elsewhere:
            assert elsewhere.get(f"{path}mautic_device_id={device}").json()["id"] == contact_id
            assert elsewhere.kept["mtc_id"] == str(contact_id)


def test_a_spoiled_token_breaks_no_link(site: Site) -> None:
    link = make(site, "links", url="https://shop.example/mail")
    for token in ("garbage", "eyJj", "%FF%00", "x" * 3_000):
        with site.visitor() as visitor:
            assert visitor.get(f"/r/{link['id']}?ct={token}").status_code == 302


def test_an_opened_mail_is_an_event_of_its_reader(site: Site, email: str) -> None:
    contact_id = known(site, email)
    pixel = signed(site, contact_id, channel={"email": 9}, source=["email", 9], days=30)["pixelPath"]
    for _ in range(2):
        answer = httpx.get(f"{site.url}{pixel}", headers={"referer": "https://mail.example/inbox"}, trust_env=False)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, GIF, "image/gif")
    first, _ = site.events(contact_id, 2, "email.read")
    assert (first["eventLabel"], first["details"]["stat"]["emailId"]) == ("Email read", 9)


def test_a_forwarded_mail_is_its_readers_event_and_moves_no_device(site: Site, email: str) -> None:
    reader = known(site, email)
    pixel = signed(site, reader)["pixelPath"]
    with site.visitor() as visitor:
        visitor.get(f"/mtc/event?page_url=a&email=friend.{email}")
        friend = site.contact(f"friend.{email}")["id"]
        visitor.get(pixel)
        site.events(reader, 1, "email.read")
        visitor.get("/mtc/event?page_url=b")
    site.events(friend, 2, "page.hit")


def test_a_pixel_with_a_bad_token_is_answered_and_is_no_event(site: Site) -> None:
    with site.visitor() as visitor:
        assert visitor.get("/email/6716a0c2d41f3812345678.gif").content == GIF
        assert not visitor.kept
    assert "clickthrough_bad" in site.ingest.http.get("/metrics").text


def test_a_file_that_only_mails_may_take_is_no_download(site: Site) -> None:
    asset = make(site, "assets", title="Price list", file="file:///srv/files/prices.pdf")
    with site.visitor() as visitor:
        answer = visitor.get(asset["downloadUrl"])
    assert (answer.status_code, "location" in answer.headers) == (404, False)


def test_a_download_leads_to_the_file_and_is_an_event(site: Site) -> None:
    asset = make(site, "assets", title="Price list", file="https://files.example/prices.pdf", storageLocation="remote")
    assert (asset["extension"], asset["downloadUrl"]) == ("pdf", f"/asset/{asset['id']}:price_list")
    with site.visitor() as visitor:
        assert visitor.get(asset["downloadUrl"]).headers["location"] == "https://files.example/prices.pdf"
        contact_id = visitor.get("/mtc").json()["id"]
    [event] = site.events(contact_id, 1, "asset.download")
    assert event["eventLabel"] == {
        "label": "Price list",
        "href": "https://files.example/prices.pdf",
        "isExternal": True,
    }
    assert event["details"]["asset"] == {"id": str(asset["id"]), "title": "Price list"}


def test_downloads_are_counted_and_kept_from_search_engines(site: Site) -> None:
    asset = make(site, "assets", title="Price list", file="https://files.example/prices.pdf")
    told = {"revision": 1, "mime": "application/pdf", "size": None, "disallow": True}
    assert {key: asset[key] for key in told} == told
    for downloads in (2, 1):
        with site.visitor() as visitor:
            for _ in range(downloads):
                assert "noindex" in visitor.get(asset["downloadUrl"]).headers["x-robots-tag"]
            contact_id = visitor.get("/mtc").json()["id"]
        site.events(contact_id, downloads, "asset.download")
    path = f"/api/assets/{asset['id']}"

    def counts() -> tuple[int, int]:
        shown = site.api.get(path).json()["asset"]
        return shown["downloadCount"], shown["uniqueDownloadCount"]

    eventually(lambda: counts() == (3, 2), "they are counted, a moment after their events are stored")
    listed = site.api.get("/api/assets", params={"search": f"ids:{asset['id']}"}).json()["assets"]
    said = {"disallow": False, "file": "https://files.example/new.zip"}
    changed = site.api.patch(f"{path}/edit", json=said).json()["asset"]
    batch = site.api.patch("/api/assets/batch/edit", json=[{"id": asset["id"], "title": "Prices"}]).json()["assets"]
    for [one] in (listed, [changed], batch):
        assert (one["downloadCount"], one["uniqueDownloadCount"]) == (3, 2)
    assert (changed["revision"], changed["mime"], batch[0]["revision"]) == (2, "application/zip", 2)
    with site.visitor() as visitor:
        eventually(lambda: "x-robots-tag" not in visitor.get(asset["downloadUrl"]).headers, "the change is known", 10)


def test_a_video_tells_how_much_was_watched(site: Site) -> None:
    said = {"guid": "g-1", "duration": "200", "total_watched": "50", "url": "https://shop.example/film.mp4"}
    with site.visitor() as visitor:
        answer = visitor.post("/video/hit", data=said, headers={"x-requested-with": "XMLHttpRequest"})
        assert answer.json() == {"success": True}
        assert visitor.post("/video/hit", data={"guid": "g-1"}).status_code == 400
        assert visitor.post("/video/hit", content=b"a=1&" * 300).status_code == 400
        contact_id = visitor.get("/mtc").json()["id"]
    [event] = site.events(contact_id, 1, "page.videohit")
    hit = event["details"]["hit"]
    assert hit.pop("dateHit")[:16] == event["timestamp"][:16] and "Mozilla" in hit.pop("userAgent")
    assert hit == {
        "guid": "g-1",
        "timeWatched": 50.0,
        "duration": 200.0,
        "percentage": 25,
        "referer": None,
        "url": said["url"],
    }


def test_who_asks_not_to_be_tracked_gets_there_all_the_same(site: Site) -> None:
    link = make(site, "links", url="https://shop.example/")
    with site.visitor() as visitor:
        answer = visitor.get(f"/r/{link['id']}", headers={"sec-gpc": "1"})
        assert (answer.status_code, visitor.kept) == (302, {})


def test_dynamic_content_is_none(site: Site) -> None:
    for path in ("/dwc/slot", "/dwc/a/b"):
        assert httpx.get(f"{site.url}{path}?page_url=x", trust_env=False).status_code == 204


@pytest.mark.parametrize(
    "body", [{}, {"contact": 0}, {"contact": "x"}, {"contact": 5, "days": 0}, {"contact": 5, "channel": "email"},
             {"contact": 5, "source": ["email"]}],
)  # fmt: skip
def test_a_bad_click_through_is_refused(site: Site, body: dict[str, Any]) -> None:
    assert site.api.post("/api/clickthroughs/new", json=body).status_code == 400
    assert site.api.post("/api/clickthroughs/new", json={"contact": 4_000_000_000_000_000}).status_code == 404


def test_records_are_listed_changed_and_deleted(site: Site) -> None:
    name = f"Campaign {uuid.uuid4().hex[:8]}"
    first, second = (make(site, "links", name=f"{name} {n}", url=f"https://shop.example/{n}") for n in (1, 2))
    answer = site.api.get("/api/links", params={"search": name, "orderBy": "name", "orderByDir": "desc"}).json()
    assert (answer["total"], [one["id"] for one in answer["links"]]) == (2, [second["id"], first["id"]])
    changed = site.api.patch(f"/api/links/{first['id']}/edit", json={"url": "https://shop.example/new"}).json()["link"]
    assert (changed["name"], changed["url"]) == (f"{name} 1", "https://shop.example/new")
    assert changed["dateModified"]
    assert site.api.delete(f"/api/links/{second['id']}/delete").json()["link"]["id"] is None
    assert site.api.get(f"/api/links/{second['id']}").status_code == 404
    assert site.api.get("/api/links", params={"search": name}).json()["total"] == 1
    assert site.api.patch(f"/api/links/{second['id']}/edit", json={}).status_code == 404


def test_a_field_becomes_publicly_updatable_within_a_moment(site: Site) -> None:
    listed = {one["alias"]: one for one in site.api.get("/api/fields/contact").json()["fields"]}
    with site.visitor() as visitor:
        visitor.get("/mtc/event?page_url=a&lastname=Early&firstname=Ada")
        contact_id = visitor.get("/mtc").json()["id"]
        site.events(contact_id, 1, "page.hit")
        edit = f"/api/fields/contact/{listed['lastname']['id']}/edit"
        assert site.api.patch(edit, json={"isPubliclyUpdatable": True}).json()["field"]["isPubliclyUpdatable"]
        fields = site.api.get("/api/fields/contact").json()["fields"]
        public = [one["alias"] for one in fields if one["isPubliclyUpdatable"]]
        assert public == ["firstname", "lastname", "email"]

        def is_set() -> bool:
            visitor.get("/mtc/event?page_url=b&lastname=Late")
            contact = site.api.get(f"/api/contacts/{contact_id}").json()["contact"]
            return bool(contact["fields"]["all"]["lastname"] == "Late")

        eventually(is_set, "the last name")
    site.api.patch(edit, json={"isPubliclyUpdatable": False})


def test_a_script_that_sends_a_spoiled_token_is_told_so_and_one_in_a_pages_address_is_passed_over(site: Site) -> None:
    with site.visitor() as visitor:
        assert visitor.post("/mtc/event", data={"page_url": "a", "ct": "garbage"}).json() == {"success": 0}
        assert visitor.get("/mtc/event?page_url=a&ct=garbage").json() == {"success": 0}
        assert visitor.get("/mtracking.gif?page_url=pixel&ct=garbage").content == GIF
        answer = visitor.post(
            "/mtc/event", data={"page_url": "https://shop.example/?ct=garbage", "product": "x"}
        ).json()
    assert answer["success"] == 1
    site.events(answer["id"], 2, "page.hit")
