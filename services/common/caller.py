"""Whoever makes the request that runs: known to all that works for it, and to nobody else. Beside requests there is
nobody, who may do everything.

A request has a context of its own, which the tasks that it starts inherit.
"""

from __future__ import annotations

from contextvars import ContextVar

import msgspec

from services.common.rights import EVERYTHING, LEADS, Rights

BY_API, BY_IMPORT, BY_UI = "api", "import", "ui"
ADMIN_ID = 1  # the user, and the role, that are there from the start


class Caller(msgspec.Struct, frozen=True):
    """`user_id` is 0 for a service that is no user; `key` says by what it was let in: user:5, token:7, credential:3."""

    key: str
    user_id: int
    name: str
    rights: Rights = EVERYTHING
    ip: str = ""
    source: str = BY_API  # by which way it changes what there is


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def enter(caller: Caller | None) -> None:
    """For the request that runs, until it ends."""
    _caller.set(caller)


def caller() -> Caller | None:
    return _caller.get()


def author(otherwise: str) -> str:
    """Under what name something is written; `otherwise` beside requests."""
    known = _caller.get()
    return known.name if known else otherwise


def author_id() -> int:
    known = _caller.get()
    return known.user_id if known else 0


def source() -> str:
    """'' beside requests."""
    known = _caller.get()
    return known.source if known else ""


def my_id() -> int:
    """The user to whom `mine` means; the admin for whoever is no user."""
    return author_id() or ADMIN_ID


def rights() -> Rights:
    known = _caller.get()
    return known.rights if known else EVERYTHING


def is_mine(owner_id: int, creator_id: int) -> bool:
    """The owner decides, and where there is none whoever made it. What nobody has is not the caller's."""
    mine = author_id()
    return mine > 0 and (owner_id or creator_id) == mine


def may_act(action: str, owner_id: int, creator_id: int, level: str = LEADS) -> bool:
    """Whether the caller may view, edit or delete this."""
    return rights().may_act(level, action, is_own=is_mine(owner_id, creator_id))


def sees_others(level: str = LEADS) -> bool:
    """Else lists have only what is the caller's."""
    return rights().may(f"{level}:viewother")
