"""A contact as the API writes it."""

from __future__ import annotations

from services.common.folding import fold
from services.common.profile import Part, Profile
from services.contacts.objects import iso
from services.contacts.people.contact import Address, Contact, Footprint
from services.contacts.people.contact_object import contact_object

ADDRESS = Address(7, "192.0.2.1", 5_000, "France", "Ile-de-France", "Paris", "Europe/Paris", "fr", 48.8, 2.3)


def known(**fields: str) -> Contact:
    profile = Profile(7, own=Part(added_us=1_700_000_000_000_000).with_fields(dict(fields), 1_700_000_000_000_000))
    return Contact(7, fold(profile), Footprint(1_600_000_000_000, 1_600_000_001_000, (ADDRESS,)), [7])


def test_properties_come_in_the_known_order() -> None:
    assert list(contact_object(known(), "admin")) == [
        *("isPublished", "dateAdded", "dateModified", "createdBy", "createdByUser", "modifiedBy", "modifiedByUser"),
        *("id", "points", "color", "fields", "lastActive", "owner", "ipAddresses", "tags", "utmtags", "stage"),
        *("dateIdentified", "preferredProfileImage", "doNotContact", "frequencyRules"),
    ]


def test_empty_groups_are_lists_and_all_is_flat() -> None:
    fields = contact_object(known(firstname="Ada"), "admin")["fields"]
    assert fields["personal"] == fields["professional"] == []
    assert fields["core"]["firstname"]["value"] == fields["all"]["firstname"] == "Ada"
    assert fields["social"]["twitter"]["value"] is None
    assert fields["all"]["id"] == 7
    assert isinstance(fields["core"]["email"]["id"], str)


def test_an_anonymous_visitor_shows_what_its_visits_say() -> None:
    body = contact_object(Contact(9, None, Footprint(1_000, 5_000, (ADDRESS,)), [9]), "admin")
    assert body["dateIdentified"] is None
    assert body["fields"]["all"]["city"] == "Paris"
    assert body["fields"]["all"]["email"] is None
    assert body["ipAddresses"][0]["ipDetails"]["country"] == "France"
    assert (body["dateAdded"], body["lastActive"]) == ("1970-01-01T00:00:01+00:00", "1970-01-01T00:00:05+00:00")


def test_a_contact_was_added_when_it_was_first_seen() -> None:
    assert contact_object(known(), "admin")["dateAdded"] == iso(1_600_000_000_000_000)


def test_the_newer_of_told_and_observed_activity_is_shown() -> None:
    body = contact_object(known(last_active="2030-01-02 03:04:05"), "admin")
    assert body["lastActive"] == "2030-01-02T03:04:05+00:00"
    assert contact_object(known(last_active="2001-01-02 03:04:05"), "admin")["lastActive"] == iso(1_600_000_001_000_000)
