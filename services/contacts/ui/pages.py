"""Read-only pages, rendered on the server without a script: the latest contacts, and the history of one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import ApiError, query_of, text_of
from services.common.event_types import PAGE_HIT, TYPES, UTM
from services.common.queries.search import SearchError
from services.common.queries.segments import load_memberships
from services.common.user_cookie import UserCookies
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact import Contact
from services.contacts.people.contact_list import read_list_query
from services.contacts.people.contact_reader import ContactReader
from services.contacts.stores import Stores
from services.contacts.timeline.timeline import Entry, load_timeline, log_label, told
from services.contacts.timeline.timeline_query import read_timeline_query

FOLDER = Path(__file__).parent / "pages"
LATEST = 50
HISTORY = 200
DETAILS = 8  # of an event
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    def __init__(self, stores: Stores, secrets: tuple[str, ...], metrics: ContactsMetrics) -> None:
        self._stores, self._metrics = stores, metrics
        self._users = UserCookies(secrets)
        self._reader = ContactReader(stores)
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters["when"] = when
        self._css = (FOLDER / "page.css").read_text(encoding="utf-8")

    def routes(self) -> list[Route]:
        return [
            Route("/", self.latest, methods=["GET"]),
            Route("/history/{id}", self.history, methods=["GET"]),
            Route("/page.css", self.css, methods=["GET"]),
        ]

    async def css(self, _: Request) -> Response:
        return Response(self._css, media_type="text/css", headers={"Cache-Control": "private, max-age=300"})

    async def latest(self, request: Request) -> Response:
        """The contacts that were active last, or those that are searched for."""
        search = query_of(request).get("search", "")
        asked = {"search": search, "orderBy": "last_active", "orderByDir": "DESC", "limit": str(LATEST)}
        try:
            segments = await load_memberships(self._stores.clickhouse, text_of(asked, "search"))
            page = await self._reader.page(read_list_query(asked, segments=segments))
        except (SearchError, ApiError) as error:
            if isinstance(error, ApiError) and error.status != 400:
                raise
            return self._render("latest.html", 400, people=[], total=0, search=search, problem=str(error), most=LATEST)
        people = [card(contact) for contact in page.contacts]
        return self._render("latest.html", people=people, total=page.total, search=search, problem="", most=LATEST)

    async def history(self, request: Request) -> Response:
        asked_id = contact_id_of(request)
        contact = await self._reader.one(asked_id)
        if contact is None:
            return self._render("nobody.html", 404, contact_id=asked_id)
        query = read_timeline_query({"excludeEvents": [UTM], "limit": str(HISTORY)})
        timeline = await load_timeline(self._stores.clickhouse, contact, query)
        return self._render(
            "history.html",
            person=card(contact),
            hits=[hit_line(entry) for entry in timeline.entries],
            total=timeline.total,
            merged_id=asked_id if asked_id != contact.id else 0,
            merged_ids=contact.ids[1:],
        )

    def _render(self, name: str, status: int = 200, **values: Any) -> Response:
        self._metrics.reads.add(value="page")
        html = self._templates.get_template(name).render(**values)
        # Whoever looks at these pages is no visitor: ingest passes over those who show this cookie.
        headers = {**HEADERS, "Set-Cookie": self._users.header()}
        return Response(html, status, headers, media_type="text/html")


def card(contact: Contact) -> dict[str, Any]:
    """What both pages show of a contact."""
    fields = contact.view.fields if contact.view else {}
    addresses = contact.footprint.addresses
    name = " ".join(str(fields[one]) for one in ("firstname", "lastname") if fields.get(one))
    email = str(fields.get("email") or "")
    last = addresses[0] if addresses else None
    return {
        "id": contact.id,
        "name": name or email or (f"Visitor {last.ip}" if last and last.ip else f"Visitor {contact.id}"),
        "email": email,
        "company": str(fields.get("company") or ""),
        "is_anonymous": contact.view is None or not contact.view.identified_us,
        "first_seen": contact.footprint.first_seen_ms or (contact.view.added_us // 1_000 if contact.view else 0),
        "last_active": contact.footprint.last_active_ms,
        "place": ", ".join(part for part in (last.city, last.country) if part) if last else "",
        "tags": contact.view.tags if contact.view else [],
    }


def hit_line(entry: Entry) -> dict[str, Any]:
    row = entry.row
    if "url" not in row:  # told by the contact itself, or by what campaigns do with it
        log = row.get("log")
        title = log_label(log) if log else row.get("label", "")
        return {"time": entry.time_ms, "kind": TYPES[entry.kind], "title": title, "url": "",
                "is_link": False, "utm": [], "details": list(flat(log))[:DETAILS], "place": "", "device": "",
                "referrer": "", "seconds": None}  # fmt: skip
    url = row["url"]
    return {
        "time": entry.time_ms,
        "kind": "" if entry.kind == PAGE_HIT else TYPES[entry.kind],
        "title": row["title"] or (TYPES[PAGE_HIT] if entry.kind == PAGE_HIT and not url else ""),
        "url": url,
        "details": [] if entry.kind == PAGE_HIT else list(flat(told(row)))[:DETAILS],
        "is_link": url.startswith(("http://", "https://")),
        "place": ", ".join(part for part in (row["city"], row["country"]) if part),
        "device": " · ".join(part for part in (row["browser"], row["os"], row["device_type"]) if part),
        "referrer": row["referrer"],
        "seconds": row["seconds"],
        "utm": [
            (name, row[f"utm_{name}"])
            for name in ("campaign", "source", "medium", "content", "term")
            if row[f"utm_{name}"]
        ],
    }


def flat(details: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts and numbers within, each with the last name on the way to it."""
    if isinstance(details, dict):
        for key, value in details.items():
            yield from flat(value, str(key))
    elif isinstance(details, str | int | float) and details != "":
        yield name, str(details)[:120]


def when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S") if time_ms else "—"
