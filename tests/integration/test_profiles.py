"""The profile store on a real Valkey: what a crash left half done is mended by whoever sees it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from services.common import keys
from services.common.merging import freeze_into
from services.common.profile import Part, Profile
from services.common.profiles import ProfileStore
from services.common.redis_client import connect
from services.common.values import CARRY_CLAIM_US, UniqueValue

NOW = 1_000_000_000_000_000


async def test_a_merge_that_died_after_its_first_step_is_completed_for_good(valkey_url: str) -> None:
    client = connect(valkey_url)
    store = ProfileStore(client)
    winner, loser = Profile(9_001, own=Part(added_us=NOW)), Profile(9_002, own=Part(added_us=NOW + 1))
    await store.write([winner, freeze_into(loser, winner, NOW + 2)])
    found = await store.resolve(loser.id)
    assert found is not None
    assert (found.id, list(found.losers)) == (winner.id, [loser.id])
    stored = (await store.load([winner.id]))[winner.id]
    assert stored == found, "the survivor is stored as it was answered"
    assert winner.id in await store.unsettled(2**60, 10_000), "and waits for its projection"
    await client.aclose()


async def test_a_circle_of_two_merges_is_read_as_its_smallest_id(valkey_url: str) -> None:
    client = connect(valkey_url)
    store = ProfileStore(client)
    one, other = Profile(9_011, own=Part(added_us=NOW)), Profile(9_012, own=Part(added_us=NOW))
    await store.write([freeze_into(one, other, NOW), freeze_into(other, one, NOW)])
    for contact_id in (one.id, other.id):
        found = await store.resolve(contact_id)
        assert found is not None
        assert (found.id, found.alias, list(found.losers)) == (one.id, 0, [other.id])
    await client.aclose()


async def test_what_rests_on_a_claim_is_written_soon_or_never(valkey_url: str) -> None:
    """Later others may take the claim for void: two contacts would carry one address."""
    client = connect(valkey_url)
    store = ProfileStore(client)
    profile = Profile(9_021, own=Part(added_us=NOW))
    claim = (await store.claim([(UniqueValue("email", "late@x.org"), None, profile.id)]))[0]
    assert claim is not None
    late = claim._replace(time_us=claim.time_us - CARRY_CLAIM_US)
    assert await store.write([profile], {profile.id: late}) == {profile.id: 0}
    assert (await store.write([profile], {profile.id: claim}))[profile.id] > 0
    await client.aclose()


async def test_versions_of_more_than_are_asked_for_at_once_are_each_their_own(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.common.profiles.VERSIONS_AT_ONCE", 2)
    async with connect(valkey_url) as client:
        store = ProfileStore(client)
        ids = list(range(9_811, 9_816))
        written: dict[int, int] = {}
        for one in ids:
            written |= await store.write([Profile(one, own=Part(added_us=NOW))])
        assert len(set(written.values())) == len(ids) and 0 not in written.values()
        assert await store.versions([*ids, 9_819]) == {**written, 9_819: 0}
        assert await store.versions([]) == {}


async def test_nobody_is_led_to_himself(valkey_url: str) -> None:
    """Of two merges in a circle the survivor may be among those who led to the other one."""
    async with connect(valkey_url) as client:
        store = ProfileStore(client)
        survivor = Profile(9_031, alias=9_032, own=Part(added_us=NOW))
        follower = Profile(9_033, alias=9_032, own=Part(added_us=NOW))
        await store.write([survivor, follower])
        led = await store.lead([survivor.id, follower.id], 9_032, survivor.id)
        assert [(one.id, one.alias) for one in led] == [(follower.id, survivor.id)]
        stored = (await store.load([survivor.id]))[survivor.id]
        assert stored and stored.alias == 9_032


async def test_whom_an_earlier_merge_has_still_to_lead_is_led_to_the_end(valkey_url: str) -> None:
    """A merge into the contact in the middle has written all but this step when the middle merges on."""
    async with connect(valkey_url) as client:
        store = ProfileStore(client)
        end, middle, loser, follower = 9_041, 9_042, 9_043, 9_044
        own = Part(added_us=NOW)
        await store.write(
            [
                Profile(end, own=own, losers=dict.fromkeys((middle, loser, follower), own)),
                Profile(middle, alias=end, own=own),
                Profile(loser, alias=middle, own=own),
                Profile(follower, alias=loser, own=own),
            ]
        )
        await store.lead([loser, follower], middle, end)
        assert {one: profile and profile.alias for one, profile in (await store.load([loser, follower])).items()} == {
            loser: end,
            follower: end,
        }


async def test_claims_that_travel_together_count_one_after_the_other(valkey_url: str) -> None:
    async with connect(valkey_url) as client:
        store = ProfileStore(client)
        free, held, given_up, moved = (UniqueValue("email", f"together-{number}@x.org") for number in range(4))
        before = await store.claim([(value, None, 9_041) for value in (held, given_up, moved)])
        answers = await store.claim(
            [
                (free, None, 9_042),
                (free, None, 9_043),
                (held, None, 9_042),
                (given_up, before[1], 0),
                (moved, before[2], 0),
                (moved, None, 9_042),
            ]
        )
        assert [one.contact_id if one else 0 for one in answers] == [9_042, 9_042, 9_041, 0, 0, 9_042]
        holders = await store.holders([free, held, given_up, moved])
        assert [one.contact_id if one else 0 for one in holders.values()] == [9_042, 9_041, 0, 9_042]
        assert holders[free] == answers[0], "as they were told"


async def test_profiles_that_travel_together_are_compared_each_with_its_own(valkey_url: str) -> None:
    async with connect(valkey_url) as client:
        store = ProfileStore(client)
        stored, changed = (Profile(number, own=Part(added_us=NOW)) for number in (9_051, 9_052))
        versions = await store.write([stored, changed])
        read = msgspec.structs.replace(changed, version=versions[changed.id])
        new, brief = Profile(9_053, own=Part(added_us=NOW)), Profile(9_054, is_brief=True)
        written = await store.write([new, stored, msgspec.structs.replace(read, own=Part(added_us=NOW + 1)), brief])
        assert [bool(version) for version in written.values()] == [True, False, True, True]
        loaded = await store.load(written)
        assert {one: loaded[one].version for one in written} == {**written, stored.id: versions[stored.id]}  # type: ignore[union-attr]
        assert loaded[changed.id].own == Part(added_us=NOW + 1)  # type: ignore[union-attr]
        lives = [await client.ttl(keys.profile(one)) for one in (new.id, brief.id)]
        assert (lives[0], lives[1] > 0) == (-1, True), "for ever, and for a day"
        waiting = await store.unsettled(2**60, 10_000)
        assert {new.id, changed.id} <= set(waiting) and brief.id not in waiting
        again = [Profile(9_055, own=Part(added_us=NOW)), msgspec.structs.replace(read, version=written[read.id])]
        assert all((await store.write(again)).values()), "a new one, and one that is as it was read"


async def test_of_one_new_contact_that_is_written_twice_at_once_the_first_is_stored(valkey_url: str) -> None:
    async with connect(valkey_url) as client:
        store = ProfileStore(client, is_grouped=True)
        one, other = Profile(9_061, own=Part(added_us=NOW)), Profile(9_061, own=Part(added_us=NOW + 1))
        answers = await asyncio.gather(store.write([one]), store.write([other]))
        assert [bool(answer[9_061]) for answer in answers] == [True, False]
        loaded = (await store.load([9_061]))[9_061]
        assert loaded == msgspec.structs.replace(one, version=answers[0][9_061])


async def test_what_changed_again_still_waits_for_its_projection(valkey_url: str) -> None:
    async with connect(valkey_url) as client:
        store = ProfileStore(client)
        ids = [9_071 + number * keys.CONTACT_SLOTS for number in range(3)]  # of one slot
        versions = await store.write([Profile(one, own=Part(added_us=NOW)) for one in ids])
        await store.settle({ids[0]: versions[ids[0]], ids[1]: versions[ids[1]] - 1, ids[0] + 2 * len(ids): NOW})
        assert [one for one in ids if one in await store.unsettled(2**60, 10_000)] == ids[1:]
