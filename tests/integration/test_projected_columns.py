"""The columns of `contacts` that a migration added: what the writer puts in, and what older rows have of themselves."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from services.common.profile import DoNotContact, Member, Part, Profile
from services.common.tables import CONTACTS, columns, contact_row, encode_rows

ADDED = ("segments_added", "segments_removed", "campaigns", "categories", "dnc")
UNSUBSCRIBED, BOUNCED, LIFTED = (DoNotContact(reason, "", 0, time) for reason, time in ((1, 10), (2, 20), (0, 30)))


def stored(clickhouse: Client, profile: Profile, left_out: tuple[str, ...] = ()) -> dict[str, object]:
    """What `contacts` says of a profile that was written without these columns, as by an older version."""
    row = contact_row(profile)
    names = [name for name in columns(type(row)) if name not in left_out]
    values = [[getattr(row, name) for name in names]]
    clickhouse.raw_insert(CONTACTS, names, encode_rows(values), fmt="JSONCompactEachRow")  # type: ignore[arg-type]
    answer = clickhouse.query(f"SELECT {', '.join(ADDED)} FROM contacts FINAL WHERE id = {profile.id}")
    return dict(zip(answer.column_names, answer.result_rows[0], strict=True))


def test_membership_by_hand_and_refusals_have_columns(clickhouse: Client) -> None:
    own = Part(added_us=1, segments={3: Member(True, 5), 4: Member(False, 5)}, dnc={"email": BOUNCED})
    loser = Part(
        added_us=1, segments={3: Member(False, 9)}, campaigns={7: Member(True, 1)}, dnc={"email": UNSUBSCRIBED}
    )
    said = stored(clickhouse, Profile(4_300_000_000_001, own=own, losers={9: loser}, version=1))
    assert said == {
        "segments_added": [],
        "segments_removed": [3, 4],
        "campaigns": [7],
        "categories": [],
        "dnc": ["email:1"],
    }


def test_rows_of_an_older_version_have_their_refusals_too(clickhouse: Client) -> None:
    cases = [
        Profile(4_300_000_000_002, own=Part(added_us=1), version=1),
        Profile(4_300_000_000_003, own=Part(added_us=1, dnc={"email": BOUNCED, "sms": UNSUBSCRIBED}), version=1),
        Profile(4_300_000_000_004, own=Part(added_us=1, dnc={"email": LIFTED}), version=1,
                losers={8: Part(added_us=1, dnc={"email": BOUNCED, "sms": BOUNCED})}),
        Profile(4_300_000_000_005, own=Part(added_us=1, dnc={"email": BOUNCED}), version=1,
                losers={7: Part(added_us=1, dnc={"email": UNSUBSCRIBED})}),
    ]  # fmt: skip
    assert [stored(clickhouse, case, ADDED)["dnc"] for case in cases] == [contact_row(case).dnc for case in cases]
    assert [contact_row(case).dnc for case in cases] == [[], ["email:2", "sms:1"], ["sms:2"], ["email:1"]]
