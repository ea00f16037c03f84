"""What a resolver tells whoever watches."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.hit import Door, Hit
from services.common.profile import Part, Profile
from services.identity import live
from services.identity.identify import ContactDeleted, Fate, Identifier, Rules, Sighting, State
from services.identity.pipeline import Draft


def draft(door: int = Door.EVENT, kind: str = "", *, is_new: bool = False, device: str = "d", **said: str) -> Draft:
    hit = Hit(b"e" * 16, 5_000, 7_000, door, device, 1, is_new, "192.0.2.1", b"", b"", b"", b"", b"", kind)
    return Draft(hit, kind or "page.hit", b"", parameters=dict(said))


def fate(*outcomes: str, contact_id: int = 4, is_known: bool = True) -> Fate:
    return Fate(contact_id, is_known, outcomes)


@pytest.mark.parametrize(
    ("outcomes", "is_new", "device", "change"),
    [
        (("anonymous",), True, "d", "new"), (("anonymous",), False, "d", ""), (("known",), False, "d", ""),
        (("identified",), False, "d", "identified"), (("identified",), True, "d", "new"),
        (("identified",), False, "", "new"), (("moved_to_new",), False, "d", "new"),
        (("merged_anonymous",), False, "d", "merged"), (("merged_known", "identified"), False, "d", "merged"),
        (("joined_without_cookie",), True, "d", "moved"), (("moved_to_known", "merge_queued"), False, "d", "moved"),
        (("forwarded",), False, "d", ""), (("known", "unique_value_taken"), False, "d", ""),
    ],
)  # fmt: skip
def test_a_stored_hit_says_what_it_changed(outcomes: tuple[str, ...], is_new: bool, device: str, change: str) -> None:
    assert live.stored(draft(is_new=is_new, device=device), fate(*outcomes)).change == change


@pytest.mark.parametrize(
    ("door", "kind", "what"),
    [
        (Door.PIXEL, "", "pixel"), (Door.EVENT, "", "event"), (Door.TOUCH, "email.read", "touch"),
        (Door.STATEMENT, "form.submitted", "form"), (Door.STATEMENT, "page.hit", "batch"),
        (Door.STATEMENT, "lead.donotcontact", "touch"),
    ],
)  # fmt: skip
def test_a_stored_hit_says_through_which_door_it_came(door: int, kind: str, what: str) -> None:
    assert live.stored(draft(door, kind), fate()).what == what


def test_a_stored_hit_has_page_title_and_contact_and_neither_query_nor_address() -> None:
    told = live.stored(draft(page_url="https://shop.example/a?email=x", page_title="t" * 300), fate(contact_id=9))
    assert (told.page, told.host, told.title, told.time_ms) == ("https://shop.example/a", "shop.example", "t" * 200, 7)
    assert (told.verdict, told.contact_id, told.is_identified, told.kind) == ("stored", 9, True, "page.hit")
    assert "192.0.2.1" not in str(told)


def test_a_hit_of_somebody_who_was_erased_shows_neither_page_nor_title() -> None:
    one = draft(page_url="https://shop.example/ada", title="Ada")
    erased, deleted = live.gone(one, ContactDeleted.ERASED), live.gone(one, ContactDeleted.DROPPED)
    assert (erased.reason, erased.page, erased.title, erased.contact_id) == ("contact_erased", "shop.example", "", 0)
    assert (deleted.reason, deleted.page, deleted.title) == ("contact_deleted", "https://shop.example/ada", "Ada")


def sighting(device: int, **unique: str) -> Sighting:
    values: dict[str, Any] = {"unique": unique, "fields": {}, "tags": {}, "timezone": ""}
    return Sighting(device, False, 1, 1, b"e" * 16, **values)


def test_a_fate_is_that_of_its_own_sighting_and_names_the_survivor() -> None:
    state = State()
    state.loaded = {1: None, 2: Profile(2, alias=3), 3: Profile(3, own=Part(added_us=1))}
    identifier = Identifier(state, Rules(), lambda key: 99, 10)
    assert identifier.place_and_tell(sighting(1)) == (1, Fate(1, False, ("anonymous",)))
    assert identifier.place_and_tell(sighting(2)) == (2, Fate(3, True, ("known",)))
    assert identifier.place_and_tell(sighting(1)) == (1, Fate(1, False, ("anonymous",)))
    assert identifier.outcomes["anonymous"] == 2, "they count as ever"
    state.loaded[3] = Profile(3, deleted_us=5)
    assert identifier.place_and_tell(sighting(2)) == (ContactDeleted.DROPPED, None)
