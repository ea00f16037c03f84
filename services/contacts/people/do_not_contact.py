"""Who does not want to be contacted, by channel: read from a request, and applied to a profile. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.field_values import NOT_VALID, scalar_as_text
from services.common.folding import fold
from services.common.profile import DoNotContact, Profile
from services.common.values import clean

CONTACTABLE, UNSUBSCRIBED, BOUNCED, MANUAL = range(4)
REASONS = {UNSUBSCRIBED: "unsubscribed", BOUNCED: "bounced", MANUAL: "manual"}
WRONG_REASON = "Reason code needs to be an integer and higher than 0."
MAX_CHANNELS = 50
MAX_COMMENTS_LENGTH = 4_096
MAX_CHANNEL_ID = 2**31 - 1
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,49}", re.ASCII)


class Refusal(NamedTuple):
    """What is said of one channel; `CONTACTABLE` takes back what was said before."""

    reason: int = MANUAL
    comments: str = ""
    channel_id: int = 0
    is_careful: bool = False  # what the contact itself said is not taken back


def read_refusal(said: Mapping[str, Any]) -> Refusal:
    """`reason`, `comments`, `channelId`. Raises `ValueError` with what is wrong."""
    reason = _whole(said.get("reason", MANUAL), WRONG_REASON)
    if reason > MANUAL:
        raise ValueError(f"Reason code is one of 1 (unsubscribed), 2 (bounced), {MANUAL} (manual).")
    comments = clean(scalar_as_text(said.get("comments")))
    if len(comments) > MAX_COMMENTS_LENGTH:
        raise ValueError(f"comments: at most {MAX_COMMENTS_LENGTH} characters.")
    channel_id = said.get("channelId")
    return Refusal(
        reason, comments, 0 if channel_id in (None, "") else _whole(channel_id, "channelId: a whole number.")
    )


def read_refusals(body: Mapping[str, Any]) -> dict[str, Refusal]:
    """`doNotContact`: a list of objects with a channel. Raises `ValueError` with what is wrong."""
    said = body.get("doNotContact")
    found = [] if said in (None, "") else list(said.values()) if isinstance(said, dict) else said
    if not isinstance(found, list) or len(found) > MAX_CHANNELS or not all(isinstance(one, dict) for one in found):
        raise ValueError(NOT_VALID)
    return {read_channel(str(one.get("channel") or "email")): read_refusal(one) for one in found}


def read_channel(text: str) -> str:
    """Raises `ValueError`."""
    if not _CHANNEL.fullmatch(text):
        raise ValueError("A channel is a word such as email or sms.")
    return text.lower()


def new_refusals(profile: Profile, said: Mapping[str, Refusal], now_us: int) -> dict[str, DoNotContact]:
    """Those that change what holds for the contact. Who unsubscribed stays so whatever a bounce or a user says."""
    if not said:
        return {}
    standing = fold(profile).dnc if profile.own else {}
    news = {}
    for channel, refusal in said.items():
        old = standing.get(channel)
        if refusal.reason == CONTACTABLE:
            is_new = old is not None and not (refusal.is_careful and old.reason == UNSUBSCRIBED)
        else:
            is_new = old is None or (old.reason != refusal.reason and old.reason != UNSUBSCRIBED)
        if is_new:
            times = [part.dnc[channel].time_us for part in profile.parts() if channel in part.dnc]
            news[channel] = DoNotContact(
                refusal.reason, refusal.comments, refusal.channel_id, max([now_us, *(time + 1 for time in times)])
            )
    return news


def _whole(said: Any, wrong: str) -> int:
    text = str(said).strip()
    if isinstance(said, bool) or not (text.isascii() and text.isdecimal() and len(text) < 11):
        raise ValueError(wrong)
    if int(text) > MAX_CHANNEL_ID:
        raise ValueError(wrong)
    return int(text)
