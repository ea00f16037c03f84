"""The settings in words, in groups: what each is for, what it is now, and which variable says so. Pure.

Of what is secret only that it is set, or where it leads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from services.common.settings import PREFIX, Settings

_DOCS = {field.name: field.metadata["doc"] for field in dataclasses.fields(Settings)}
_SECRET = {field.name for field in dataclasses.fields(Settings) if field.metadata["is_secret"]}
_OPERATORS = {
    "and": "and: whoever holds one of several unique values must not contradict another",
    "or": "or: whoever holds any of them is the contact",
}


class Line(NamedTuple):
    label: str
    value: str
    variable: str
    doc: str


class Group(NamedTuple):
    title: str
    lines: tuple[Line, ...]


_GROUPS: Mapping[str, Mapping[str, str]] = {
    "Tracking": {
        "public_url": "Where browsers reach ingest",
        "cors_origins": "Sites whose scripts may read answers (CORS)",
        "do_not_track_ips": "Blocked addresses",
        "track_private_ip_ranges": "Visitors with private addresses are tracked",
        "track_users": "Visits of logged-in users are tracked",
        "respect_dnt": "Hits with Do Not Track are dropped",
        "respect_gpc": "Hits with Global Privacy Control are dropped",
        "anonymize_ip": "Addresses are stored without their last part",
        "trusted_proxies": "Proxies that are believed",
        "bots": "Further words of bots",
        "not_bots": "Words of what is no bot",
    },
    "Who is who": {
        "unique_operator": "Merge operator",
        "unique_fields": "Unique fields from the start",
        "publicly_updatable": "Publicly updatable from the start",
        "require_signed_identify": "Hits identify by a signed address only",
        "identify_secret": "Secret shared with sites that sign addresses",
        "companies_from_hits": "Hits make companies",
    },
    "The script": {
        "google_analytics_id": "Google Analytics",
        "google_analytics_anonymize_ip": "Google Analytics cuts addresses",
        "facebook_pixel_id": "Facebook pixel",
        "script_spa": "Counts navigation within single-page apps",
        "script_cookieless": "Keeps nothing in the browser",
        "script_consent_required": "Waits for consent",
        "path_aliases": "Other names of its paths",
    },
    "Mails": {
        "mail_from": "Who mails are from",
        "smtp_url": "Server that takes mails",
        "attachment_sources": "Where attached files may come from",
    },
    "Keeping": {
        "retention_days": "Days that events are kept",
        "anonymous_retention_days": "Days that unseen anonymous visitors are kept",
        "export_days": "Days that files of exports are kept",
        "gravatar": "Pictures of Gravatar are shown",
    },
    "Webhooks": {
        "webhook_origin": "Our address, as receivers are told it",
        "webhook_private_addresses": "May lead to private addresses",
        "webhook_disable_limit": "Failures in a row that switch one off",
    },
}


def groups(settings: Settings) -> list[Group]:
    return [
        Group(title, tuple(_line(settings, name, label) for name, label in lines.items()))
        for title, lines in _GROUPS.items()
    ]


def _line(settings: Settings, name: str, label: str) -> Line:
    said = getattr(settings, name)
    return Line(label, _WORDS.get(name, _in_words)(said) if said else _nothing(said), variable(name), _DOCS[name])


def variable(name: str) -> str:
    return PREFIX + name.upper()


def _nothing(said: Any) -> str:
    if said is False:
        return "no"
    return "none" if said == () else "not set" if said == "" else str(said)


def _in_words(said: Any) -> str:
    if said is True:
        return "yes"
    return ", ".join(map(str, said)) if isinstance(said, tuple) else str(said)


def _server(url: str) -> str:
    """Where mails go, without who we are there."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    login = ", with a login that is not shown" if parts.username else ""
    return f"{parts.scheme}://{host}{port}{login}"


def _days(said: float) -> str:
    return f"{said:,.10g}"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    **dict.fromkeys(_SECRET, lambda _: "set, and not shown"),
    **dict.fromkeys(("retention_days", "export_days"), _days),
    "smtp_url": _server,
    "unique_operator": lambda said: _OPERATORS[said.lower()],
}
