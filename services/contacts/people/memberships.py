"""A change of the companies that a contact is a member of: read from a body, and applied to its part. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.common.profile import MAX_COMPANIES, Member, Part, Profile, Stamped

MAX_ID_DIGITS = 15
NOT_IDS = f"This must be a list of at most {MAX_COMPANIES} ids of companies."


class MembershipChange(msgspec.Struct, frozen=True):
    """What is to become of a contact's companies."""

    words: dict[int, bool] = {}  # company: joined or left
    replaces: bool = False  # all that are not named are left
    primary: int = 0  # becomes the primary one; 0: it stays
    names: dict[int, str] = {}  # of all that there are, among the named and the contact's own

    def says_something(self) -> bool:
        return bool(self.words) or self.replaces


NO_MEMBERSHIPS = MembershipChange()


def read_memberships(body: Mapping[str, Any]) -> MembershipChange:
    """`companies`: the ids that replace the whole set. Raises `ValueError` with what is wrong."""
    said = body.get("companies")
    if said is None:
        return MembershipChange()
    found = [] if said == "" else list(said.values()) if isinstance(said, dict) else said
    if not isinstance(found, list) or len(found) > MAX_COMPANIES:
        raise ValueError(NOT_IDS)
    return MembershipChange(dict.fromkeys(map(_read_id, found), True), replaces=True)


def _read_id(said: Any) -> int:
    text = str(said.get("id") if isinstance(said, dict) else said).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS and int(text)):
        raise ValueError(NOT_IDS)
    return int(text)


def apply_memberships(profile: Profile, part: Part, change: MembershipChange, now_us: int) -> Part:
    """The part after the change, newer than whatever any part of the profile says. Its text follows the primary one."""
    if not change.says_something() and not change.primary:
        return part
    before, words = profile.companies(), profile.company_words()
    left = dict.fromkeys(before, False) if change.replaces else {}
    said = {**left, **change.words, **({change.primary: True} if change.primary else {})}
    news = {
        company_id: Member(is_in, max(now_us, words[company_id].time_us + 1) if company_id in words else now_us)
        for company_id, is_in in said.items()
        if (company_id in before) != is_in
    }
    after = [one for one in before if said.get(one, True)] + [one for one in news if said[one]]
    part = msgspec.structs.replace(part, companies={**part.companies, **news})
    return _with_primary(profile, part, change, [one for one in after if one in change.names], now_us)


def _with_primary(profile: Profile, part: Part, change: MembershipChange, after: list[int], now_us: int) -> Part:
    before = profile.company_id() if profile.company_id() in change.names else 0  # it may have been deleted
    primary = change.primary or (before if before in after else next(iter(after), 0))
    if primary == before:
        return part
    part = msgspec.structs.replace(part, company_id=primary, company_us=max(now_us, profile.primary_us() + 1))
    if not change.primary:  # else it was given as text
        text = Stamped(change.names.get(primary, ""), max(now_us, profile.told_us("company") + 1))
        part.fields = {**part.fields, "company": text}
    return part
