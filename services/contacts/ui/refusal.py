"""What the API did not take, as a form shows it: beside its fields where it names them, else above them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.common.envelope import ApiError

SHOWN_IN_FORMS = (400, 409, 422)


class Refusal(NamedTuple):
    text: str = ""
    fields: Mapping[str, Sequence[str]] = {}

    def status(self) -> int:
        return 422 if self.text else 200


NONE = Refusal()


def refusal(error: ApiError) -> Refusal:
    """Raises the error where it is none of what somebody typed."""
    if error.status not in SHOWN_IN_FORMS:
        raise error
    return Refusal(error.message or "This was not taken.", error.details or {})
