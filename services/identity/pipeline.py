"""From a raw hit to an event: named steps in a list. Order is behaviour. Pure but for the caches of its look-ups."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from services.common.clickthrough import Clickthrough
from services.common.company import Mention, read_mention
from services.common.company_fields import COMPANY_FIELDS
from services.common.contact_fields import Field, FieldRules
from services.common.event_types import EMAIL_READ, PAGE_HIT, PAGE_LEAVE
from services.common.field_values import LONG_TYPES, TIMEZONES, read_value
from services.common.hit import Door, Hit, encode_batch
from services.common.profile import Value
from services.common.queries.statement import decode_statement
from services.common.tables import BotRow, EventRow
from services.common.values import normalise_unique, read_tag
from services.identity.agents import Agent, Agents
from services.identity.parameters import MAX_URL_LENGTH, Parameters, parameters_of, without_ct
from services.identity.places import NOWHERE, Place, Places
from services.identity.proofs import Proofs

MAX_TEXT = 191
MAX_TITLE = 512
MAX_TAGS = 50
MAX_PAGE_SECONDS = 86_400.0
# Parameters that have columns of their own, or that say nothing: the rest is kept as it came.
_KNOWN = frozenset(
    """page_url page_title page_referrer page_language title url referrer language mautic_device_id mtc_id counter
    event_id event_time utm_source utm_medium utm_campaign utm_content utm_term do_not_track ct
    identify_signature identify_expires left_event_id left_event_time time_on_page""".split()
)
_OFFSET = re.compile(r"-?[0-9]{1,3}")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,49}", re.ASCII)
_BAD_SIGNATURES = frozenset({"signature_bad", "signature_expired"})
_NO_AGENT = Agent("", "", "", "", "", "")
_json = msgspec.json.Encoder()


class Draft(msgspec.Struct, gc=False, eq=False):
    """A hit on its way to being an event; each step fills in what it knows."""

    hit: Hit
    type: str
    details: bytes  # a JSON object, where the door or a server tells more
    named_contact_id: int = 0  # by a server, instead of a device
    clicked_contact_id: int = 0  # for whom the link or the mail was made
    clickthrough: Clickthrough | None = None  # in what it was
    left_key: tuple[int, bytes] | None = None  # of the page view that it tells the end of
    proofs: list[str] = []  # outcomes of what should prove who this is
    user_agent: str = ""
    parameters: Parameters = {}
    agent: Agent = _NO_AGENT
    place: Place = NOWHERE
    is_bot: bool = False
    unique: dict[str, str] = {}  # normalised unique values that it gives
    fields: dict[str, Value] = {}  # other contact fields that it may set
    tags: dict[str, bool] = {}  # that it adds or, by a - before them, removes
    timezone: str = ""  # the browser's, an IANA name
    company: Mention | None = None
    unsubscribed: str = ""  # a channel
    unsubscribed_by: int = 0  # what of that channel, a mail say
    contact_id: int = 0
    is_second: bool = False  # event of its hit


Step = Callable[[Draft], None]


class Pipeline:
    """The steps under one configuration."""

    def __init__(
        self,
        agents: Agents,
        places: Places,
        proofs: Proofs,
        rules: FieldRules,
        *,
        reads_companies: bool = True,
    ) -> None:
        self._agents, self._places, self._proofs = agents, places, proofs
        self.follow(rules)
        self.steps: tuple[Step, ...] = (
            self._put_agent,
            self._put_parameters,
            self._put_place,
            self._put_clickthrough,
            self._put_unique_values,
            self._put_fields,
            self._put_tags,
            *((self._put_company,) if reads_companies else ()),
            self._put_timezone,
            self._put_leave,
            self._drop_what_a_bad_signature_says,
        )
        self.statement_steps: tuple[Step, ...] = (self._put_agent, self._put_statement, self._put_place)

    def follow(self, rules: FieldRules) -> None:
        """From now on a hit may set these fields, and these identify."""
        self._rules = rules
        self._updatable = tuple(field for field in rules.public if field not in rules.unique)

    def run(self, hit: Hit) -> Draft:
        draft = Draft(hit, hit.type or PAGE_HIT, hit.details)
        for step in self.statement_steps if hit.door == Door.STATEMENT else self.steps:
            step(draft)
        return draft

    def _put_agent(self, draft: Draft) -> None:
        draft.user_agent = draft.hit.user_agent.decode("utf-8", "replace")[:MAX_TITLE]
        draft.agent = self._agents.read(draft.user_agent)
        draft.is_bot = draft.agent.is_bot_of(draft.type) and draft.hit.door != Door.STATEMENT

    def _put_statement(self, draft: Draft) -> None:
        """A server may set what a hit may not, and says itself whom it means."""
        said = decode_statement(draft.hit.body)
        draft.parameters = {name: value[:MAX_URL_LENGTH] for name, value in said.parameters().items()}
        draft.details = _json.encode(said.details) if said.details else b""
        draft.named_contact_id = int(said.contact_id or 0)
        given = {**said.fields, "email": said.email or said.fields.get("email")}
        for field, value in given.items():
            told = _read_field(self._rules.fields.get(field), value, draft.hit.time_us)
            unique = normalise_unique(field, str(told)) if told != "" and field in self._rules.unique else None
            if unique:
                draft.unique[field] = unique
            elif told != "":
                draft.fields[field] = told
        company = {alias: str(value) for alias, value in said.fields.items() if alias in COMPANY_FIELDS}
        if name := draft.fields.get("company"):
            company["company"] = str(name)
        if company:
            draft.company = read_mention(company, min(draft.hit.time_us, draft.hit.received_us))
        if said.unsubscribe and _CHANNEL.fullmatch(said.unsubscribe):
            draft.unsubscribed, draft.unsubscribed_by = said.unsubscribe.lower(), _channel_id(said.details)
        words = said.tags.split(",") if isinstance(said.tags, str) else said.tags
        self._read_tags(draft, words[:MAX_TAGS])

    def _put_parameters(self, draft: Draft) -> None:
        hit = draft.hit
        referer = hit.referer.decode("utf-8", "replace")[:MAX_URL_LENGTH]
        said = draft.parameters = parameters_of(hit.query, hit.body, referer)
        # The script says it itself, also that there is none. Else the header does, unless it is the page itself.
        if referer and "page_referrer" not in said and "referrer" not in said and said.get("page_url") != referer:
            said["page_referrer"] = without_ct(referer)

    def _put_place(self, draft: Draft) -> None:
        draft.place = self._places.find(draft.hit.ip)

    def _put_clickthrough(self, draft: Draft) -> None:
        if draft.is_bot or "ct" not in draft.parameters:
            return
        said, outcome = self._proofs.clickthrough(draft.parameters, draft.hit.received_us)
        if outcome:
            draft.proofs.append(outcome)
        if said:
            draft.clicked_contact_id = said.contact_id
            draft.clickthrough = said if said.channel or said.source else None
        draft.parameters["page_url"] = without_ct(draft.parameters.get("page_url", ""))

    def _put_unique_values(self, draft: Draft) -> None:
        """Only what is publicly updatable or signed, and nothing from a bot: it must not become somebody."""
        if draft.is_bot:
            return
        for field in self._rules.unique:
            said = draft.parameters.get(field)
            if not said:
                continue
            is_signed = field == "email" and "identify_signature" in draft.parameters
            value = normalise_unique(field, said)
            if value is not None and (field in self._rules.public or is_signed):
                draft.unique[field] = value
        if draft.unique and (outcome := self._signature(draft)):
            draft.proofs.append(outcome)
            if outcome != "signature_good":
                draft.unique = {}

    def _signature(self, draft: Draft) -> str | None:
        return self._proofs.signature(draft.parameters, draft.unique.get("email", ""), draft.hit.received_us)

    def _drop_what_a_bad_signature_says(self, draft: Draft) -> None:
        """It is counted and changes nothing: no tag, company, time zone or other field, and no click either."""
        if draft.proofs and not _BAD_SIGNATURES.isdisjoint(draft.proofs):
            draft.fields, draft.tags, draft.company, draft.timezone = {}, {}, None, ""
            draft.clicked_contact_id, draft.clickthrough = 0, None

    def _put_fields(self, draft: Draft) -> None:
        if draft.is_bot:
            return
        for field in self._updatable:
            if field in draft.parameters:
                told = _read_field(self._rules.fields.get(field), draft.parameters[field], draft.hit.time_us)
                if told != "":
                    draft.fields[field] = told

    def _put_tags(self, draft: Draft) -> None:
        said = draft.parameters.get("tags")
        if not said or draft.is_bot:
            return
        self._read_tags(draft, said.split(",", MAX_TAGS)[:MAX_TAGS])

    def _read_tags(self, draft: Draft, words: list[str]) -> None:
        for word in words:
            tag, is_in = read_tag(word)
            if tag and len(tag) <= MAX_TEXT:
                draft.tags[tag] = is_in

    def _put_timezone(self, draft: Draft) -> None:
        if draft.is_bot:
            return
        said = draft.parameters.get("timezone", "")
        if said not in TIMEZONES:
            said = _zone_of(draft.parameters.get("timezone_offset", ""))
        draft.timezone = said

    def _put_company(self, draft: Draft) -> None:
        said = draft.parameters
        if ("company" in said or "companyname" in said) and not draft.is_bot:  # few hits do: 50 nanoseconds
            draft.company = read_mention(said, min(draft.hit.time_us, draft.hit.received_us))

    def _put_leave(self, draft: Draft) -> None:
        """The script's word on how long a page was looked at; it says nothing of anybody, whatever the page's address
        says. It belongs to whoever the page view was, so it is placed by that one's key."""
        said = draft.parameters
        if "left_event_id" not in said or draft.hit.door != Door.EVENT:
            return
        draft.type, draft.unique, draft.fields, draft.tags, draft.company = PAGE_LEAVE, {}, {}, {}, None
        try:
            left, seconds = UUID(said["left_event_id"]), float(said.get("time_on_page", ""))
            if 0 <= seconds <= MAX_PAGE_SECONDS:
                draft.details = _json.encode({"left_event_id": str(left), "seconds": round(seconds, 1)})
            draft.left_key = int(said.get("left_event_time", "")) * 1_000, left.bytes
        except ValueError:
            pass  # then it says no more than that somebody was there


def opened_mail(draft: Draft) -> Draft | None:
    """Of a click on a link in a mail, that the mail was opened: many readers' programs show no pixel. Its id follows
    from the click's, so that a click that comes twice opens it once."""
    said = draft.clickthrough
    if said is None or not said.is_of_mail or draft.type != PAGE_HIT or draft.hit.door != Door.TOUCH:
        return None
    event_id = blake2b(draft.hit.event_id + EMAIL_READ.encode(), digest_size=16).digest()
    details = _json.encode(said.told())
    hit = msgspec.structs.replace(draft.hit, event_id=event_id, type=EMAIL_READ, details=details, referer=b"")
    return msgspec.structs.replace(draft, hit=hit, type=EMAIL_READ, details=details, parameters={}, is_second=True)


def _zone_of(offset: str) -> str:
    """The zone of so many minutes west of Greenwich, in which Etc/GMT-2, too, is two hours east; none but for whole
    hours."""
    if not _OFFSET.fullmatch(offset) or int(offset) % 60:
        return ""
    zone = f"Etc/GMT{int(offset) // 60:+d}"
    return zone if zone in TIMEZONES else ""


def _channel_id(details: dict[str, Any]) -> int:
    """What of the channel it was, where the event's details say so; 0 where they do not."""
    said = details.get("dnc")
    channel_id = said.get("channelId") if isinstance(said, dict) else None
    return channel_id if type(channel_id) is int and 0 < channel_id < 1 << 31 else 0


def _read_field(field: Field | None, said: Any, time_us: int) -> Value:
    """The value as it is stored; nothing for a blank and for what the field cannot have: nobody is there to be told."""
    if field is None:
        return ""
    try:
        is_cut = isinstance(said, str) and field.type not in LONG_TYPES
        return read_value(field, said[:MAX_TEXT] if is_cut else said, time_us)
    except ValueError:
        return ""


def event_row(draft: Draft) -> EventRow:
    """The row of `events` for a draft whose contact is settled."""
    hit, said, agent, place = draft.hit, draft.parameters, draft.agent, draft.place
    return EventRow(
        hit.event_id.hex(),
        draft.contact_id,
        hit.time_us // 1000,
        draft.type,
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
        _details(draft),
        hit.received_us // 1000,
    )


def bot_row(draft: Draft) -> BotRow:
    """The row of `bot_events`."""
    raw = base64.b64encode(encode_batch([draft.hit])).decode()
    values = (*msgspec.structs.astuple(event_row(draft)), draft.agent.bot, raw)
    return BotRow(*values)


def _details(draft: Draft) -> str:
    """What the event's kind tells, or the parameters of a page hit that have no column."""
    if draft.clickthrough and draft.type == PAGE_HIT:
        return _json.encode({**_extras(draft), **draft.clickthrough.told()}).decode()
    if draft.details or draft.hit.door == Door.STATEMENT:
        return draft.details.decode()
    extras = _extras(draft)
    return _json.encode(extras).decode() if extras else ""


def _extras(draft: Draft) -> dict[str, Any]:
    if draft.details:
        return dict(msgspec.json.decode(draft.details, type=dict[str, Any]))
    return {name: value for name, value in draft.parameters.items() if name not in _KNOWN}
