"""Frequency rules: read in either spelling, the newest word counts, one channel is preferred."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.folding import fold
from services.common.profile import Part, Profile
from services.contacts.people.change import Change, InvalidChangeError, apply_change
from services.contacts.people.change_body import read_change
from services.contacts.people.frequency import Frequency, frequency_objects, new_frequencies, read_frequencies

EMAIL = {"frequency_number": "2", "frequency_time": "week", "preferred_channel": 1}


def profile_with(**rules: Frequency) -> Profile:
    return apply_change(Profile(7, own=Part(added_us=1)), Change(frequency=rules), 1_000, "u")


def test_rules_are_read_as_sent_and_as_shown() -> None:
    read = read_frequencies({"frequencyRules": {"email": EMAIL, "sms": {"pause_from_date": "2026-12-24 00:00:00"}}})
    assert read == {"email": Frequency(2, "WEEK", True), "sms": Frequency(pause_from="2026-12-24")}
    shown = frequency_objects(fold(profile_with(**read)).frequency)
    assert shown[0] == {
        "channel": "email", "frequencyNumber": 2, "frequencyTime": "WEEK", "preferredChannel": True,
        "pauseFromDate": None, "pauseToDate": None,
    }  # fmt: skip
    assert shown[1]["pauseFromDate"] == "2026-12-24T00:00:00+00:00"
    assert read_frequencies({"frequencyRules": shown}) == read


@pytest.mark.parametrize(
    "said",
    [
        "often",
        {"email": {"frequency_number": 1}},
        {"email": {"frequency_number": -1, "frequency_time": "DAY"}},
        {"email": {"frequency_number": 1, "frequency_time": "YEAR"}},
        {"email": {"pause_from_date": "soon"}},
        {"email": {"pause_from_date": "2026-02-02", "pause_to_date": "2026-02-01"}},
        {"e mail": EMAIL},
        [{"frequencyNumber": 1}],
    ],
)
def test_what_is_no_rule_is_refused(said: Any) -> None:
    with pytest.raises(InvalidChangeError, match="frequencyRules"):
        read_change({"frequencyRules": said})


def test_the_first_channel_is_preferred_unless_another_one_is_said_to_be() -> None:
    profile = profile_with(email=Frequency(1, "DAY"), sms=Frequency(1, "DAY"))
    assert [rule.is_preferred for rule in fold(profile).frequency.values()] == [True, False]
    profile = apply_change(profile, Change(frequency={"sms": Frequency(3, "DAY", True)}), 2_000, "u")
    rules = fold(profile).frequency
    assert (rules["email"].is_preferred, rules["sms"].is_preferred, rules["sms"].number) == (False, True, 3)


def test_the_same_rule_again_changes_nothing_and_a_blank_one_takes_it_back() -> None:
    profile = profile_with(email=Frequency(1, "DAY"))
    assert new_frequencies(profile, {"email": Frequency(1, "DAY", True)}, 9_000) == {}
    profile = apply_change(profile, Change(frequency={"email": Frequency()}), 9_000, "u")
    assert frequency_objects(fold(profile).frequency) == []
