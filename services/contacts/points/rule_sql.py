"""Whom a rule may have points for, and for which events: as statements. Pure; values travel as parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

from services.common.documents import Point
from services.common.event_types import ASSET_DOWNLOAD, EMAIL_READ, FORM_SUBMITTED, PAGE_HIT
from services.common.queries.contact_query import ALIASES
from services.common.queries.search_sql import exact_pattern
from services.contacts.points import point_resource

OVERLAP_US = 10_000_000  # a profile may be projected so much later than it was written
MAX_EVENTS = 100  # of one contact at once, the newest: more within seconds are no person's

_EVENTS = {
    point_resource.URL_HIT: (PAGE_HIT, "url ILIKE {url:String}"),
    point_resource.FORM_SUBMIT: (FORM_SUBMITTED, "form.id"),
    point_resource.ASSET_DOWNLOAD: (ASSET_DOWNLOAD, "asset.id"),
    point_resource.EMAIL_OPEN: (EMAIL_READ, "stat.emailId"),
}
# Known contacts that did it, or that changed lately: a visitor who becomes known, and a merge, bring along what was
# done before.
_CANDIDATES = f"""
SELECT id FROM contacts FINAL
WHERE id > {{after:UInt64}} AND id IN (
    SELECT if(a.winner = 0, e.contact_id, a.winner)
    FROM (SELECT DISTINCT contact_id FROM events WHERE {{matches}} AND {{stored}}) AS e
    LEFT ANY JOIN {ALIASES} AS a ON a.loser = e.contact_id
    UNION DISTINCT
    SELECT id FROM contacts WHERE version > {{changed:UInt64}}
)
ORDER BY id LIMIT {{limit:UInt64}}
"""
_HAPPENED = f"""
SELECT contact_id, cityHash64(event_id, time) AS key, toUnixTimestamp64Milli(min(stored_at)) AS stored_ms
FROM events WHERE contact_id IN {{ids:Array(UInt64)}} AND {{matches}} AND {{stored}}
GROUP BY contact_id, key ORDER BY stored_ms DESC, key LIMIT {MAX_EVENTS} BY contact_id
"""
_STORED = (
    "stored_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
    " AND stored_at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
)


class RuleSql(NamedTuple):
    """`candidates` take since, until, changed, after and limit; `happened` takes since, until and ids."""

    candidates: str
    happened: str
    parameters: dict[str, Any]


def rule_sql(rule: Point) -> RuleSql:
    event_type, condition = _EVENTS[rule.type]
    parameters: dict[str, Any] = {"type": event_type}
    if rule.type == point_resource.URL_HIT:
        parameters["url"] = exact_pattern(rule.url).replace("*", "%")
    elif rule.ids:
        thing, name = condition.split(".")
        told = f"replaceAll(JSONExtractRaw(query, '{thing}', '{name}'), '\"', '')"
        condition, parameters["things"] = f"{told} IN {{things:Array(String)}}", rule.ids
    else:
        condition = "1"
    matches = f"type = {{type:String}} AND {condition}"

    def filled(sql: str) -> str:
        return sql.replace("{matches}", matches).replace("{stored}", _STORED)

    return RuleSql(filled(_CANDIDATES), filled(_HAPPENED), parameters)
