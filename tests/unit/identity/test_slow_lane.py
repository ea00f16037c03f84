"""Which hits must wait apart from their neighbours."""

from __future__ import annotations

from collections import Counter

from services.common.hit import Hit
from services.identity.pipeline import Draft
from services.identity.slow_lane import sift


def draft(device: int, number: int, email: str = "") -> Draft:
    event_id = number.to_bytes(16, "big")
    hit = Hit(event_id, number, number, 0, "d" * 23, device, False, "", b"", b"", b"", b"", b"")
    made = Draft(hit, "page.hit", b"")
    made.unique = {"email": email} if email else {}
    return made


def times(drafts: list[Draft]) -> list[int]:
    return [one.hit.time_us for one in drafts]


def test_a_usual_batch_does_not_wait() -> None:
    drafts = [draft(number % 3, number) for number in range(9)]
    assert times(sift(drafts, Counter(), 3).now) == list(range(9))


def test_what_a_device_has_beyond_its_share_waits_and_its_neighbours_do_not() -> None:
    drafts = [draft(1, 0), draft(1, 1), draft(2, 2), draft(1, 3), draft(2, 4), draft(1, 5)]
    sifted = sift(drafts, Counter(), 2)
    assert (times(sifted.now), times(sifted.waiting["device"])) == ([0, 1, 2, 4], [3, 5])


def test_a_device_whose_hits_wait_already_waits_behind_them() -> None:
    sifted = sift([draft(1, 0), draft(2, 1)], Counter({1: 7}), 100)
    assert (times(sifted.now), times(sifted.waiting["device"])) == ([1], [0])


def test_hits_that_name_one_contact_wait_beyond_their_share_and_keep_their_devices_order() -> None:
    drafts = [*(draft(number, number, "ada@x.org") for number in range(3)), draft(2, 3), draft(9, 4, "bob@x.org")]
    sifted = sift(drafts, Counter(), 2)
    assert times(sifted.now) == [0, 1, 4]
    assert (times(sifted.waiting["contact"]), times(sifted.waiting["device"])) == ([2], [3])
