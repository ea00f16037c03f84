"""Whose profile may be forgotten: nobody's who is, was, or might be somebody."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.common.profile import DoNotContact, Member, Move, Part, Profile
from services.identity.tools.forgettable import is_forgettable

OLD, NOW = 1_000, 2_000
PART = Part(added_us=OLD).with_fields({"timezone": "Europe/Berlin"}, OLD).with_tags({"visitor": True}, OLD)
VISITOR = Profile(7, own=PART, version=OLD)


def test_what_visits_leave_behind_may_be_forgotten() -> None:
    assert is_forgettable(VISITOR, NOW, ("email",))
    assert is_forgettable(Profile(7, own=Part(added_us=OLD, ips={"192.0.2.1": OLD}), version=OLD), NOW, ("email",))


@pytest.mark.parametrize(
    "said",
    [
        {"alias": 8},
        {"losers": {8: PART}},
        {"deleted_us": OLD},
        {"moves": [Move(OLD, b"x", 8)]},
        {"separated": [8]},
        {"is_brief": True},
        {"own": None},
        {"version": NOW},
    ],
)
def test_a_profile_that_says_more_is_kept(said: dict[str, Any]) -> None:
    assert not is_forgettable(msgspec.structs.replace(VISITOR, **said), NOW, ("email",))


@pytest.mark.parametrize(
    "said",
    [
        {"points": 5},
        {"scores": {1: 5}},
        {"owner_id": 1},
        {"stage_id": 1},
        {"created_by": "admin"},
        {"modified_by": "admin"},
        {"dnc": {"email": DoNotContact(1, "", 0, OLD)}},
        {"companies": {1: Member(True, OLD)}},
        {"identified_us": OLD},
    ],
)
def test_a_part_that_says_more_is_kept(said: dict[str, Any]) -> None:
    assert not is_forgettable(msgspec.structs.replace(VISITOR, own=msgspec.structs.replace(PART, **said)), NOW, ())


@pytest.mark.parametrize("field", ["email", "lastname", "customer_number"])
def test_whoever_can_be_told_is_kept(field: str) -> None:
    part = msgspec.structs.replace(PART.with_fields({field: "x"}, OLD), identified_us=0)
    assert not is_forgettable(msgspec.structs.replace(VISITOR, own=part), NOW, ("email", "customer_number"))


def test_what_a_later_version_adds_to_a_part_keeps_it() -> None:
    class LaterPart(Part):
        notes: int = 0

    later = LaterPart(added_us=OLD, notes=1)
    assert not is_forgettable(msgspec.structs.replace(VISITOR, own=later), NOW, ())
    assert is_forgettable(msgspec.structs.replace(VISITOR, own=LaterPart(added_us=OLD)), NOW, ())
