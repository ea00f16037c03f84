"""What unfolds below an event of a history, by its type: facts in the order in which one reads them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.contacts.ui.words import is_web, when

Json = Mapping[str, Any]
MAX_OPENS = 1_000
MAX_FACTS = 60  # of what nobody has a form for
MAX_DEPTH = 3


class Fact(NamedTuple):
    label: str
    text: str
    href: str = ""  # a web address, or ''


def facts_of(kind: str, details: Json) -> list[Fact]:
    """Blank ones are left out."""
    read = _READERS.get(kind, _anything)
    return [Fact(fact.label, fact.text, fact.text if is_web(fact.text) else "") for fact in read(details) if fact.text]


def _hit(details: Json) -> Iterator[Fact]:
    hit = _part(details, "hit")
    client = _part(hit, "clientInfo")
    yield _fact("Page", hit.get("url"))
    yield _fact("Referrer", hit.get("referer"))
    yield _fact("Time on page", _duration(hit.get("timeOnPage")))
    yield _fact("Left", _time(hit.get("dateLeft")))
    yield _fact("Device", _words(hit.get("device"), hit.get("deviceBrand"), hit.get("deviceModel")))
    yield _fact("Browser", _words(client.get("browser"), client.get("os")))
    yield _fact("Place", _place(hit))
    yield _fact("Address", hit.get("ip"))
    yield _fact("Language", hit.get("pageLanguage"))
    yield _fact("Parameters", hit.get("query"))
    yield _fact("User agent", hit.get("userAgent"))


def _video(details: Json) -> Iterator[Fact]:
    hit = _part(details, "hit")
    watched, length = _number(hit.get("timeWatched")), _number(hit.get("duration"))
    yield _fact("Video", hit.get("url"))
    yield _fact("Referrer", hit.get("referer"))
    yield _fact("Watched", _duration(watched))
    yield _fact("Length", _duration(length))
    yield _fact("Share", f"{min(100, watched / length * 100):.0f} %" if length else "")


def _address(details: Json) -> Iterator[Fact]:
    place = _part(details, "ipDetails")
    yield _fact("Address", details.get("ipAddress"))
    yield _fact("Place", _place(place))
    yield _fact("Time zone", place.get("timezone"))
    if not place:
        yield from _anything(details)


def _utm(details: Json) -> Iterator[Fact]:
    tags = _part(details, "utmtags")
    for word in ("Campaign", "Source", "Medium", "Content", "Term"):
        yield _fact(word, tags.get(f"utm{word}"))
    yield _fact("Page", tags.get("url"))
    yield _fact("Referrer", tags.get("referer"))
    yield _fact("Address", tags.get("remoteHost"))
    yield _fact("User agent", tags.get("userAgent"))


def _mail(details: Json) -> Iterator[Fact]:
    stat = _part(details, "stat")
    yield _fact("Subject", stat.get("subject"))
    yield _fact("Template", stat.get("emailName"))
    yield _fact("Sent", _time(stat.get("dateSent")))
    yield _fact("First read", _time(stat.get("dateRead")) if stat.get("isRead") else "")
    yield _fact("Time to read", str(stat.get("timeToRead") or "").removeprefix("P0DT").removeprefix("P"))
    yield _fact("Attempts", str(int(_number(stat["retryCount"])) + 1) if stat.get("retryCount") else "")
    opens = stat.get("openDetails")
    if isinstance(opens, Mapping):
        for one in _each(opens.get("bounces")):
            yield _fact("Failed", _words(_time(one.get("datetime")), one.get("reason")))
    for one in _each(opens)[:MAX_OPENS]:
        yield _fact("Opened", _words(_time(one.get("datetime")), one.get("useragent")))
    if not stat:
        yield from _anything(details)


def _form(details: Json) -> Iterator[Fact]:
    submission, form, page = (_part(details, one) for one in ("submission", "form", "page"))
    yield _fact("Form", form.get("name"))
    yield _fact("Referrer", submission.get("referer") or submission.get("referrer"))
    yield _fact("Page", page.get("title"))
    labels = {str(one.get("alias")): str(one.get("label") or "") for one in _each(form.get("fields"))}
    results = _part(submission, "results") or _part(details, "results")
    for alias, value in results.items():
        yield _fact(labels.get(alias) or alias, _text(value))


def _asset(details: Json) -> Iterator[Fact]:
    yield _fact("Download", _part(details, "asset").get("title"))
    yield _fact("File", details.get("assetDownloadUrl"))


def _dnc(details: Json) -> Iterator[Fact]:
    told = _part(details, "dnc")
    yield _fact("Channel", told.get("channel"))
    yield _fact("Reason", told.get("reason"))
    yield _fact("Comment", told.get("comments"))
    yield _fact("Because of", told.get("itemName") or told.get("channelId"))


def _points(details: Json) -> Iterator[Fact]:
    log = _part(details, "log")
    yield _fact("Points", f"{log['delta']:+d}" if isinstance(log.get("delta"), int) else "")
    yield _fact("For", log.get("eventName"))
    yield _fact("By", log.get("actionName"))
    yield _fact("Group", _part(log, "group").get("name"))
    yield _fact("Number", log.get("id") or log.get("ruleId"))


def _stage(details: Json) -> Iterator[Fact]:
    log = _part(details, "log")
    yield _fact("Stage", log.get("eventName"))
    yield _fact("By", log.get("actionName"))


def _queue(details: Json) -> Iterator[Fact]:
    log = _part(details, "log")
    yield _fact("Channel", log.get("channel"))
    yield _fact("Message", log.get("channelId") or log.get("id"))
    yield _fact("Subject", log.get("subject") or log.get("name"))
    yield _fact("Scheduled", _time(log.get("scheduledDate")))
    yield _fact("Rescheduled", _time(log.get("rescheduledDate")))
    yield _fact("Status", log.get("status"))
    yield _fact("Last attempt", _time(log.get("lastAttempt")))
    yield _fact("Sent", _time(log.get("dateSent")))
    yield _fact("Why", log.get("reason"))


def _campaign(details: Json) -> Iterator[Fact]:
    log = _part(details, "log")
    yield _fact("Campaign", log.get("campaignName"))
    yield _fact("Action", _words(log.get("type"), log.get("channel")))
    yield _fact("Scheduled for", _time(log.get("triggerDate")))
    yield _fact("Done", _time(log.get("dateTriggered")))
    yield _fact("Failed", log.get("failReason"))
    yield _fact("Error", _text(_part(log, "metadata").get("errors")))
    if not log:
        yield from _anything(details)


def _anything(details: Json) -> Iterator[Fact]:
    """What was reported, under its own names."""
    flat = list(_flat(details, (), 0))
    yield from (Fact(" ".join(path), text) for path, text in flat[:MAX_FACTS])


def _flat(said: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(said, Mapping) and depth < MAX_DEPTH:
        for name, value in said.items():
            yield from _flat(value, (*path, str(name)), depth + 1)
    else:
        yield path, _text(said)


_READERS: Mapping[str, Callable[[Json], Iterator[Fact]]] = {
    "page.hit": _hit, "page.videohit": _video, "lead.utmtagsadded": _utm, "email.sent": _mail, "email.read": _mail,
    "email.replied": _mail, "email.failed": _mail, "form.submitted": _form, "asset.download": _asset,
    "lead.donotcontact": _dnc, "point.gained": _points, "stage.changed": _stage, "message.queue": _queue,
    "campaign.event": _campaign, "campaign.event.scheduled": _campaign, "lead.ipadded": _address,
}  # fmt: skip


def _fact(label: str, value: Any) -> Fact:
    return Fact(label, _text(value))


def _text(value: Any) -> str:
    if value is None or value is False or value == "":
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(one)}" for name, one in value.items())
    if isinstance(value, Sequence):
        return ", ".join(_text(one) for one in value)
    return "yes" if value is True else str(value)


def _words(*said: Any) -> str:
    return " ".join(str(one) for one in said if one)


def _place(said: Json) -> str:
    return ", ".join(str(said[one]) for one in ("city", "region", "country") if said.get(one))


def _time(said: Any) -> str:
    return when(said) if said else ""


def _duration(seconds: Any) -> str:
    number = _number(seconds)
    if not number:
        return ""
    minutes, rest = divmod(round(number), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


def _number(said: Any) -> float:
    try:
        return float(said or 0)
    except (TypeError, ValueError):
        return 0.0


def _part(said: Json, name: str) -> Json:
    found = said.get(name)
    return found if isinstance(found, Mapping) else {}


def _each(said: Any) -> list[Json]:
    return [one for one in said if isinstance(one, Mapping)] if isinstance(said, list) else []
