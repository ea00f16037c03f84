"""What webhooks are told, and whom they may ask: the pure parts."""

from __future__ import annotations

import ipaddress
import socket

import httpx
import pytest

from services.common.hook_notes import Note, decode_note, encode_note
from services.common.profile import DoNotContact, Member, Part, Profile, Stamped
from services.contacts.people.change import InvalidChangeError
from services.contacts.webhooks.deliveries import failed, portion
from services.contacts.webhooks.hook_resource import read_hook
from services.contacts.webhooks.notes import notes_of_change
from services.contacts.webhooks.queue import State
from services.contacts.webhooks.sender import Outcome, Sender, is_public, sign

NOW = 1_700_000_000_000_000
UNREACHABLE = Outcome(0, "unreachable", 0.1)


def profile(version: int, *, points: int = 0, email: str = "", **said: object) -> Profile:
    fields = {"email": Stamped(email, NOW)} if email else {}
    part = Part(added_us=NOW, identified_us=NOW if email else 0, points=points, fields=fields, **said)  # type: ignore[arg-type]
    return Profile(7, own=part, version=version)


def told(before: Profile | None, after: Profile) -> list[tuple[str, dict[str, object]]]:
    return [(note.trigger, note.said) for note in notes_of_change(before, after, NOW)]


def test_a_contact_is_new_when_it_is_known_for_the_first_time() -> None:
    visitor, known = profile(1), profile(2, email="a@x.org")
    assert told(None, visitor) == []
    assert told(None, known) == told(visitor, known) == [("mautic.lead_post_save_new", {})]
    assert told(known, profile(3, email="b@x.org")) == [("mautic.lead_post_save_update", {})]
    assert told(known, known) == []


def test_points_channels_and_companies_are_told_with_both_sides() -> None:
    before = profile(1, points=3, dnc={"sms": DoNotContact(2, "", 0, NOW)}, companies={5: Member(True, NOW)})
    after = profile(
        2,
        points=8,
        dnc={"sms": DoNotContact(0, "", 0, NOW + 1), "email": DoNotContact(1, "", 0, NOW)},
        companies={5: Member(False, NOW + 1), 6: Member(True, NOW)},
    )
    assert told(before, after) == [
        ("mautic.lead_points_change", {"points": {"old_points": 3, "new_points": 8}}),
        (
            "mautic.lead_channel_subscription_changed",
            {"channel": "email", "old_status": "contactable", "new_status": "unsubscribed"},
        ),
        (
            "mautic.lead_channel_subscription_changed",
            {"channel": "sms", "old_status": "bounced", "new_status": "contactable"},
        ),
        ("mautic.lead_company_change", {"added": False, "company": 5}),
        ("mautic.lead_company_change", {"added": True, "company": 6}),
    ]


def test_a_note_waits_as_it_was_made() -> None:
    note = Note("mautic.lead_post_save_new", NOW, contact=profile(3, email="a@x.org"), said={"a": [1, "b"]})
    assert decode_note(encode_note(note)) == note
    assert note.is_about({7}) and Note("x", NOW, contact_id=8).is_about([8]) and not note.is_about({8})


def test_a_request_takes_the_oldest_notes_up_to_the_bound_of_a_trigger() -> None:
    waiting = [(str(number).encode(), Note(trigger, NOW)) for number, trigger in enumerate("abaabb")]
    assert portion(waiting, 2) == waiting[:3]
    assert portion(waiting, 10) == waiting
    assert portion([], 2) == []


def test_a_failing_receiver_is_asked_ever_more_rarely() -> None:
    state, waits = State(delivered_ms=5), []
    for _ in range(13):
        state = failed(state, UNREACHABLE, 1_000)
        waits.append((state.next_ms - 1_000) / 1_000)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 600
    assert (state.failures, state.status, state.delivered_ms) == (13, 0, 5)


@pytest.mark.parametrize(
    ("address", "may_be_asked"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("fec0::1", False),
        ("64:ff9b:1::7f00:1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
    ],
)
def test_only_public_addresses_may_be_asked(address: str, may_be_asked: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is may_be_asked


def test_the_signature_is_the_one_that_receivers_compute() -> None:
    assert sign(b'{"a":1}', "s3cret") == "WRDmIBbvUDQnLJJsJwcZkqRlwjNc7PQYUb2gcVd/T20="


def test_what_a_hook_is_made_of() -> None:
    hook = read_hook({"name": "A", "webhookUrl": "https://x.org/a", "triggers": ["mautic.lead_post_delete"]}, None)
    assert len(hook.secret) == 64 and hook.triggers == ["mautic.lead_post_delete"] and not hook.is_newest_first
    more = read_hook({"triggers": "mautic.page_on_hit", "eventsOrderbyDir": "DESC"}, hook)
    assert more.triggers == ["mautic.lead_post_delete", "mautic.page_on_hit"] and more.is_newest_first
    assert (more.secret, more.url) == (hook.secret, hook.url)
    for wrong in ({"triggers": ["mautic.nothing"]}, {"triggers": [5]}, {"webhookUrl": "file:///etc"}, {"name": ""}):
        with pytest.raises(InvalidChangeError):
            read_hook({"name": "A", "webhookUrl": "https://x.org/a", **wrong}, None)


async def test_a_name_that_leads_elsewhere_a_moment_later_is_asked_where_it_led_when_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the first answer is a public address, each later one ours."""
    answers, asked = ["93.184.216.34", "127.0.0.1", "127.0.0.1"], list[str]()

    def look_up(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), 80))]

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url.host)
            assert request.headers["host"] == "rebinding.example"
            return httpx.Response(200)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    sender = Sender("https://spoor.example", 5, allows_private=False)
    sender._transport = Transport()  # type: ignore[assignment]
    assert (await sender.post("http://rebinding.example/", "secret", b"{}")).is_delivered
    assert asked == ["93.184.216.34"]
    assert (await sender.post("http://rebinding.example/", "secret", b"{}")).note == "private_address"
    assert len(asked) == 1
