"""Why hits are dropped or refused, in words: what it means, and what to do where it is not meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "bot": "A bot, by its User-Agent.",
    "contact_deleted": "Of a contact that was deleted since.",
    "contact_erased": "Of a person who was erased.",
    "gpc": "The browser asks not to be tracked (Global Privacy Control).",
    "dnt": "The browser asks not to be tracked (Do Not Track).",
    "consent_withdrawn": "The visitor has withdrawn consent.",
    "logged_in_user": "You, or another user of these pages: their visits are nobody's. Look with a private window.",
    "bad_clickthrough": "A link whose signature is wrong.",
    "prefetch": "The browser fetched the page in advance.",
    "head": "A HEAD request, which no visitor makes.",
    "blocked_address": "The address is blocked (SPOOR_BLOCKED_ADDRESSES).",
    "private_address": "The address is a private one: a proxy is missing from SPOOR_TRUSTED_PROXIES, or the visit is "
    "from your own network (SPOOR_TRACK_PRIVATE_IP_RANGES).",
    "bad_address": "The address could not be read.",
    "form_unavailable": "The form of a submission is not there, or not published.",
    "form_invalid": "A submission of a form lacked something, or was not valid.",
    "origin_refused": "The site is not in SPOOR_CORS_ORIGINS: the script there may not read our answers.",
}


def in_words(reason: str) -> str:
    return WORDS.get(reason, reason.replace("_", " ").capitalize() + ".")
