"""The columns of `contacts` that a migration added: what the writer puts in, and what older rows have of themselves."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from services.common.free_text import PLAIN, searchable
from services.common.migrate import FOLDER
from services.common.profile import DoNotContact, Member, Part, Profile, Stamped
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


async def test_rows_of_an_older_version_have_their_companies_too(clickhouse: Client, clickhouse_url: str) -> None:
    member = {5: Member(True, 1), 6: Member(False, 1)}
    for number, part in enumerate((Part(added_us=1), Part(added_us=1, companies=member)), 2):
        stored(clickhouse, Profile(4_300_000_000_000 + number, own=part, version=1), ("companies",))
    migration = (FOLDER / "0007_companies.sql").read_text()
    for statement in migration.split("-- statement"):
        clickhouse.command(statement, settings={"mutations_sync": 2})
    rows = clickhouse.query("SELECT companies FROM contacts WHERE id IN (4300000000002, 4300000000003) ORDER BY id")
    assert [list(companies) for (companies,) in rows.result_rows] == [[], [5]]


async def test_free_text_of_an_older_version_is_made_again_as_it_is_written_now(clickhouse: Client) -> None:
    said = {"email": "ada@x.org", "city": "ÅRHUS Straße", "state": "ŁÓDŹ", "country": "ΑΘΉΝΑ", "twitter": "ЛОВЕЛАС ẠẶ"}
    own = Part(added_us=1, fields={name: Stamped(value, 1) for name, value in said.items()})
    profile = Profile(4_300_000_000_009, own=own, version=1)
    stored(clickhouse, profile, ("q",))
    for name in ("0019_free_text.sql", "0022_free_text_without_marks.sql"):
        clickhouse.command((FOLDER / name).read_text().strip(";\n"), settings={"mutations_sync": 2})
    [(text,)] = clickhouse.query(f"SELECT q FROM contacts FINAL WHERE id = {profile.id}").result_rows
    assert text == contact_row(profile).q == "ada@x.org\narhus strasse\nlodz\nαθηνα\nловелас aa"


def test_a_migration_takes_the_marks_off_that_searches_take_off(clickhouse: Client) -> None:
    small = "".join(map(chr, PLAIN)).casefold()
    _, _, migration = (FOLDER / "0022_free_text_without_marks.sql").read_text().partition("q = ")
    made = f"WITH {{small:String}} AS q SELECT {migration.partition('WHERE')[0]}"
    [(text,)] = clickhouse.query(made, parameters={"small": small}).result_rows
    assert text == searchable(small)
