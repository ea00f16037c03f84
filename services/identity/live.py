"""What a resolver tells the live feed of each hit: whose it is and what that changed, or why it is nobody's. Pure."""

from __future__ import annotations

import time

from services.common.event_types import DO_NOT_CONTACT, FORM_SUBMITTED
from services.common.hit import Door, Hit
from services.common.live_hit import (
    DROPPED,
    IDENTIFIED,
    MAX_TITLE_LENGTH,
    MERGED,
    MOVED,
    NEW,
    STORED,
    LiveHit,
    read_page,
)
from services.identity.identify import ContactDeleted, Fate
from services.identity.pipeline import Draft

BOT = "bot"
_DOORS = {Door.PIXEL: "pixel", Door.EVENT: "event", Door.TOUCH: "touch"}
_STATEMENTS = {FORM_SUBMITTED: "form", DO_NOT_CONTACT: "touch"}  # else of a batch
_CHANGES = {  # by what became of identities; what comes first counts more
    "merged_known": MERGED,
    "merged_anonymous": MERGED,
    "moved_to_new": NEW,
    "moved_to_known": MOVED,
    "joined_without_cookie": MOVED,
    "identified": IDENTIFIED,
}


def stored(draft: Draft, fate: Fate) -> LiveHit:
    return _entry(
        draft,
        STORED,
        contact_id=fate.contact_id,
        is_identified=fate.is_known,
        change=_change(draft, fate),
    )


def bot(draft: Draft) -> LiveHit:
    return _entry(draft, DROPPED, BOT, bot=draft.agent.bot)


def gone(draft: Draft, why: ContactDeleted) -> LiveHit:
    """Of somebody who was deleted, or erased: then no page either."""
    return _entry(draft, DROPPED, why.value, is_private=why is ContactDeleted.ERASED)


def dead(hit: Hit, reason: str) -> LiveHit:
    """One that fails for ever: what it says is not known."""
    return LiveHit(time.time_ns() // 1_000_000, DROPPED, reason, _what(hit), kind=hit.type)


def _entry(
    draft: Draft,
    verdict: str,
    reason: str = "",
    *,
    contact_id: int = 0,
    is_identified: bool | None = None,
    change: str = "",
    bot: str = "",
    is_private: bool = False,
) -> LiveHit:
    said = draft.parameters
    page = read_page(said.get("page_url", ""), is_private=is_private)
    title = "" if is_private else said.get("page_title") or said.get("title") or ""
    return LiveHit(
        draft.hit.received_us // 1_000,
        verdict,
        reason,
        _what(draft.hit),
        page.address,
        page.host,
        contact_id=contact_id,
        is_identified=is_identified,
        change=change,
        kind=draft.type,
        title=title[:MAX_TITLE_LENGTH],
        bot=bot,
    )


def _what(hit: Hit) -> str:
    return _STATEMENTS.get(hit.type, "batch") if hit.door == Door.STATEMENT else _DOORS[Door(hit.door)]


def _change(draft: Draft, fate: Fate) -> str:
    """A visitor whose device was minted for this hit is new, unless it turned out to be somebody."""
    found = next((change for outcome, change in _CHANGES.items() if outcome in fate.outcomes), "")
    is_born = draft.hit.is_new_device or (not draft.hit.device_id and "identified" in fate.outcomes)
    return NEW if is_born and found in ("", IDENTIFIED) else found
