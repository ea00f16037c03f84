"""The document of a contact in ClickHouse is byte for byte the profile, whatever letters are in it."""

from __future__ import annotations

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from services.common import clickhouse as ch
from services.common.profile import Part, Profile, Stamped
from services.common.tables import CONTACTS, contact_row

SAID = (
    'a "quoted" \\ word}',
    "{[}]",
    '\\"}{\\u0041',
    "\x00\x1f\x7f\t\n\r",
    "Łódź \u2028 \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "'; DROP TABLE contacts --",
    "\\",
    "",
)


@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_profile_is_stored_as_it_is(clickhouse: Client, clickhouse_url: str, is_gone: bool) -> None:
    client = await ch.connect(clickhouse_url)
    fields = {f"field_{number}": Stamped(text, 5) for number, text in enumerate((*SAID, None, True, 1.5, 2**53))}
    own = Part(added_us=1, fields=fields, created_by=SAID[0])
    first = 4_300_000_001_000 + 10 * is_gone
    profiles = [Profile(first + number, own=own, deleted_us=int(is_gone), version=7) for number in range(3)]
    await ch.insert_rows(client, CONTACTS, [contact_row(profile) for profile in profiles])
    rows = clickhouse.query(f"SELECT id, profile FROM contacts WHERE id >= {first} AND id < {first + 10} ORDER BY id")
    assert [(one, text.encode()) for one, text in rows.result_rows] == [
        (profile.id, msgspec.json.encode(profile)) for profile in profiles
    ]
    assert [msgspec.json.decode(text, type=Profile) for _, text in rows.result_rows] == profiles
    await client.close()
