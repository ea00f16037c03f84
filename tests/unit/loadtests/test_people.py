"""The generator's own idea of who is who: what the ledger is checked against."""

from __future__ import annotations

from loadtests.people import ANONYMOUS, REALISTIC, Crowd, SentHit, Visitor


def visitor(*addresses: str) -> Visitor:
    """A device that gave these addresses, hit by hit; '' gives none."""
    one = Visitor(5, "agent", uses_script=True, keeps_cookies=True, is_shared=False)
    one.hits = [SentHit(one, number, address, is_bot=False) for number, address in enumerate(addresses)]
    return one


def test_device_that_gives_no_address_is_a_person_by_itself() -> None:
    assert visitor("", "").people() == ["visitor 5", "visitor 5"]


def test_first_address_is_that_of_all_hits_before_it() -> None:
    assert visitor("", "a@x.org", "").people() == ["a@x.org"] * 3


def test_another_address_begins_another_person_and_leaves_the_past_alone() -> None:
    assert visitor("", "a@x.org", "", "b@x.org", "", "a@x.org").people() == [
        *("a@x.org", "a@x.org", "a@x.org"),
        *("b@x.org", "b@x.org"),
        "a@x.org",
    ]


def test_birth_contact_is_read_from_a_device_id() -> None:
    from services.common.device import DeviceCodec

    one = visitor("")
    one.device_id = DeviceCodec(("secret",)).mint(123_456_789)
    assert one.birth_contact() == 123_456_789


def run_crowd(crowd: Crowd, hits: int) -> list[SentHit]:
    """Every hit is answered at once."""
    sent = []
    for number in range(hits):
        hit = crowd.next_hit(1_000 + number)
        crowd.answered(hit, f"device{hit.visitor.number}")
        sent.append(hit)
    return sent


def test_crowd_keeps_its_shares() -> None:
    hits = run_crowd(Crowd(3, "host", REALISTIC), 20_000)
    assert 0.02 < sum(hit.is_bot for hit in hits) / len(hits) < 0.04
    identifies = sum(bool(hit.email) and not hit.visitor.is_shared for hit in hits)
    assert 0.015 < identifies / len(hits) < 0.025
    assert 0.15 < sum(hit is hit.visitor.hits[0] for hit in hits) / len(hits) < 0.30


def test_shared_devices_change_person_every_twenty_hits() -> None:
    hits = run_crowd(Crowd(3, "host", REALISTIC), 60_000)
    for device in {hit.visitor for hit in hits if hit.visitor.is_shared}:
        named = [number for number, hit in enumerate(device.hits) if hit.email]
        assert named
        assert all(number % 20 == 0 for number in named)


def test_hits_of_a_device_have_rising_times_even_within_a_millisecond() -> None:
    crowd = Crowd(3, "host", ANONYMOUS)
    for _ in range(2_000):
        crowd.answered(crowd.next_hit(77), "device")
    for one in crowd.visitors:
        times = [hit.time_ms for hit in one.hits]
        assert times == sorted(set(times))


def test_visitor_does_not_go_on_before_its_answer() -> None:
    crowd = Crowd(3, "host", ANONYMOUS)
    waiting = [crowd.next_hit(1) for _ in range(500)]
    assert len({hit.visitor for hit in waiting}) == 500


def test_returning_visitor_sends_what_it_was_given() -> None:
    hits = run_crowd(Crowd(3, "host", ANONYMOUS), 500)
    returning = next(hit for hit in hits if hit is not hit.visitor.hits[0])
    assert f"Cookie: mautic_device_id=device{returning.visitor.number}\r\n".encode() in returning.request
    assert returning.event_id.encode() in returning.request
