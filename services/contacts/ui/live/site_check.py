"""What is right and what is wrong with the tracking of a site, told from the hits that came from it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from services.contacts.ui.live.reasons import in_words

Hit = Mapping[str, Any]
NEW_VISITORS = 3  # in a row, of which a browser that keeps anything would have been one


class State(StrEnum):
    DONE = "done"
    WAITS = "waits"
    WRONG = "wrong"
    NOTICE = "notice"


class Step(NamedTuple):
    state: State
    title: str
    text: str = ""
    contact: int = 0


def host_of(site: str) -> str:
    """Of an address or a bare host name; '' for what is neither."""
    text = site.strip().lower()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return "" if re.search(r"[\s/@<>\"']", host) else host


def check(hits: Sequence[Hit]) -> list[Step]:
    """Of the hits of one site since somebody began to wait, the oldest first."""
    return [_script(hits), _origin(hits), _first_hit(hits), _device(hits), *_drops(hits)]


def _script(hits: Sequence[Hit]) -> Step:
    if any(hit["what"] == "script" for hit in hits):
        return Step(State.DONE, "The script was fetched")
    if _arrived(hits):
        return Step(State.NOTICE, "The script was not fetched since you wait", "Hits come all the same: by a pixel, or "
                    "by a script that the browser has kept.")  # fmt: skip
    return Step(State.WAITS, "Nobody has fetched the script yet", "Open a page of the site in a private window. If "
                "nothing comes: is the snippet in the page, does an ad blocker or the site's Content-Security-Policy "
                "stop the script? (SPOOR_PATH_ALIASES gives it another name.)")  # fmt: skip


def _origin(hits: Sequence[Hit]) -> Step:
    refused = next((hit for hit in hits if hit["reason"] == "origin_refused"), None)
    if refused:
        return Step(State.WRONG, f"{refused['origin'] or refused['host']} may not read our answers",
                    "Add it to SPOOR_CORS_ORIGINS of ingest and start it again. Until then the script falls back to "
                    "the pixel.")  # fmt: skip
    ways = {hit["what"] for hit in hits if hit["verdict"] == "stored"}
    if "event" in ways:
        return Step(State.DONE, "The site may read our answers (CORS)")
    if "pixel" in ways:
        return Step(State.NOTICE, "Hits come by the pixel alone", "It needs no leave to read our answers (CORS).")
    return Step(State.WAITS, "Whether the site may read our answers (CORS) shows with its first event")


def _first_hit(hits: Sequence[Hit]) -> Step:
    stored = [hit for hit in hits if hit["verdict"] == "stored"]
    if stored:
        first = stored[0]
        return Step(State.DONE, "A hit has arrived and is stored", first["page"], first["contact"] or 0)
    if _dropped(hits):
        return Step(State.WRONG, "Hits arrive, and all of them are dropped", "Why stands below.")
    if any(hit["what"] == "script" for hit in hits):
        return Step(State.WAITS, "The script was fetched, and no hit has come",
                    "Is mt('send', 'pageview') in the page, or does it wait for consent?")  # fmt: skip
    return Step(State.WAITS, "Waiting for the first hit")


def _device(hits: Sequence[Hit]) -> Step:
    """Page views tell: a browser that keeps nothing is a new visitor with each of them."""
    views = [hit for hit in hits if hit["verdict"] == "stored" and hit["type"] == "page.hit"]
    if any(view["change"] != "new" for view in views):
        return Step(State.DONE, "The browser is known again on its next page")
    if len(views) >= NEW_VISITORS:
        return Step(State.WRONG, "The browser is not known again",
                    f"Each of {len(views)} page views is a visitor of its own: the browser keeps neither our cookie "
                    "nor what the script keeps. Serve tracking under the site's own domain, over https.")  # fmt: skip
    return Step(State.WAITS, "Whether the browser is known again shows with its second page")


def _drops(hits: Sequence[Hit]) -> list[Step]:
    reasons = dict.fromkeys(hit["reason"] for hit in _dropped(hits))
    return [Step(State.WRONG, f"Dropped: {reason}", in_words(reason)) for reason in reasons]


def _arrived(hits: Sequence[Hit]) -> list[Hit]:
    return [hit for hit in hits if hit["verdict"] in ("stored", "dropped") and hit["reason"] != "origin_refused"]


def _dropped(hits: Sequence[Hit]) -> list[Hit]:
    return [hit for hit in _arrived(hits) if hit["verdict"] == "dropped"]
