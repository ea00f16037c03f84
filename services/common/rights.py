"""What a role may do: rights as `bundle:level:permission`, what one implies, and who may hand which on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

FULL = "full"
ACCESS = "api:access:full"  # without it a role can not call the API at all
LEADS, LISTS, FIELDS, EXPORT = "lead:leads", "lead:lists", "lead:fields", "lead:export"

_SHARED = ("view", "edit", "create", "delete", "publish", FULL)
_OWNED = ("viewown", "viewother", "editown", "editother", "create", "deleteown", "deleteother", FULL)
_PUBLISHED = (*_OWNED[:-1], "publishown", "publishother", FULL)
CATALOG: Mapping[str, tuple[str, ...]] = {
    "api:access": (FULL,),
    "asset:assets": _PUBLISHED,
    "audit:log": ("view", FULL),
    "campaign:campaigns": _PUBLISHED,
    "category:categories": _SHARED,
    "email:emails": _PUBLISHED,
    "form:forms": _PUBLISHED,
    EXPORT: ("enable", FULL),
    FIELDS: ("view", FULL),
    "lead:imports": _SHARED,
    LEADS: _OWNED,
    LISTS: _OWNED,
    "page:pages": _PUBLISHED,
    "point:groups": _SHARED,
    "point:points": _SHARED,
    "point:triggers": _SHARED,
    "report:export": ("enable", FULL),
    "sms:smses": _PUBLISHED,
    "stage:stages": _SHARED,
    "tagManager:tagManager": ("view", "edit", "create", "delete", FULL),
    "user:roles": ("view", "edit", "create", "delete", FULL),
    "user:users": ("view", "edit", "create", "delete", FULL),
    "webhook:webhooks": _PUBLISHED,
}
_IMPLIED = {
    "editother": ("editown", "viewother", "viewown"),
    "deleteother": ("deleteown", "editother", "editown", "viewother", "viewown"),
    "publishother": ("publishown", "viewother", "viewown"),
    "viewother": ("viewown",),
    "editown": ("viewown",),
    "deleteown": ("viewown",),
    "publishown": ("viewown",),
    "edit": ("view",),
    "create": ("viewown", "view"),
    "delete": ("view",),
    "publish": ("view",),
}


class Rights(msgspec.Struct, frozen=True):
    """What somebody may do; `granted` has all that is implied."""

    is_admin: bool = False
    granted: frozenset[str] = frozenset()

    def may(self, right: str) -> bool:
        return self.is_admin or right in self.granted

    def may_act(self, level: str, action: str, *, is_own: bool) -> bool:
        """Whether it may view, edit or delete a thing of this level that is its own, or somebody else's or nobody's."""
        return self.may(f"{level}:{action}{'own' if is_own else 'other'}")

    def covers(self, other: Rights) -> bool:
        """Whether whoever has these may hand on all the others."""
        return self.is_admin or (not other.is_admin and other.granted <= self.granted)


NOTHING, EVERYTHING = Rights(), Rights(is_admin=True)


def rights_of(said: Mapping[str, Iterable[str]]) -> Rights:
    """From permissions by level, as a role keeps them."""
    granted = {f"{level}:{name}" for level, names in implied(said).items() for name in names}
    return Rights(granted=frozenset(granted))


def implied(said: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """With all that they imply, in the order of the catalog; `full` is everything of its level. Names that the catalog
    does not have are left out."""
    levels = {level: _implied(level, names) for level, names in said.items() if level in CATALOG}
    if levels.get(LISTS) or levels.get(FIELDS):
        levels[LEADS] = _implied(LEADS, [*levels.get(LEADS, ()), "viewown"])
    return {level: levels[level] for level in CATALOG if levels.get(level)}


def is_right(text: str) -> bool:
    level, _, name = text.rpartition(":")
    return name in CATALOG.get(level, ())


def _implied(level: str, names: Iterable[str]) -> list[str]:
    said = set(names)
    if FULL in said:
        said.update(CATALOG[level])
    said.update(more for name in tuple(said) for more in _IMPLIED.get(name, ()))
    return [name for name in CATALOG[level] if name in said]
