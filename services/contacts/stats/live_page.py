"""One look at the live feed: which of its entries a request asks for, and where the next one goes on. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from services.common.envelope import ApiError, text_of, whole_number
from services.common.live_feed import LiveEntry
from services.common.live_hit import VERDICTS, LiveHit
from services.common.php_query import Node
from services.contacts.objects import Json

DEFAULT_LIMIT, MAX_LIMIT = 100, 1_000
FIRST_HITS = 50
BEGIN = "0-0"  # where whoever found nothing goes on
_ENTRY_ID = re.compile(r"[0-9]{1,18}(-[0-9]{1,18})?", re.ASCII)
_NOT_VALID = "This value is not valid."


class LiveQuery(NamedTuple):
    """What a request asks of the feed; '' stands for all."""

    after: str
    limit: int
    host: str
    verdict: str
    reason: str

    def wants(self, hit: LiveHit) -> bool:
        if (self.verdict and hit.verdict != self.verdict) or (self.reason and hit.reason != self.reason):
            return False
        return not self.host or hit.host == self.host or hit.host.endswith(f".{self.host}")


def read_live_query(query: Mapping[str, Node]) -> LiveQuery:
    """Raises `ApiError` 400."""
    after, verdict = text_of(query, "after").strip(), text_of(query, "verdict").strip()
    if after and not _ENTRY_ID.fullmatch(after):
        raise ApiError(400, "after must be what an earlier answer said.", {"after": [_NOT_VALID]})
    if verdict and verdict not in VERDICTS:
        raise ApiError(400, f"verdict must be one of {', '.join(VERDICTS)}.", {"verdict": [_NOT_VALID]})
    limit = min(whole_number(query, "limit", DEFAULT_LIMIT, most=1_000_000) or MAX_LIMIT, MAX_LIMIT)
    host, reason = text_of(query, "host").strip().lower(), text_of(query, "reason").strip()
    return LiveQuery(after, limit, host, verdict, reason)


def live_page(asked: LiveQuery, entries: Sequence[LiveEntry]) -> Json:
    """Of the entries after `after`, the oldest first; of all where there is none, the newest ones."""
    last = entries[-1].id if entries else asked.after or BEGIN
    if not asked.after:
        found = [shown(one.id, one.hit) for one in entries if one.hit and asked.wants(one.hit)]
        return {"hits": found[-min(asked.limit, FIRST_HITS) :], "after": last, "skipped": 0}
    hits: list[Json] = []
    skipped = 0
    for entry in entries:
        skipped += entry.skipped
        if entry.hit and asked.wants(entry.hit):
            hits.append(shown(entry.id, entry.hit))
            if len(hits) == asked.limit:
                last = entry.id
                break
    return {"hits": hits, "after": last, "skipped": skipped}


def shown(entry_id: str, hit: LiveHit) -> Json:
    return {
        "id": entry_id,
        "time": datetime.fromtimestamp(hit.time_ms / 1_000, UTC).isoformat(timespec="milliseconds"),
        "verdict": hit.verdict,
        "reason": hit.reason,
        "what": hit.what,
        "page": hit.page,
        "host": hit.host,
        "origin": hit.origin,
        "hasCookie": hit.has_cookie,
        "contact": hit.contact_id or None,
        "isIdentified": hit.is_identified,
        "change": hit.change,
        "type": hit.kind,
        "title": hit.title,
        "bot": hit.bot,
    }
