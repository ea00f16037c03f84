"""The row that a profile becomes in ClickHouse."""

from __future__ import annotations

import msgspec

from services.common.profile import DoNotContact, ExternalLink, Member, Part, Profile, Stamped
from services.common.tables import columns, contact_row, encode_rows

TOLD = {
    "email": "ada@x.org",
    "firstname": "Ada",
    "lastname": "Łuk",
    "company": "Acme",
    "phone": "+49 30",
    "city": "Århus",
    "country": "Denmark",
    "attribution": 1.5,
    "newsletter": True,
    "title": "",
    "position": None,
}


def test_each_column_says_what_it_is_called() -> None:
    inside, outside = Member(True, 1), Member(False, 1)
    own = Part(
        added_us=1_000_000, modified_us=2_000_000, identified_us=3_000_000, tags={"b": inside, "a": inside},
        fields={name: Stamped(value, 1) for name, value in TOLD.items()}, ips={"192.0.2.1": 1}, points=4, owner_id=5,
        stage_id=6, created_by_id=7, companies={8: inside}, segments={9: inside, 10: outside}, campaigns={11: inside},
        categories={12: inside}, dnc={"sms": DoNotContact(2, "", 0, 1), "email": DoNotContact(1, "", 0, 1)},
        links={"crm:1": ExternalLink(True, "", 0, 1)},
    )  # fmt: skip
    profile = Profile(13, own=own, version=14)
    row = contact_row(profile)
    assert msgspec.structs.asdict(row) == {
        "id": 13,
        "version": 14,
        "is_deleted": 0,
        **{name: TOLD[name] for name in ("email", "firstname", "lastname", "company", "phone", "city", "country")},
        "fields": {"attribution": "1.5", "newsletter": "1"},
        "tags": ["a", "b"],
        "ips": ["192.0.2.1"],
        "points": 4,
        "owner_id": 5,
        "stage_id": 6,
        "date_added": 1_000,
        "date_modified": 2_000,
        "date_identified": 3_000,
        "profile": profile,
        "q": "ada@x.org\nada\nluk\nacme\narhus\ndenmark",
        "campaigns": [11],
        "categories": [12],
        "dnc": ["email:1", "sms:2"],
        "companies": [8],
        "segments_added": [9],
        "segments_removed": [10],
        "created_by": 7,
        "integrations": ["crm:1"],
    }


def test_one_that_is_gone_keeps_its_document_alone() -> None:
    gone = Profile(
        13, own=Part(added_us=1_000_000, fields={"email": Stamped("ada@x.org", 1)}), deleted_us=5, version=14
    )
    row = contact_row(gone)
    assert (row.is_deleted, row.email, row.date_added, row.profile) == (1, "", 0, gone)
    assert msgspec.json.decode(encode_rows([row]))[columns(type(row)).index("profile")] == msgspec.to_builtins(gone)
