"""The live feed and the overview as they are described. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from services.common.operation import Operation, Parameter
from services.contacts.shapes import Shown, Time
from services.contacts.stats.live_page import DEFAULT_LIMIT
from services.contacts.stats.overview import DEFAULT_MINUTES, MAX_MINUTES

Verdict = Literal["stored", "dropped", "served"]
Reasons = Annotated[dict[str, int], Meta(description="How many, by reason", examples=[{"bot": 3}])]


class LiveHit(Shown):
    """A hit as it was stored, a request that was dropped, or one of the script."""

    id: Annotated[str, Meta(examples=["1769860800000-0"])]
    time: Annotated[str, Meta(description="ISO 8601 in UTC", examples=["2026-01-31T12:00:00.250+00:00"])]
    verdict: Annotated[Verdict, Meta(description="served: the script was fetched", examples=["dropped"])]
    reason: Annotated[str, Meta(description="Of a drop, as the metrics say it", examples=["gpc"])]
    what: Annotated[
        str,
        Meta(
            description="pixel, event, touch (a link, a mail, a download, a video), form, batch, script, identity or"
            " consent",
            examples=["event"],
        ),
    ]
    page: Annotated[
        str,
        Meta(
            description="Without its query; of who asks not to be tracked the host alone",
            examples=["https://shop.example/prices"],
        ),
    ]
    host: Annotated[str, Meta(description="Of the page, else of the origin", examples=["shop.example"])]
    origin: Annotated[str, Meta(examples=["https://shop.example"])]
    has_cookie: Annotated[bool | None, Meta(description="Whether a device cookie came along; null: not known")]
    contact: Annotated[int | None, Meta(description="Whose it is, of a hit that was stored", examples=[4711])]
    is_identified: Annotated[bool | None, Meta(description="Whether that contact is known; null: nobody's hit")]
    change: Annotated[
        Literal["", "new", "identified", "merged", "moved"],
        Meta(
            description="What the hit changed: a new visitor, a contact that is known now, two that are one now, a"
            " device that is somebody else's now"
        ),
    ]
    type: Annotated[str, Meta(description="Of the event", examples=["page.hit"])]
    title: Annotated[str, Meta(examples=["Prices"])]
    bot: Annotated[str, Meta(description="Which bot it is", examples=["Googlebot"])]


class Minute(Shown):
    """What became of the hits of a minute."""

    minute: Time
    accepted: int
    stored: int
    dropped: int


class HitQueue(Shown):
    """What was accepted and is not stored yet."""

    entries: Annotated[int, Meta(description="Of streams; each has up to 1,000 hits")]
    seconds: Annotated[float, Meta(description="For so long the oldest has waited")]


LIVE = Operation(
    "Hits as they arrive: stored, or dropped and why",
    {
        "hits": Annotated[list[LiveHit], Meta(description="The oldest first")],
        "after": Annotated[str, Meta(description="For the next call", examples=["1769860800000-0"])],
        "skipped": Annotated[int, Meta(description="Hits since `after` that were too many to be told of")],
    },
    (
        Parameter("after", "What the last answer said; without it the newest 50", example="1769860800000-0"),
        Parameter("limit", "At most so many", Annotated[int, Meta(ge=0, le=1_000_000)], DEFAULT_LIMIT),
        Parameter("host", "Only of pages of this host, or of one below it", example="shop.example"),
        Parameter("verdict", "Only these", Verdict, "dropped"),
        Parameter("reason", "Only drops for this reason", example="origin_refused"),
    ),
    text="The feed runs while somebody asks for it, and begins a second or two after the first call.",
)
OVERVIEW = Operation(
    "How many contacts there are, and what became of the hits of the last minutes",
    {
        "visitors": Annotated[int, Meta(description="Anonymous ones")],
        "contacts": Annotated[int, Meta(description="Known ones")],
        "identifiedShare": Annotated[float, Meta(description="Of contacts among both", ge=0, le=1, examples=[0.25])],
        "activeNow": Annotated[int, Meta(description="Contacts and visitors active within the last 5 minutes")],
        "hits": Annotated[list[Minute], Meta(description="The oldest minute first; the last one still runs")],
        "drops": Reasons,
        "refusals": Reasons,
        "queue": HitQueue,
    },
    (
        Parameter(
            "minutes", "So many, with the one that runs", Annotated[int, Meta(ge=1, le=MAX_MINUTES)], DEFAULT_MINUTES
        ),
    ),
)
