"""From a raw hit to an event: named steps in a list. Order is behaviour. Pure but for the caches of its look-ups."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import available_timezones

import msgspec

from services.common.company import Mention, read_mention
from services.common.hit import Hit
from services.common.tables import EventRow
from services.common.values import UNIQUE_FIELDS, normalise_unique, read_tag
from services.identity.agents import Agent, Agents
from services.identity.parameters import MAX_URL_LENGTH, Parameters, parameters_of
from services.identity.places import NOWHERE, Place, Places

MAX_TEXT = 191
MAX_TITLE = 512
MAX_TAGS = 50
# Parameters that have columns of their own, or that say nothing: the rest is kept as it came.
_KNOWN = frozenset(
    """page_url page_title page_referrer page_language title url referrer language mautic_device_id mtc_id counter
    event_id event_time utm_source utm_medium utm_campaign utm_content utm_term do_not_track""".split()
)
_TIMEZONES = frozenset(available_timezones())
_NO_AGENT = Agent("", "", "", "", "", False)
_json = msgspec.json.Encoder()


class Draft:
    """A hit on its way to being an event; each step fills in what it knows."""

    __slots__ = (
        "agent",
        "company",
        "contact_id",
        "fields",
        "hit",
        "is_bot",
        "parameters",
        "place",
        "tags",
        "timezone",
        "unique",
        "user_agent",
    )

    def __init__(self, hit: Hit) -> None:
        self.hit = hit
        self.user_agent = ""
        self.parameters: Parameters = {}
        self.agent = _NO_AGENT
        self.place: Place = NOWHERE
        self.is_bot = False
        self.unique: dict[str, str] = {}  # normalised unique values that it gives
        self.fields: dict[str, str] = {}  # other contact fields that it may set
        self.tags: dict[str, bool] = {}  # that it adds or, by a - before them, removes
        self.timezone = ""  # the browser's, an IANA name
        self.company: Mention | None = None
        self.contact_id = 0


Step = Callable[[Draft], None]


class Pipeline:
    """The steps under one configuration."""

    def __init__(
        self, agents: Agents, places: Places, updatable: tuple[str, ...], *, reads_companies: bool = True
    ) -> None:
        self._agents, self._places = agents, places
        self._unique = tuple(field for field in UNIQUE_FIELDS if field in updatable)
        self._updatable = tuple(field for field in updatable if field not in UNIQUE_FIELDS)
        self.steps: tuple[Step, ...] = (
            self._put_agent,
            self._put_parameters,
            self._put_place,
            self._put_unique_values,
            self._put_fields,
            self._put_tags,
            self._put_timezone,
            *((self._put_company,) if reads_companies else ()),
        )

    def run(self, hit: Hit) -> Draft:
        draft = Draft(hit)
        for step in self.steps:
            step(draft)
        return draft

    def _put_agent(self, draft: Draft) -> None:
        draft.user_agent = draft.hit.user_agent.decode("utf-8", "replace")[:MAX_TITLE]
        draft.agent = self._agents.read(draft.user_agent)
        draft.is_bot = draft.agent.is_bot

    def _put_parameters(self, draft: Draft) -> None:
        hit = draft.hit
        draft.parameters = parameters_of(hit.query, hit.body, hit.referer.decode("utf-8", "replace"))

    def _put_place(self, draft: Draft) -> None:
        draft.place = self._places.find(draft.hit.ip)

    def _put_unique_values(self, draft: Draft) -> None:
        """Only what is publicly updatable, and nothing from a bot: it must not become somebody."""
        if draft.is_bot:
            return
        for field in self._unique:
            value = normalise_unique(field, draft.parameters.get(field, ""))
            if value is not None:
                draft.unique[field] = value

    def _put_fields(self, draft: Draft) -> None:
        if draft.is_bot:
            return
        for field in self._updatable:
            value = draft.parameters.get(field, "").strip()[:MAX_TEXT]
            if value:
                draft.fields[field] = value

    def _put_tags(self, draft: Draft) -> None:
        said = draft.parameters.get("tags")
        if not said or draft.is_bot:
            return
        for word in said.split(",", MAX_TAGS)[:MAX_TAGS]:
            tag, is_in = read_tag(word)
            if tag and len(tag) <= MAX_TEXT:
                draft.tags[tag] = is_in

    def _put_timezone(self, draft: Draft) -> None:
        said = draft.parameters.get("timezone", "")
        if said in _TIMEZONES and not draft.is_bot:
            draft.timezone = said

    def _put_company(self, draft: Draft) -> None:
        said = draft.parameters
        if ("company" in said or "companyname" in said) and not draft.is_bot:  # few hits do: 50 nanoseconds
            draft.company = read_mention(said, min(draft.hit.time_us, draft.hit.received_us))


def event_row(draft: Draft) -> EventRow:
    """The row of `events` for a draft whose contact is settled."""
    hit, said, agent, place = draft.hit, draft.parameters, draft.agent, draft.place
    extras = {name: value for name, value in said.items() if name not in _KNOWN}
    return EventRow(
        hit.event_id.hex(),
        draft.contact_id,
        hit.time_us // 1000,
        "page.hit",
        said.get("page_url", ""),
        said.get("page_title", "")[:MAX_TITLE] or said.get("title", "")[:MAX_TITLE],
        (said.get("page_referrer") or said.get("referrer") or "")[:MAX_URL_LENGTH],
        (said.get("page_language") or said.get("language") or "")[:MAX_TEXT],
        said.get("utm_source", "")[:MAX_TEXT],
        said.get("utm_medium", "")[:MAX_TEXT],
        said.get("utm_campaign", "")[:MAX_TEXT],
        said.get("utm_content", "")[:MAX_TEXT],
        said.get("utm_term", "")[:MAX_TEXT],
        place.country,
        place.region,
        place.city,
        place.latitude,
        place.longitude,
        place.timezone,
        agent.browser,
        agent.os,
        agent.device_type,
        agent.device_brand,
        agent.device_model,
        hit.device_id,
        hit.ip,
        draft.user_agent,
        _json.encode(extras).decode() if extras else "",
        hit.received_us // 1000,
    )
