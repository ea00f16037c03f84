"""What a search means in ClickHouse: conditions on known contacts and on anonymous visitors. Pure.

Known contacts are rows of `contacts`. An anonymous visitor has none: it is an id with activity that is neither a row
there nor merged away, and all that can be asked of it are its id, its times and its hits. So each condition is compiled
twice, and a side that can never match is not read at all. Values travel as parameters, never as text of the statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from services.common.caller import ADMIN_ID, author_id, my_id
from services.common.contact_fields import FIELDS, TEXT_FIELDS, Field
from services.common.event_types import EMAIL_READ, EMAIL_SENT, IMPORTED
from services.common.free_text import searchable
from services.common.queries.search import And, Node, Not, Or, SearchError, Term, parse_search
from services.common.queries.search_sql import SearchValues, like_pattern
from services.common.queries.segment_fields import SEGMENT_FIELDS, SegmentField

OWN_COLUMNS = frozenset({"email", "firstname", "lastname", "company", "phone", "city", "country"})

# Words of the language for which nothing is stored yet: refused, so that they never quietly mean something else.
_NOT_YET = frozenset(
    [
        "category",
        "lang",
        "email_pending",
        "sms_sent",
        "web_sent",
        "mobile_sent",
        "page_id",
        "has",
    ]
)
ALIAS = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_MAIL_EVENTS = {"email_sent": EMAIL_SENT, "email_read": EMAIL_READ}
_SEGMENTS = frozenset({"segment", "common"})
COMMANDS = (
    frozenset(
        {
            "is",
            "ip",
            "ids",
            "name",
            "tag",
            "owner",
            "stage",
            "company_id",
            "email_queued",
            "page_source",
            "page_source_id",
            "import_id",
            "import_action",
            *_MAIL_EVENTS,
            *FIELDS,
        }
    )
    | _SEGMENTS
    | _NOT_YET
)

_NAME = "JSONExtractString(data, 'name')"
TRUE, FALSE = "1", "0"
ADDRESS_KIND = 2  # in `footprints`

ALIASES = "(SELECT loser, winner FROM aliases FINAL WHERE loser != winner)"
ANONYMOUS = f"""(
    SELECT contact_id AS id, min(first_seen) AS first_seen, max(activity.last_active) AS last_active
    FROM activity
    WHERE contact_id NOT IN (SELECT id FROM contacts) AND contact_id NOT IN (SELECT loser FROM {ALIASES})
    GROUP BY contact_id
)"""


def anonymous(ids: str) -> str:
    """Those of `ANONYMOUS` that are among these, a SELECT of ids."""
    return f"""(
    SELECT contact_id AS id, min(first_seen) AS first_seen, max(activity.last_active) AS last_active
    FROM activity
    WHERE contact_id IN ({ids}) AND contact_id NOT IN (SELECT id FROM contacts WHERE id IN ({ids}))
        AND contact_id NOT IN (SELECT loser FROM {ALIASES})
    GROUP BY contact_id
)"""


def known_of(condition: Condition) -> str:
    """`contacts FINAL`, or of these alone those `among` whom all are. Of one contact all versions are looked at or
    none, so its id may be asked for before they are told apart."""
    return "contacts FINAL" + (f" PREWHERE id IN ({condition.among})" if condition.among else "")


def visitors_of(condition: Condition) -> str:
    """`ANONYMOUS`, or of these alone those `among` whom all are."""
    return anonymous(condition.among) if condition.among else ANONYMOUS


def seen(ids: str = "") -> str:
    """When each contact was first and last seen, under the id that survives; of these alone, a SELECT of ids."""
    among = f"WHERE s.contact_id IN ({ids} UNION ALL SELECT loser FROM aliases WHERE winner IN ({ids}))" if ids else ""
    return f"""(
    SELECT if(a.winner = 0, s.contact_id, a.winner) AS id, min(s.first_seen) AS first_seen,
        max(s.last_active) AS last_active
    FROM activity AS s LEFT ANY JOIN {ALIASES} AS a ON a.loser = s.contact_id {among}
    GROUP BY id
)"""


def known_since(date_added: str, first_seen: str) -> str:
    """SQL of when a known contact came to be: told or first seen, whichever was earlier; 0 is never seen."""
    return f"if(toUnixTimestamp64Milli({first_seen}) = 0, {date_added}, least({date_added}, {first_seen}))"


class Condition(NamedTuple):
    """SQL on a row of `contacts FINAL`, and on a row of `ANONYMOUS`. `among`, where it can be told: a SELECT of ids;
    whoever fits is one of them, or one of them has merged into it."""

    known: str
    anonymous: str
    among: str = ""

    @property
    def sides(self) -> tuple[str, str]:
        return self.known, self.anonymous


class Where(NamedTuple):
    """A compiled search with its parameters."""

    condition: Condition
    parameters: dict[str, Any]


NO_SEGMENTS: Mapping[str, Where] = {}


def compile_search(
    text: str,
    user: str = "",
    fields: Mapping[str, Field] = FIELDS,
    segments: Mapping[str, Where] = NO_SEGMENTS,
) -> Where:
    """`user` is the name of the admin, `fields` are those that there are; `segments`: who is in those that the search
    names, by alias.

    Raises `SearchError`, which says what is wrong, and where.
    """
    compiler = _Compiler(user, fields, segments)
    condition = compiler.condition(parse_search(text, COMMANDS | fields.keys()))
    return Where(condition, compiler.parameters)


def segments_named(text: str) -> frozenset[str]:
    """The aliases of the segments that a search asks for. Raises `SearchError`."""
    return frozenset(_aliases(parse_search(text, COMMANDS)))


def field_sql(alias: str) -> str:
    """The stored text of a field of the registry, by an alias from there: it becomes part of the statement."""
    assert ALIAS.fullmatch(alias)
    if alias == "points":
        return "toString(points)"
    return alias if alias in OWN_COLUMNS else f"fields['{alias}']"


def of_caller(found: Where) -> Where:
    """Of these only the caller's own; of visitors nobody is."""
    own = join_conditions([found.condition, Condition(own_sql(), FALSE)], "AND", TRUE, FALSE)
    return Where(own, found.parameters)


def own_sql() -> str:
    """Whether a row of `contacts` is the caller's."""
    mine = int(author_id())
    return f"(owner_id = {mine} OR (owner_id = 0 AND created_by = {mine}))" if mine else FALSE


class _Compiler(SearchValues):
    def __init__(self, user: str, fields: Mapping[str, Field], segments: Mapping[str, Where]) -> None:
        super().__init__()
        self._user, self._fields, self._segments = user, fields, segments

    def condition(self, node: Node) -> Condition:
        match node:
            case Term():
                return self._term(node)
            case Not(inner):
                found = self.condition(inner)
                return Condition(_negate(found.known), _negate(found.anonymous))
            case And(nodes):
                # The rarest word first: who lacks it is not asked for the others.
                rarest_first = sorted(nodes, key=_commonness)
                return join_conditions([self.condition(one) for one in rarest_first], "AND", TRUE, FALSE)
            case Or(nodes):
                return join_conditions([self.condition(one) for one in nodes], "OR", FALSE, TRUE)

    def _term(self, term: Term) -> Condition:
        match term.command:
            case "":
                return Condition(self._text(term), FALSE)
            case "is":
                return _is(term)
            case "ids":
                return self._ids(term)
            case "ip":
                return self._ip(term)
            case "name":
                return Condition(f"({self.like('firstname', term)} OR {self.like('lastname', term)})", FALSE)
            case "tag":
                return Condition(f"arrayExists(tag -> {self.like('tag', term)}, tags)", FALSE)
            case "owner" if self._user:
                return Condition(self._owner(term), FALSE)
            case "stage":
                return Condition(f"stage_id IN ({self._records('stage', _NAME, term)})", FALSE)
            case "company":
                of_these = self._records("company", "JSONExtractString(data, 'fields', 'companyname', 1)", term)
                member = f"arrayExists(company_id -> company_id IN ({of_these}), companies)"
                return Condition(f"({self.like('company', term)} OR {member})", FALSE)
            case "company_id":
                return Condition(f"has(companies, {self.bind(_number(term), 'UInt64')})", FALSE)
            case "email_sent" | "email_read":
                return self._mail(term)
            case "page_source":
                return self._came_by(SEGMENT_FIELDS["source"], term)
            case "page_source_id":
                return self._came_by(SEGMENT_FIELDS["source_id"], replace(term, is_strict=True))
            case "import_id":
                return self._imported(f"JSONExtractUInt(query, 'importId') = {self.bind(_number(term), 'UInt64')}")
            case "import_action":
                return self._import_action(term)
            case "email_queued":
                waiting = (
                    "SELECT contact_id FROM messages FINAL WHERE status IN ('pending', 'rescheduled')"
                    f" AND email_id = {self.bind(_number(term), 'UInt64')}"
                )
                merged = f"SELECT winner FROM {ALIASES} WHERE loser IN ({waiting})"
                return Condition(f"(id IN ({waiting}) OR id IN ({merged}))", FALSE)
            case command if command in _SEGMENTS:
                return join_conditions([self._segment(alias, term) for alias in _aliases(term)], "AND", TRUE, FALSE)
            case command if command in self._fields:
                return Condition(self._field(command, term), FALSE)
        raise SearchError(f"Searching by {term.command}: is not available.", term.at)

    def _owner(self, term: Term) -> str:
        """By user name, first or last name."""
        names = " OR ".join(
            self.like(f"JSONExtractString(data, '{name}')", term) for name in ("username", "first_name", "last_name")
        )
        users = f"SELECT toUInt64OrZero(id) FROM records FINAL WHERE kind = 'user' AND ({names})"
        is_admins = f"(owner_id = {ADMIN_ID} AND {self.like(self.bind(self._user), term)})"
        return f"(owner_id IN ({users}) OR {is_admins})"

    def _segment(self, alias: str, term: Term) -> Condition:
        found = self._segments.get(alias)
        if found is None:
            raise SearchError(f"There is no segment {alias[:60]}.", term.at)
        self.parameters.update(found.parameters)
        return found.condition

    def _text(self, term: Term) -> str:
        if term.is_strict or "%" in term.value:
            return "(" + " OR ".join(self.like(field_sql(field), term) for field in TEXT_FIELDS) + ")"
        return f"q LIKE {self.bind(like_pattern(searchable(term.value), contains=True))}"

    def _field(self, alias: str, term: Term) -> str:
        if self._fields[alias].type == "boolean":
            return self.flag(field_sql(alias), term)
        if alias != "email":
            return self.like(field_sql(alias), term)
        value = term.value.casefold()  # as addresses are stored
        if term.is_strict:
            return f"email = {self.bind(value)}"
        return f"email LIKE {self.bind(like_pattern(value))}"

    def _ids(self, term: Term) -> Condition:
        ids = self.ids(term)
        if not ids:
            return Condition(FALSE, FALSE)
        sql = f"id IN {self.bind(ids, 'Array(UInt64)')}"
        return Condition(sql, sql)

    def _ip(self, term: Term) -> Condition:
        value = self.bind(term.value if term.is_strict else like_pattern(term.value))
        operator = "=" if term.is_strict else "LIKE"
        seen = f"kind = {ADDRESS_KIND} AND key {operator} {value}"
        known = f"(arrayExists(address -> address {operator} {value}, ips) OR id IN {_survivors(seen, 'footprints')})"
        return Condition(known, f"id IN (SELECT contact_id FROM footprints WHERE {seen})")

    def _mail(self, term: Term) -> Condition:
        """What happened with a mail, by its id."""
        happened = (
            f"type = '{_MAIL_EVENTS[term.command]}'"
            f" AND JSONExtractUInt(query, 'stat', 'emailId') = {self.bind(_number(term), 'UInt64')}"
        )
        return _did(happened)

    def _came_by(self, field: SegmentField, term: Term) -> Condition:
        """What a filter of segments asks of the same visits."""
        return _did(f"type = '{field.event_type}' AND {self.like(field.source.removeprefix('event:'), term)}")

    def _import_action(self, term: Term) -> Condition:
        """Of rows that failed there is no contact."""
        action = term.value.lower()
        if action not in ("inserted", "updated", "failed"):
            raise SearchError("import_action: takes inserted, updated or failed.", term.at)
        return self._imported(f"JSONExtractString(query, 'action') = {self.bind(action)}")

    def _imported(self, how: str) -> Condition:
        among = _survivors(f"type = '{IMPORTED}' AND {how}")
        return Condition(f"id IN {among}", FALSE)

    def _records(self, kind: str, name: str, term: Term) -> str:
        """The ids of the records of this kind whose name is meant."""
        ids = f"SELECT toUInt64OrZero(id) AS number FROM records FINAL WHERE kind = '{kind}'"
        return f"{ids} AND {self.like(name, term)}"


def _did(happened: str) -> Condition:
    """Who has an event of which this is true."""
    return Condition(f"id IN {_survivors(happened)}", f"id IN (SELECT contact_id FROM events WHERE {happened})")


def _survivors(happened: str, table: str = "events") -> str:
    """The contacts of whose events (or footprints) this is true, after all merges."""
    return (
        f"(SELECT if(a.winner = 0, e.contact_id, a.winner) FROM (SELECT DISTINCT contact_id FROM {table}"
        f" WHERE {happened}) AS e LEFT ANY JOIN {ALIASES} AS a ON a.loser = e.contact_id)"
    )


def _number(term: Term) -> int:
    if not (term.value.isascii() and term.value.isdigit() and len(term.value) < 17):
        raise SearchError(f"{term.command}: takes an id.", term.at)
    return int(term.value)


def _aliases(node: Node) -> list[str]:
    match node:
        case Not(inner):
            return _aliases(inner)
        case And(nodes) | Or(nodes):
            return [alias for one in nodes for alias in _aliases(one)]
    if node.command not in _SEGMENTS:
        return []
    return node.value.lower().split("+") if node.command == "common" else [node.value.lower()]


def _commonness(node: Node) -> tuple[int, int]:
    """Words with digits are rare, and so are long ones; what looks at more than the text of a contact comes last."""
    if not isinstance(node, Term) or node.command:
        return 2, 0
    return int(not any(letter.isdigit() for letter in node.value)), -len(node.value)


def _is(term: Term) -> Condition:
    match term.value.lower():
        case "anonymous":
            return Condition("toUnixTimestamp64Milli(date_identified) = 0", TRUE)
        case "unowned":
            return Condition("owner_id = 0", TRUE)
        case "mine":
            return Condition(f"owner_id = {my_id()}", FALSE)
        case "published":
            return Condition(TRUE, TRUE)
        case "unpublished":
            return Condition(FALSE, FALSE)
    raise SearchError(f"Searching by is:{term.value[:40]} is not available.", term.at)


def _negate(sql: str) -> str:
    return {TRUE: FALSE, FALSE: TRUE}.get(sql) or f"NOT ({sql})"


def join_conditions(conditions: list[Condition], word: str, neutral: str, decisive: str) -> Condition:
    return Condition(
        _fold([one.known for one in conditions], word, neutral, decisive),
        _fold([one.anonymous for one in conditions], word, neutral, decisive),
        _among([one.among for one in conditions], word),
    )


def _among(parts: list[str], word: str) -> str:
    """Of conditions that must all hold one tells it, of others all must."""
    if word == "AND":
        return next((part for part in parts if part), "")
    return " UNION ALL ".join(parts) if all(parts) else ""


def _fold(parts: list[str], word: str, neutral: str, decisive: str) -> str:
    """The parts joined, without those that decide nothing."""
    if decisive in parts:
        return decisive
    said = [part for part in parts if part != neutral]
    if len(said) < 2:
        return said[0] if said else neutral
    return "(" + f" {word} ".join(said) + ")"
