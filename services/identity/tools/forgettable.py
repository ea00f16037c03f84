"""Which profiles may be forgotten with their visitor: those that hold no person, and nothing that a person did. Pure.

Only what visits leave behind by themselves may be in them: fields that identify nobody, tags, addresses. Whatever else
there is, also what later versions add, keeps the contact.
"""

from __future__ import annotations

from services.common.profile import Part, Profile

_OF_PROFILE = frozenset({"id", "own", "version"})
_OF_PART = frozenset({"added_us", "modified_us", "fields", "tags", "ips"})


def is_forgettable(profile: Profile, before_us: int, unique_fields: tuple[str, ...]) -> bool:
    """Whether nobody is lost with it who was not written since `before_us`.

    Kept are: who merged into somebody and whom somebody merged into, devices that moved, the deleted; who was ever
    identified, or holds a unique value; who has an owner, a stage, points, a do-not-contact, a company; and whom a
    user of the API or of the pages made or changed.
    """
    part = profile.own
    return (
        part is not None
        and profile.version < before_us
        and not _says_more(profile, _OF_PROFILE)
        and not _says_more(part, _OF_PART)
        and part.is_anonymous()
        and all(part.value(field) in (None, "") for field in unique_fields)
    )


def _says_more(struct: Profile | Part, allowed: frozenset[str]) -> bool:
    """Whether there is something in a field that is not among these."""
    return any(getattr(struct, field) for field in struct.__struct_fields__ if field not in allowed)
