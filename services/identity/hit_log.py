"""What the log tells of hits, each by its `event_id`: whoever looks for one hit finds its way by that.

Never an address, a payload or the words of an error, which may quote the hit: these are in hits:dead, beside it.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from pathlib import Path

import structlog

from services.common.hit import LOGGED_IDS, Hit, event_ids
from services.identity.pipeline import Draft

log = structlog.get_logger()


def put_aside(hit: Hit, reason: str, error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    log.warning("hit_put_aside", event_id=event_ids([hit])[0], reason=reason, error=type(error).__name__, where=where)


def refused(table: str, drafts: Sequence[Draft]) -> None:
    log.warning("insert_refused", table=table, rows=len(drafts), event_ids=_ids(drafts, LOGGED_IDS))


def waits_apart(reason: str, drafts: Sequence[Draft]) -> None:
    log.info("hits_wait_apart", reason=reason, hits=len(drafts), event_ids=_ids(drafts, LOGGED_IDS))


def stored(table: str, drafts: Sequence[Draft]) -> None:
    if log.is_enabled_for(logging.DEBUG):
        contact_ids = [draft.contact_id for draft in drafts]
        log.debug("hits_stored", table=table, event_ids=_ids(drafts), contact_ids=contact_ids)


def _ids(drafts: Sequence[Draft], most: int | None = None) -> list[str]:
    return event_ids((draft.hit for draft in drafts), most)
