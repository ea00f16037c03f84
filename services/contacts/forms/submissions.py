"""The submissions of a form as a request asks for them: SQL over their events, and how one is shown. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from services.common.documents import Form
from services.common.envelope import NOT_FOUND, ApiError, text_of
from services.common.event_types import FORM_SUBMITTED
from services.common.php_query import Node
from services.common.queries.comparisons import Column, Columns, compile_where, order_keys
from services.common.queries.contact_query import ALIASES
from services.common.queries.search_sql import like_pattern
from services.common.queries.where import read_where
from services.contacts.list_parameters import read_orders, read_page
from services.contacts.objects import Json, iso

_FORM_ID = "replaceAll(JSONExtractRaw(query, 'form', 'id'), '\"', '')"
_RESULT = "JSONExtractString(query, 'submission', 'results', '{alias}')"
_ROWS = f"""
SELECT toString(event_id) AS id, toUnixTimestamp64Milli(time) AS time_ms, contact_id, ip, device_id, referrer, query
FROM events WHERE type = '{FORM_SUBMITTED}' AND {_FORM_ID} = {{form:String}}"""
_ONCE = " LIMIT 1 BY time, event_id"
_SHOWN = f"""
SELECT e.id, e.time_ms, if(a.winner = 0, e.contact_id, a.winner), e.ip, e.device_id, e.referrer, e.query
FROM ({{rows}}) AS e LEFT ANY JOIN {ALIASES} AS a ON a.loser = e.contact_id"""


class SubmissionList(NamedTuple):
    """SQL for a page, a row a submission (see `Row`), and for the number of all; both with these parameters."""

    page: str
    total: str
    parameters: dict[str, Any]


class Row(NamedTuple):
    id: str
    time_ms: int
    contact_id: int
    ip: str
    device_id: str
    referrer: str
    query: str


def read_submission_list(
    form_id: str, form: Form, query: Mapping[str, Node], contact_ids: Sequence[int] = ()
) -> SubmissionList:
    """From what every list takes; with `contact_ids` only theirs. Results are columns under the aliases of the form's
    fields. The newest first unless said otherwise. Raises `ApiError` 400, `QueryError`."""
    asked, columns = read_page(query), _columns(form)
    newest = {"orderBy": "dateSubmitted", "orderByDir": "DESC"}
    orders = read_orders({**newest, **{name: value for name, value in query.items() if value}}, columns)
    told = compile_where(read_where(query.get("where")), columns)
    parameters = {**told.parameters, "form": form_id, "start": asked.start, "limit": asked.limit}
    rows = _ROWS
    if contact_ids:
        rows += " AND contact_id IN {contact_ids:Array(UInt64)}"
        parameters["contact_ids"] = list(contact_ids)
    if search := text_of(query, "search"):
        rows += " AND JSONExtractRaw(query, 'submission', 'results') ILIKE {search:String}"
        parameters["search"] = like_pattern(search, contains=True)
    filtered = f"SELECT * FROM ({rows}{_ONCE}) WHERE {told.condition.known}"
    order = ", ".join(f"{order_keys(columns[one.column])[0]} {one.word()}" for one in orders)
    page = f"{filtered} ORDER BY {order} LIMIT {{limit:UInt64}} OFFSET {{start:UInt64}}"
    shown_order = order.replace("query", "e.query")
    return SubmissionList(
        f"{_SHOWN.replace('{rows}', page)} ORDER BY {shown_order}", f"SELECT count() FROM ({filtered})", parameters
    )


def one_submission(form_id: str, submission_id: str) -> SubmissionList:
    """Raises `ApiError` 404 for what can be no id."""
    try:
        event_id = str(uuid.UUID(submission_id))
    except ValueError:
        raise ApiError(404, NOT_FOUND) from None
    rows = f"{_ROWS} AND event_id = {{event:UUID}}{_ONCE}"
    return SubmissionList(_SHOWN.replace("{rows}", rows), "", {"form": form_id, "event": event_id})


def show_submission(row: Row, form: Json) -> Json:
    details = msgspec.json.decode(row.query)
    told = details.get("submission") or {}
    return {
        "id": row.id,
        "ipAddress": {"ip": row.ip},
        "form": form,
        "lead": {"id": row.contact_id},
        "trackingId": row.device_id or None,
        "dateSubmitted": iso(row.time_ms * 1_000),
        "referer": told.get("referer") or row.referrer,
        "page": details.get("page"),
        "results": told.get("results") or {},
    }


def _columns(form: Form) -> Columns:
    results = {
        field.alias: Column("text", _RESULT.format(alias=field.alias))
        for field in form.fields
        if re.fullmatch(r"[a-z0-9_]{1,60}", field.alias, re.ASCII)
    }
    own = {
        "id": Column("text", "id"),
        "date_submitted": Column("time", "time_ms"),
        "ip_address": Column("text", "ip"),
        "tracking_id": Column("text", "device_id"),
    }
    return Columns({**results, **own})
