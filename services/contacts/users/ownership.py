"""Whether the caller may do with a thing what the route does: its own, or somebody else's."""

from __future__ import annotations

from contextvars import ContextVar

from services.common.caller import author_id, may_act, rights, sees_others
from services.common.documents import ASSET, CAMPAIGN, DEVICE, FORM, IMPORT, LINK, NOTE, SEGMENT, Document, Segment
from services.common.envelope import not_allowed
from services.common.folding import creator_of, owner_of
from services.common.profile import Profile
from services.common.queries.contact_query import ALIASES, own_sql
from services.common.rights import CATALOG, LEADS, LISTS
from services.contacts.users.route_rights import ADMIN, RULES

VIEW, EDIT, DELETE = "view", "edit", "delete"
LEVELS = {
    LINK: "page:pages", ASSET: "asset:assets", FORM: "form:forms", CAMPAIGN: "campaign:campaigns", SEGMENT: LISTS,
    "email": "email:emails", "hook": "webhook:webhooks",
}  # fmt: skip
_MINE = "JSONExtractUInt(data, 'created_by_id') = {mine}"
_GLOBAL = "(NOT JSONHas(data, 'is_global') OR JSONExtractBool(data, 'is_global'))"

_action: ContextVar[str] = ContextVar("action", default=VIEW)


def enter_action(action: str) -> None:
    """What the route of the running request does with contacts."""
    _action.set(action)


def check_contact(owner_id: int, creator_id: int, action: str = "") -> None:
    """Of a contact or a company; without `action` that of the route. Raises `ApiError` 403."""
    if not may_act(action or _action.get(), owner_id, creator_id):
        raise not_allowed()


def is_seen(profile: Profile) -> bool:
    """Whether the caller may see this known contact."""
    return may_act(VIEW, owner_of(profile), creator_of(profile))


def check_record(kind: str, action: str, document: Document) -> None:
    """As `may_record`. Raises `ApiError` 403."""
    if not may_record(kind, action, document):
        raise not_allowed()


def may_record(kind: str, action: str, document: Document) -> bool:
    """Whether the caller may do this with what people make, where it has own and other."""
    level = LEVELS.get(kind)
    if level is None or f"{action}own" not in CATALOG[level]:
        return True
    if action == VIEW and isinstance(document, Segment) and document.is_global:
        return True
    return may_act(action, 0, document.created_by_id, level)


def check_create(path: str) -> None:
    """Of a PUT that makes what is not there: it needs the right of `<path>/new`, too. Raises `ApiError` 403."""
    if not RULES.get(("POST", f"{path}/new"), ADMIN).lets(rights()):
        raise not_allowed()


def records_sql(kind: str) -> str:
    """Which of the records of this kind the caller may see, as a condition; '' for all."""
    if kind in (NOTE, DEVICE):
        return "" if sees_others(LEADS) else f"JSONExtractUInt(data, 'contact_id') IN ({_own_contacts()})"
    level = LEADS if kind == IMPORT else LEVELS.get(kind)
    if level is None or sees_others(level):
        return ""
    mine = _MINE.format(mine=int(author_id())) if author_id() else "0"
    return f"({mine} OR {_GLOBAL})" if kind == SEGMENT else mine


def hidden_sql(kind: str) -> str:
    """The ids of those of this kind that the caller may not see, as a statement; '' for none. They are numbers."""
    seen = records_sql(kind)
    return f"SELECT toUInt64OrZero(id) FROM records FINAL WHERE kind = '{kind}' AND NOT ({seen})" if seen else ""


def _own_contacts() -> str:
    """Their ids, and those of all that merged into them."""
    own = f"SELECT id FROM contacts FINAL WHERE {own_sql()}"
    return f"{own} UNION ALL SELECT loser FROM {ALIASES} WHERE winner IN ({own})"
