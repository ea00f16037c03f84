"""Which records the filters of a segment name."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.documents import SegmentFilter
from services.contacts.people.change import InvalidChangeError
from services.contacts.segments.names import Name, check_names, names_in


def where(field: str, operator: str, value: Any, **more: Any) -> SegmentFilter:
    return SegmentFilter(field=field, operator=operator, value=value, **more)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (where("campaign", "in", [3, "4"]), {("campaign", "3"), ("campaign", "4")}),
        (where("leadlist", "!in", "5|6"), {("segment", "5"), ("segment", "6")}),
        (where("stage", "!=", "2"), {("stage", "2")}),
        (where("email_id", "in", ["9"]), {("email", "9")}),
        (where("redirect_id", "in", ["m1f"]), {("link", "m1f")}),
        (where("email_id", "=", 1), set()),
        (where("campaign", "empty", None), set()),
        (where("campaign", "in", ["x"]), set()),
        (where("stage", "in", [2]), set()),
        (where("owner_id", "=", 1), set()),
        (where("tags", "in", ["7"]), set()),
        (where("nonsense", "in", [7]), set()),
        (where("campaign", "in", [7], object="company"), set()),
    ],
    ids=lambda value: f"{value.field} {value.operator}" if isinstance(value, SegmentFilter) else "",
)
def test_ids_are_names_where_the_operator_compares_with_ids(said: SegmentFilter, names: set[tuple[str, str]]) -> None:
    assert names_in([said]) == {Name(*one) for one in names}


def test_the_first_name_that_is_not_known_is_told_with_its_place() -> None:
    filters = [where("campaign", "in", [1]), where("campaign", "in", [1, 2])]
    check_names(filters, {Name("campaign", "1"), Name("campaign", "2")})
    with pytest.raises(InvalidChangeError) as error:
        check_names(filters, {Name("campaign", "1"), Name("email", "2")})
    assert error.value.details == {"filters[1]": ["There is no campaign 2."]}
