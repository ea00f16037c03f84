"""The history of a contact: filtered, unfolded, page by page, and renewed while it is open.

A page is cut by time, not by number: what comes in while it is open moves nothing. Times of the API are whole seconds,
so what shares the second of a cut is asked for again and left out by its key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.contact.calls import PATH, api_of, done, page_of
from services.contacts.ui.contact.event_lines import Line, key_of, lines_of
from services.contacts.ui.desk import Desk, Handler, is_htmx
from services.contacts.ui.form import Form
from services.contacts.ui.words import read_time

SIZE = 25
MOST_NEWS = 100
LOOK_BACK = timedelta(seconds=60)  # what came late is news, too
MAX_KEYS = 200
SCHEDULED = "campaign.event.scheduled"
Json = dict[str, Any]


class Filter(NamedTuple):
    search: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def query(self, **more: Any) -> list[tuple[str, str]]:
        """As the API takes it."""
        pairs = [("filters[search]", self.search)] if self.search else []
        pairs += [("filters[includeEvents][]", one) for one in self.include]
        pairs += [("filters[excludeEvents][]", one) for one in self.exclude]
        return pairs + [(name, str(value)) for name, value in more.items()]

    def pairs(self) -> list[tuple[str, str]]:
        """As an address of ours has it."""
        return [
            *([("search", self.search)] if self.search else []),
            *(("include", one) for one in self.include),
            *(("exclude", one) for one in self.exclude),
        ]


class Cut(NamedTuple):
    """Up to where a list goes, and what of that second, or minute, is in it."""

    time: str
    keys: tuple[str, ...]

    def pairs(self) -> list[tuple[str, str]]:
        return [("time", self.time), ("keys", ".".join(self.keys))]


def read_filter(request: Request) -> Filter:
    said = request.query_params
    return Filter(said.get("search", "").strip(), tuple(said.getlist("include")), tuple(said.getlist("exclude")))


def read_cut(request: Request) -> Cut:
    time = read_time(request.query_params.get("time"))
    keys = tuple(one for one in request.query_params.get("keys", "").split(".") if one)[:MAX_KEYS]
    return Cut(_sql(time) if time else _sql(datetime.now(UTC)), keys)


def older_than(events: Sequence[Json]) -> Cut:
    """Where the next page begins."""
    if not events:
        return Cut("", ())
    oldest = str(events[-1]["timestamp"])
    same = [key_of(one) for one in events if one["timestamp"] == oldest]
    return Cut(oldest, tuple(same[-MAX_KEYS:]))


def newest_of(events: Sequence[Json], before: Cut) -> Cut:
    """From where on there is news, after what was known before."""
    times = [time for one in events if (time := read_time(one["timestamp"]))]
    since = max([(max(times) - LOOK_BACK) if times else _read(before.time), _read(before.time)])
    known = [key_of(one) for one in events if (time := read_time(one["timestamp"])) and time >= since]
    return Cut(_sql(since), tuple(dict.fromkeys([*known, *before.keys]))[:MAX_KEYS])


def parted(events: Sequence[Json], now: datetime) -> tuple[list[Json], list[Json]]:
    """What is to come, the soonest first, and what was."""
    times = [(read_time(one["timestamp"]) or now, one) for one in events]
    return [one for time, one in reversed(times) if time > now], [one for time, one in times if time <= now]


class HistoryTab:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/history": {"GET": self.more},
            f"{PATH}/events/{{event}}/{{what}}": {"GET": self.ask, "POST": self.move},
            f"{PATH}/messages/{{message}}/cancel": {"POST": self.cancel_message},
        }

    async def load(self, request: Request) -> Json:
        """The first page: what is to come, and what was."""
        asked, now, path = read_filter(request), datetime.now(UTC), api_of(request, "/activity")
        found = await self._desk.api.get(path, asked.query(limit=SIZE))
        coming, events = parted(found["events"], now)
        total = found["total"]
        if len(coming) == SIZE:  # and perhaps more, which are sooner
            soon, found = await asyncio.gather(
                self.coming(request, now, MOST_NEWS), self._desk.api.get(path, asked.query(limit=SIZE, **_until(now)))
            )
            coming, events, total = soon, found["events"], found["total"] + len(soon)
        start = Cut(_sql(now - LOOK_BACK), ())
        return {
            "filter": asked, "types": found["types"], "coming": lines_of(coming, now), "lines": lines_of(events, now),
            "total": total,
            "more": self._address(request, asked, older_than(events)) if total > len(coming) + len(events) else "",
            "news": urlencode([*newest_of(events, start).pairs(), *asked.pairs()]),
        }  # fmt: skip

    async def coming(self, request: Request, now: datetime, most: int) -> list[Json]:
        """What campaigns are to do, the soonest first; of other types nothing lies in the future."""
        only = {"filters[includeEvents][]": SCHEDULED, "filters[dateFrom]": _sql(now), "order[0]": "timestamp",
                "order[1]": "ASC", "limit": most}  # fmt: skip
        found: list[Json] = (await self._desk.api.get(api_of(request, "/activity"), only))["events"]
        return found

    async def more(self, request: Request) -> Response:
        """The next page; a part alone."""
        if not is_htmx(request):
            return self._desk.go(request, page_of(request, "history"))
        asked, cut, now = read_filter(request), read_cut(request), datetime.now(UTC)
        query = asked.query(limit=SIZE + len(cut.keys), **{"filters[dateTo]": cut.time})
        past = await self._desk.api.get(api_of(request, "/activity"), query)
        events = [one for one in past["events"] if key_of(one) not in cut.keys]
        has_more = bool(events) and past["total"] > len(past["events"])
        return self._desk.page(
            request, "contact/more.html", block="more", lines=lines_of(events, now),
            more=self._address(request, asked, older_than(events)) if has_more else "",
            contact_id=request.path_params["id"],
        )  # fmt: skip

    async def news(self, request: Request) -> tuple[list[Line], str]:
        """What came since a page was made, and where the next look begins."""
        asked, cut, now = read_filter(request), read_cut(request), datetime.now(UTC)
        until = {"filters[dateFrom]": cut.time, **_until(now)}
        found = await self._desk.api.get(api_of(request, "/activity"), asked.query(limit=MOST_NEWS, **until))
        events = [one for one in found["events"] if key_of(one) not in cut.keys]
        newest = newest_of(found["events"], cut)
        return lines_of(events, now), urlencode([*newest.pairs(), *asked.pairs()])

    async def ask(self, request: Request) -> Response:
        """When an event of a campaign is to happen instead, or whether it is to be cancelled."""
        return self._asked(request)

    async def move(self, request: Request) -> Response:
        what, form = request.path_params["what"], await self._desk.form(request)
        event = _number(request.path_params["event"])
        body = {"date": form.text("date").replace("T", " ")} if what == "reschedule" else {}
        word = "reschedule" if what == "reschedule" else "cancel"
        answer = await self._desk.api.send("POST", api_of(request, f"/campaignevents/{event}/{word}"), body)
        if not answer["success"]:
            return self._asked(request, form, "Only what is in the future can be moved, to a later time.")
        self_page = page_of(request, "history")
        return self._desk.go(request, self_page, "It is moved." if what == "reschedule" else "It is cancelled.")

    async def cancel_message(self, request: Request) -> Response:
        message = _word(request.path_params["message"])
        answer = await self._desk.api.send("POST", api_of(request, f"/messages/{message}/cancel"))
        said = "The mail is cancelled." if answer["success"] else "It was sent already, or cancelled before."
        if is_htmx(request):
            return self._desk.go(request, page_of(request, "history"), said)
        return done(self._desk, request, said, "history")

    def _asked(self, request: Request, form: Form | None = None, problem: str = "") -> Response:
        return self._desk.page(
            request, "contact/move_event.html", 422 if problem else 200, block="dialog",
            contact_id=request.path_params["id"], event=_number(request.path_params["event"]),
            what=request.path_params["what"], date=form.text("date") if form else request.query_params.get("date", ""),
            problem=problem,
        )  # fmt: skip

    def _address(self, request: Request, asked: Filter, cut: Cut) -> str:
        return f"{page_of(request)}/history?{urlencode([*cut.pairs(), *asked.pairs()])}"


def _number(said: str) -> int:
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 11 else 0


def _word(said: str) -> str:
    return said if said.isascii() and said.replace("-", "").isalnum() else "-"


def _until(now: datetime) -> Json:
    return {"filters[dateTo]": _sql(now)}


def _sql(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _read(text: str) -> datetime:
    return read_time(text) or datetime.now(UTC)
