"""Which contacts that share a value are one person, and how their number is found without keeping them."""

from __future__ import annotations

import msgspec
import pytest

from services.common.profile import Part, Profile
from services.common.values import Operator, UniqueValue
from services.identity.identify import Rules
from services.identity.tools.duplicates import CONTRADICTS, SEPARATED, TOO_MANY_IDENTIFIERS, joins
from services.identity.tools.seen_twice import SeenTwice, hash_of

AND, OR = (Rules(("email", "mobile"), operator) for operator in Operator)


def contact(number: int, **fields: str) -> Profile:
    return Profile(number, own=Part(added_us=number).with_fields({"mobile": "1", **fields}, number))


def told(profiles: list[Profile], rules: Rules = AND) -> list[tuple[int, int, str]]:
    return [(join.winner.id, join.loser.id, join.reason) for join in joins(profiles, rules)]


def test_the_oldest_takes_in_the_others_in_whatever_order_they_come() -> None:
    contacts = [contact(number) for number in (3, 1, 2, 1)]
    assert told(contacts) == told(contacts[::-1]) == [(1, 2, ""), (1, 3, "")]
    assert told(contacts[:1]) == []


def test_who_contradicts_is_another_person_with_and_and_the_same_one_with_or() -> None:
    contacts = [contact(1), contact(2, email="a@x.org"), contact(3, email="b@x.org"), contact(4, email="b@x.org")]
    assert told(contacts) == [(1, 2, ""), (1, 3, CONTRADICTS), (3, 4, "")]
    assert told(contacts, OR) == [(1, 2, ""), (1, 3, ""), (1, 4, "")]


@pytest.mark.parametrize("rules", [AND, OR])
def test_whom_an_undo_has_parted_stays_apart(rules: Rules) -> None:
    first = msgspec.structs.replace(contact(1), separated={3: 9})
    assert told([first, contact(2), contact(3)], rules) == [(1, 2, ""), (1, 3, SEPARATED)]


def test_a_value_that_everybody_shows_makes_no_giant() -> None:
    rules = AND._replace(max_identifiers=3)
    made = told([contact(number) for number in range(1, 9)], rules)
    assert [(winner, loser) for winner, loser, reason in made if not reason] == [
        (1, 2),
        (1, 3),
        (1, 4),
        (5, 6),
        (5, 7),
        (5, 8),
    ]
    assert [one for one in made if one[2]] == [(1, 5, TOO_MANY_IDENTIFIERS)]


def test_what_came_twice_is_known_and_little_else() -> None:
    seen = SeenTwice(places=1 << 16)
    hashes = [hash_of(UniqueValue("email", f"{number}@x.org")) for number in range(1_000)]
    for hashed in [*hashes, *hashes[:10]]:
        seen.add(hashed)
    assert all(hashed in seen for hashed in hashes[:10])
    assert sum(hashed in seen for hashed in hashes) < 40 and 10 <= seen.count < 40
    assert hash_of(UniqueValue("email", "1")) != hash_of(UniqueValue("mobile", "1"))
