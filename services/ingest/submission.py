"""What somebody has put into a form: read, checked against the form, and said as an event. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from services.common.documents import Form, FormField
from services.common.event_types import FORM_SUBMITTED
from services.common.php_query import Node
from services.common.queries.statement import Statement
from services.common.values import clean, normalise_email
from services.common.written_times import read_written

MAX_VALUE_LENGTH = 4_096
MAX_LONG_VALUE_LENGTH = 16_384
MAX_RETURN_LENGTH = 2_048
MAX_UTM_LENGTH = 191
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
REQUIRED = "This is required."

_FIELD_TOKEN = re.compile(r"\{formfield=([a-z0-9_]{1,40})\}")
_PHONE = re.compile(r"[0-9+()./\-\s]{3,40}(?:\s?(?:x|ext\.?)\s?\d{1,6})?", re.ASCII)


class Answer(NamedTuple):
    """How the submitter wants to be answered."""

    form_id: str
    return_url: str
    form_name: str
    is_messenger: bool


class Submission(NamedTuple):
    """The values by alias, and what is wrong with them by alias."""

    results: dict[str, str]
    errors: dict[str, str]


def read_answer(said: Mapping[str, Node], referer: str) -> Answer:
    """From the control keys among the values, `mauticform[...]`; the Referer is where it came from, if nothing says."""
    wanted = _text(said.get("return")) or referer
    return Answer(
        _text(said.get("formId"))[:64],
        clean_return(wanted[:MAX_RETURN_LENGTH]),
        _text(said.get("formName"))[:191],
        is_yes(_text(said.get("messenger"))),
    )


def is_yes(text: str | None) -> bool:
    """Whether a parameter switches something on, as PHP reads it: 0 does not."""
    return text not in (None, "", "0")


def read_submission(form: Form, said: Mapping[str, Node]) -> Submission:
    """What is no field of the form is ignored."""
    results, errors = {}, {}
    for field in form.fields:
        parts = _parts(said.get(field.alias))
        if error := _error(field, parts):
            errors[field.alias] = error
        results[field.alias] = ", ".join(parts)
    return Submission(results, errors)


def statement_of(
    form_id: str, form: Form, results: dict[str, str], utm: Mapping[str, str], referer: str, now_us: int
) -> Statement:
    """The event. Mapped fields count whether or not they are publicly updatable: somebody typed them in."""
    filled = [field for field in form.fields if field.contact_field and results[field.alias]]
    mapped: dict[str, str | int | float | bool | None] = {field.contact_field: results[field.alias] for field in filled}
    tags = [tag for action in form.actions for tag in (*action.add_tags, *(f"-{one}" for one in action.remove_tags))]
    told = {
        "submission": {
            "dateSubmitted": datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "referer": referer,
            "results": results,
        },
        "form": {"id": form_id, "name": form.name, "alias": form.alias, "description": form.description or None},
    }
    return Statement(
        type=FORM_SUBMITTED,
        fields=mapped,
        tags=tags,
        title=form.name,
        url=referer or None,
        details=told,
        **{name: value for name, value in utm.items() if value},
    )


def utm_of(query: str, referer: str) -> dict[str, str]:
    """From the request's query, else from that of the page where the form is."""
    for text in (query, urlsplit(referer).query if clean_return(referer) else ""):
        said = dict(parse_qsl(text, max_num_fields=200)) if text.count("&") < 200 else {}
        found = {name: said[name][:MAX_UTM_LENGTH] for name in UTM if said.get(name)}
        if found:
            return found
    return {}


def redirect_url(form: Form, results: Mapping[str, str]) -> str:
    """Where a redirect leads, with the values that it asks for."""
    return _FIELD_TOKEN.sub(lambda found: quote(results.get(found[1], ""), safe=""), form.post_action_property)


def clean_return(url: str) -> str:
    """A web address without an earlier answer in it; empty for anything else."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\x00-\x20\x7f\\]", url):
            return ""
        _ = parts.port  # raises when it can be none
    except ValueError:
        return ""
    kept = [pair for pair in parts.query.split("&") if not pair.startswith(("mauticError=", "mauticMessage="))]
    return urlunsplit(parts._replace(query="&".join(filter(None, kept)), fragment=""))


def with_word(url: str, name: str, text: str, fragment: str = "") -> str:
    """The address with one more parameter."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode({name: text})) if part)
    return urlunsplit(parts._replace(query=query, fragment=fragment))


def _parts(said: Node | None) -> list[str]:
    """What was chosen or typed; several choices are several."""
    many = said if isinstance(said, list) else list(said.values()) if isinstance(said, dict) else [said]
    return [text for one in many if (text := _text(one))]


def _text(said: Node | None) -> str:
    return clean(said) if isinstance(said, str) else ""


def _error(field: FormField, parts: list[str]) -> str:
    """What is wrong with a value; empty when nothing is."""
    value = ", ".join(parts)
    if not value:
        return (field.validation_message or REQUIRED) if field.is_required else ""
    if len(value) > (MAX_LONG_VALUE_LENGTH if field.type == "textarea" else MAX_VALUE_LENGTH):
        return "This is too long."
    if field.choices and field.type == "checkboxgrp":
        is_valid = all(one in field.choices for one in parts)
    else:
        is_valid = _is_valid(field, value)
    return "" if is_valid else field.validation_message or f"This is no valid {_NOUNS[field.type]}."


def _is_valid(field: FormField, value: str) -> bool:
    if field.type == "email" or field.contact_field == "email":
        return normalise_email(value) is not None
    if field.type == "tel":
        return _PHONE.fullmatch(value) is not None
    if field.type == "url":
        return bool(clean_return(value))
    if field.type == "number":
        return re.fullmatch(r"[-+]?\d{1,20}([.,]\d{1,20})?", value, re.ASCII) is not None
    if field.type in ("date", "datetime"):
        return _is_date(value)
    if field.choices and field.type in ("select", "radiogrp"):
        return value in field.choices
    return True


def _is_date(value: str) -> bool:
    try:
        read_written(value)
    except ValueError:
        return False
    return True


_NOUNS = {
    "email": "e-mail address", "tel": "phone number", "url": "web address", "number": "number", "date": "date",
    "datetime": "date and time", "select": "choice", "radiogrp": "choice", "checkboxgrp": "choice",
}  # fmt: skip
