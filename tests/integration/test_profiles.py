"""The profile store on a real Valkey: what a crash left half done is mended by whoever sees it."""

from __future__ import annotations

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
