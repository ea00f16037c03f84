"""What free search takes for the same."""

from __future__ import annotations

import pytest

from services.common.free_text import searchable


@pytest.mark.parametrize(
    ("texts", "same"),
    [
        (("Müller", "MULLER", "Mu\u0308ller"), "muller"),
        (("Łódź", "LODZ", "łodz"), "lodz"),
        (("Søren Ǿ", "soren o"), "soren o"),
        (("Straße", "STRASSE"), "strasse"),
        (("ΑΘΉΝΑ", "αθηνα"), "αθηνα"),
        (("Андрей", "АНДРЕИ"), "андреи"),
        (("Nguyễn Thị Ánh", "nguyen thi anh"), "nguyen thi anh"),
    ],
)
def test_marks_and_large_letters_make_no_difference(texts: tuple[str, ...], same: str) -> None:
    assert {searchable(text) for text in texts} == {same}


def test_other_scripts_stay_as_they_are() -> None:
    for text in ("が", "か", "각", "가", "हिन्दी", "עִבְרִית", "漢字", "æ", "½", "΅"):
        assert searchable(text) == text
