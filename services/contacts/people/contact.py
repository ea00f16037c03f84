"""A contact as it is shown: what it was told, and what its visits say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from services.common.contact_fields import FIELDS, Field
from services.common.documents import Stage, User
from services.common.folding import View


class Address(NamedTuple):
    """An address that a contact came from, and the place of its last hit there."""

    contact_id: int
    ip: str
    seen_ms: int
    country: str
    region: str
    city: str
    timezone: str
    language: str
    latitude: float
    longitude: float


class UtmTags(NamedTuple):
    """What one hit, or a call of the API, said of the campaign that the contact came by."""

    contact_id: int
    event_id: str
    time_ms: int
    type: str
    query: str
    referrer: str
    ip: str
    url: str
    user_agent: str
    campaign: str
    content: str
    medium: str
    source: str
    term: str


class Footprint(NamedTuple):
    """What the visits of one contact say, all its merged ids together. Times are 0 when it was never seen."""

    first_seen_ms: int = 0
    last_active_ms: int = 0
    addresses: tuple[Address, ...] = ()  # newest first
    utm_tags: tuple[UtmTags, ...] = ()  # newest first


class Contact(NamedTuple):
    """`view` is None for an anonymous visitor."""

    id: int
    view: View | None
    footprint: Footprint
    ids: list[int]  # its own and all that merged into it
    stage: Stage | None = None  # under the id that `view` says
    registry: Mapping[str, Field] = FIELDS  # the fields that there are
    owner: User | None = None  # under the id that `view` says; None for the admin, too
    color: str | None = None  # of its points

    def added_us(self) -> int:
        """When it came to be: told, or first seen, whichever was earlier."""
        seen_us = self.footprint.first_seen_ms * 1_000
        if self.view is None:
            return seen_us
        return min(self.view.added_us, seen_us or self.view.added_us)
