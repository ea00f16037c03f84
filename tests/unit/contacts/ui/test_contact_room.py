"""What the page of a contact makes of the API's answers: lines of a history, cuts, places, preferences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common.event_types import TYPES
from services.contacts.ui.contact.event_facts import MAX_FACTS, facts_of
from services.contacts.ui.contact.event_lines import ICONS, OTHER_ICON, Action, key_of, line_of
from services.contacts.ui.contact.fields_panel import groups_of
from services.contacts.ui.contact.history_tab import Cut, Filter, newest_of, older_than, parted
from services.contacts.ui.contact.mail_dialog import NO_SERVER, obstacle
from services.contacts.ui.contact.merge_dialogs import rows_of
from services.contacts.ui.contact.places import places_of
from services.contacts.ui.contact.preferences_dialog import change_of, channels_of
from services.contacts.ui.contact.tabs import plain_text
from services.contacts.ui.icons import icon

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def event(kind: str = "page.hit", **said: Any) -> dict[str, Any]:
    return {"event": kind, "eventId": f"{kind}1", "eventLabel": "Label", "eventType": TYPES.get(kind, kind),
            "timestamp": "2026-01-31T11:00:00+00:00", "details": {}, **said}  # fmt: skip


def contact(**said: Any) -> dict[str, Any]:
    fields = said.pop("fields", {})
    groups = {"core": {}, "social": [], "personal": [], "professional": [], "all": fields}
    return {"id": 7, "fields": groups, "ipAddresses": [], "doNotContact": [], "frequencyRules": [], "tags": [],
            "owner": None, "stage": None, "points": 0, **said}  # fmt: skip


def test_every_type_has_an_icon_that_there_is() -> None:
    for kind in (*TYPES, "focus.view"):
        assert icon(line_of(event(kind), NOW).icon)
    assert ICONS.keys() == TYPES.keys()
    assert line_of(event("focus.view"), NOW).icon == OTHER_ICON


@pytest.mark.parametrize(
    ("medium", "name"),
    [("social", "share"), ("SocialMedia", "share"), ("email", "mail"), ("newsletter", "mail"), ("banner", "target"),
     ("ad", "target"), ("cpc", "dollar"), ("location", "map"), ("device", "device"), ("", "tag"), (None, "tag")],
)  # fmt: skip
def test_utm_tags_have_the_icon_of_their_medium(medium: str | None, name: str) -> None:
    assert line_of(event("lead.utmtagsadded", details={"utmtags": {"utmMedium": medium}}), NOW).icon == name


@pytest.mark.parametrize(
    ("kind", "details", "facts"),
    [
        ("page.hit",
         {"hit": {"url": "https://x.org/a", "referer": "https://y.org/", "timeOnPage": 75, "device": "desktop",
                  "clientInfo": {"browser": "Firefox", "os": "Linux"}, "city": "Rome", "country": "Italy"}},
         {"Page": "https://x.org/a", "Referrer": "https://y.org/", "Time on page": "1:15 min", "Device": "desktop",
          "Browser": "Firefox Linux", "Place": "Rome, Italy"}),
        ("page.videohit", {"hit": {"url": "https://x.org/film", "referer": "https://x.org/p", "timeWatched": 50.0,
                                   "duration": 200}},
         {"Video": "https://x.org/film", "Referrer": "https://x.org/p", "Watched": "0:50 min", "Length": "3:20 min",
          "Share": "25 %"}),
        ("page.videohit", {"hit": {"timeWatched": 9, "duration": 0}}, {"Watched": "0:09 min"}),
        ("lead.utmtagsadded", {"utmtags": {"utmCampaign": "spring", "utmSource": "news", "utmMedium": "email",
                                           "utmContent": "top", "utmTerm": "bags", "remoteHost": "192.0.2.1"}},
         {"Campaign": "spring", "Source": "news", "Medium": "email", "Content": "top", "Term": "bags",
          "Address": "192.0.2.1"}),
        ("lead.ipadded", {"ipAddress": "192.0.2.1", "id": 7, "ipDetails": {"city": "Rome", "country": "Italy",
                                                                           "timezone": "Europe/Rome"}},
         {"Address": "192.0.2.1", "Place": "Rome, Italy", "Time zone": "Europe/Rome"}),
        ("form.submitted", {"form": {"name": "Newsletter"}, "submission": {
            "referer": "https://x.org/p", "results": {"e_mail": "a@x.org", "colors": ["red", "blue"], "empty": ""}}},
         {"Form": "Newsletter", "Referrer": "https://x.org/p", "e_mail": "a@x.org", "colors": "red, blue"}),
        ("message.queue", {"log": {"id": "m-1", "channel": "email", "channelId": 9, "status": "rescheduled",
                                   "scheduledDate": "2026-01-30T10:00:00+00:00",
                                   "rescheduledDate": "2026-02-01T10:00:00+00:00", "reason": "Too often"}},
         {"Channel": "email", "Message": "9", "Scheduled": "2026-01-30 10:00:00",
          "Rescheduled": "2026-02-01 10:00:00", "Status": "rescheduled", "Why": "Too often"}),
        ("campaign.event.scheduled", {"log": {"eventName": "Send", "campaignName": "Welcome", "type": "email.send",
                                              "triggerDate": "2026-02-01T10:00:00+00:00",
                                              "metadata": {"errors": "No server"}}},
         {"Campaign": "Welcome", "Action": "email.send", "Scheduled for": "2026-02-01 10:00:00",
          "Error": "No server"}),
        ("lead.donotcontact", {"dnc": {"channel": "email", "reason": "bounced", "comments": "Full", "channelId": None}},
         {"Channel": "email", "Reason": "bounced", "Comment": "Full"}),
        ("point.gained", {"log": {"delta": -3, "eventName": "Prices", "actionName": "url.hit", "group": {"name": "G"}}},
         {"Points": "-3", "For": "Prices", "By": "url.hit", "Group": "G"}),
        ("asset.download", {"asset": {"title": "Prices"}, "assetDownloadUrl": "https://x.org/p.pdf"},
         {"Download": "Prices", "File": "https://x.org/p.pdf"}),
        ("stage.changed", {"log": {"eventName": "Trial", "actionName": None}}, {"Stage": "Trial"}),
        ("lead.imported", {"file": "people.csv", "line": 3, "is": {"deep": True}},
         {"file": "people.csv", "line": "3", "is deep": "yes"}),
    ],
)  # fmt: skip
def test_what_unfolds_is_told_by_type(kind: str, details: dict[str, Any], facts: dict[str, str]) -> None:
    assert {fact.label: fact.text for fact in facts_of(kind, details)} == facts


def test_a_mail_tells_each_time_that_it_was_opened_up_to_a_thousand() -> None:
    opens = [{"datetime": "2026-01-31T10:00:00+00:00", "useragent": f"Mail {n}"} for n in range(1_001)]
    stat = {"subject": "Hi", "isRead": True, "dateRead": "2026-01-31T10:00:00+00:00", "timeToRead": "P0DT0H5M1S",
            "openDetails": opens}  # fmt: skip
    facts = facts_of("email.read", {"stat": stat})
    opened = [fact.text for fact in facts if fact.label == "Opened"]
    assert (len(opened), opened[0]) == (1_000, "2026-01-31 10:00:00 Mail 0")
    assert {"Subject": "Hi", "First read": "2026-01-31 10:00:00", "Time to read": "0H5M1S"}.items() <= {
        fact.label: fact.text for fact in facts
    }.items()
    bounces = {"bounces": [{"datetime": "2026-01-31T10:00:00+00:00", "reason": "No such user"}]}
    [failed] = facts_of("email.failed", {"stat": {"openDetails": bounces}})
    assert failed.text == "2026-01-31 10:00:00 No such user"


@pytest.mark.parametrize(
    "details", [{"hit": "x"}, {"log": []}, {"stat": {"openDetails": "x"}}, {"dnc": None}, {}, None]
)
@pytest.mark.parametrize("kind", [*TYPES, "other"])
def test_whatever_was_reported_is_a_line(kind: str, details: Any) -> None:
    assert line_of(event(kind, details=details), NOW).label == "Label"


def test_only_web_addresses_are_links() -> None:
    told = {"hit": {"url": "javascript:alert(1)", "referer": "https://x.org/"}}
    facts = {fact.label: fact.href for fact in facts_of("page.hit", told)}
    assert facts == {"Page": "", "Referrer": "https://x.org/"}
    label = {"label": "x", "href": "javascript:alert(1)"}
    assert line_of(event(eventLabel=label), NOW).href == ""
    assert len(facts_of("other", {str(number): number for number in range(1, 200)})) == MAX_FACTS


@pytest.mark.parametrize(
    ("kind", "log", "action"),
    [
        ("campaign.event.scheduled", {"eventId": 5, "isScheduled": True, "triggerDate": "2026-02-01T00:00:00+00:00"},
         Action("event", "5")),
        ("campaign.event.scheduled", {"eventId": 5, "isScheduled": True, "triggerDate": "2026-01-01T00:00:00+00:00"},
         None),
        ("campaign.event.scheduled", {"eventId": 5, "isScheduled": False, "triggerDate": "2026-02-01T00:00:00+00:00"},
         None),
        ("message.queue", {"id": "7-ab", "status": "pending"}, Action("message", "7-ab")),
        ("message.queue", {"id": "7-ab", "status": "rescheduled"}, Action("message", "7-ab")),
        ("message.queue", {"id": "7-ab", "status": "sent"}, None),
    ],
)  # fmt: skip
def test_only_what_waits_can_be_moved_or_cancelled(kind: str, log: dict[str, Any], action: Action | None) -> None:
    assert line_of(event(kind, details={"log": log}), NOW).action == action


def test_what_failed_is_marked() -> None:
    assert line_of(event("email.failed"), NOW).is_warning
    assert line_of(event("campaign.event", details={"log": {"metadata": {"errors": "x"}}}), NOW).is_warning
    assert not line_of(event("email.read"), NOW).is_warning


def at(seconds: int, name: str) -> dict[str, Any]:
    return event(timestamp=(NOW + timedelta(seconds=seconds)).isoformat(), eventId=name)


def test_the_next_page_begins_within_the_second_of_the_last_event() -> None:
    events = [at(0, "a"), at(-5, "b"), at(-5, "c")]
    cut = older_than(events)
    assert cut.time == events[-1]["timestamp"]
    assert cut.keys == (key_of(events[1]), key_of(events[2]))


def test_news_begins_a_minute_before_the_newest_and_knows_what_was_shown() -> None:
    start = Cut("2026-01-31 11:59:00", ())
    cut = newest_of([at(0, "a"), at(-30, "b"), at(-90, "c")], start)
    assert cut.time == "2026-01-31 11:59:00"
    assert cut.keys == (key_of(at(0, "a")), key_of(at(-30, "b")))
    assert newest_of([], cut) == cut
    later = newest_of([at(120, "d")], cut)
    assert later.time == "2026-01-31 12:01:00"
    assert set(later.keys) >= {key_of(at(120, "d")), key_of(at(0, "a"))}


def test_what_is_to_come_is_told_apart_the_soonest_first() -> None:
    later, sooner, now, before = at(90, "a"), at(30, "b"), at(0, "c"), at(-5, "d")
    assert parted([later, sooner, now, before], NOW) == ([sooner, later], [now, before])
    assert older_than([]).keys == ()


def test_a_filter_is_told_to_the_api_and_to_the_next_address() -> None:
    asked = Filter("shoes", ("page.hit",), ("email.read",))
    assert dict(asked.query(limit=3)) == {
        "filters[search]": "shoes", "filters[includeEvents][]": "page.hit", "filters[excludeEvents][]": "email.read",
        "limit": "3",
    }  # fmt: skip
    assert asked.pairs() == [("search", "shoes"), ("include", "page.hit"), ("exclude", "email.read")]


def test_places_are_points_that_are_known_with_all_their_addresses() -> None:
    def address(ip: str, latitude: Any, longitude: Any, city: str = "") -> dict[str, Any]:
        return {"ipAddress": ip, "ipDetails": {"latitude": latitude, "longitude": longitude, "city": city}}

    told = contact(ipAddresses=[address("192.0.2.1", 52.5, 13.4, "Berlin"), address("192.0.2.2", "", ""),
                                address("192.0.2.3", 52.5, 13.4, "Berlin"), address("192.0.2.4", 1, 2)])  # fmt: skip
    assert [(one.name, one.addresses) for one in places_of(told)] == [
        ("Berlin", ("192.0.2.1", "192.0.2.3")),
        ("N/A", ("192.0.2.4",)),
    ]


@pytest.mark.parametrize(
    ("html", "text"),
    [("a < b & c", "a < b & c"), ("<p>One</p><p>two<br>three</p>", "One\ntwo\nthree"),
     ("<b>x</b><script>alert(1)</script>", "x"), ("&lt;b&gt;", "<b>")],
)  # fmt: skip
def test_a_note_is_shown_as_plain_text(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_preferences_tell_only_what_was_turned() -> None:
    rule = {"channel": "email", "frequencyNumber": 2, "frequencyTime": "WEEK", "preferredChannel": True,
            "pauseFromDate": "2026-01-01T00:00:00+00:00", "pauseToDate": None}  # fmt: skip
    before = channels_of(contact(frequencyRules=[rule], doNotContact=[{"channel": "fax", "reason": 1}]))
    assert [(one.name, one.is_subscribed) for one in before] == [
        ("email", True), ("sms", True), ("notification", True), ("fax", False),
    ]  # fmt: skip
    assert (before[0].number, before[0].unit, before[0].pause_from) == ("2", "WEEK", "2026-01-01")
    assert change_of(before, before) == {}
    after = [before[0]._replace(is_subscribed=False), *before[1:3], before[3]._replace(is_subscribed=True)]
    assert change_of(before, after) == {
        "doNotContact": [{"channel": "email", "reason": 3}, {"channel": "fax", "reason": 0}]
    }
    rules = change_of(before, [before[0]._replace(number=""), *before[1:]])["frequencyRules"]
    assert (rules["email"]["frequency_number"], rules["email"]["frequency_time"]) == ("", "")


def test_a_mail_says_why_it_cannot_go() -> None:
    told = contact(fields={"email": "a@x.org"})
    assert obstacle(told, "smtp://x") == ""
    assert obstacle(told, "") == NO_SERVER
    assert "address" in obstacle(contact(), "smtp://x")
    refused = {**told, "doNotContact": [{"channel": "email", "reason": 2}]}
    assert "bounced" in obstacle(refused, "smtp://x")
    assert obstacle({**told, "doNotContact": [{"channel": "sms", "reason": 2}]}, "smtp://x") == ""


def field(alias: str, **said: Any) -> dict[str, Any]:
    return {"alias": alias, "label": alias.title(), "type": "text", "value": None, "normalizedValue": None, **said}


def test_fields_are_shown_as_people_read_them() -> None:
    told = contact()
    told["fields"]["core"] = {
        "size": field("size", type="select", value="l", normalizedValue="Large"),
        "colors": field("colors", type="multiselect", value="r|b", normalizedValue="Red|Blue"),
        "none": field("none"),
        "last_active": field("last_active", value="2026-01-01 00:00:00"),
    }
    groups = groups_of(told)
    assert list(groups) == ["core"]
    assert [(one.text, one.is_typed) for one in groups["core"]] == [
        ("Large", True), ("Red, Blue", True), ("", True), ("2026-01-01 00:00:00", False),
    ]  # fmt: skip


def test_a_merge_shows_what_any_of_three_has() -> None:
    def one(email: str, **said: Any) -> dict[str, Any]:
        told = contact(fields={"email": email, "city": None}, **said)
        told["fields"]["core"] = {"email": field("email"), "city": field("city")}
        return told

    tags = [{"tag": "a"}, {"tag": "b"}]
    three = one("a@x.org", tags=tags[:1]), one("b@x.org", tags=tags[1:], points=2), one("a@x.org", tags=tags)
    shown = {row.label: row[1:] for row in rows_of(*three)}
    assert shown["Email"] == ("a@x.org", "b@x.org", "a@x.org", "email"), "one of two is to be chosen"
    assert shown["Tags"] == ("a", "b", "a, b", "")
    assert "City" not in shown
    [email] = [row for row in rows_of(*three, fixed={"email"}) if row.label == "Email"]
    assert email.alias == "", "both find the contact"
