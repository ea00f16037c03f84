"""What a call that records UTM tags says beside them, in the one column that an event has left for it. Pure.

The address that a call names is none that the contact was seen at: in the column of addresses it would become one.
"""

from __future__ import annotations

import msgspec


class UtmQuery(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    query: str = ""
    remote_host: str = ""


def write_utm_query(query: str, remote_host: str) -> str:
    """A query alone stays the text that it is, unless it could be read as more."""
    if remote_host or query.startswith("{"):
        return msgspec.json.encode(UtmQuery(query, remote_host)).decode()
    return query


def read_utm_query(text: str) -> UtmQuery:
    if not text.startswith("{"):
        return UtmQuery(text)
    try:
        return msgspec.json.decode(text, type=UtmQuery)
    except msgspec.DecodeError:
        return UtmQuery(text)  # of a hit, or of a call before there was more than a query
