"""Which right each route needs: one table, which a test compares with the routes. Where there is own and other, `own`
lets in, and whose the thing is decides within. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from services.common.rights import FIELDS, LEADS, LISTS, Rights

_LEAD = f"{LEADS}:"
Route = tuple[str, str]  # method, path


class Rule(NamedTuple):
    """Each of `needs` must be had; of several with | between them one is enough. What only reads is not audited."""

    needs: tuple[str, ...] = ()
    is_read: bool = False

    def lets(self, rights: Rights) -> bool:
        return all(any(rights.may(right) for right in need.split("|")) for need in self.needs)

    def action(self) -> str:
        """What it does with a contact: view, edit or delete one."""
        said = [need.removeprefix(_LEAD) for need in self.needs if need.startswith(_LEAD)]
        return next((word.removesuffix("own") for word in said if word in ("editown", "deleteown")), "view")


VIEW, EDIT = Rule((f"{LEADS}:viewown",)), Rule((f"{LEADS}:editown",))
CREATE, DELETE = Rule((f"{LEADS}:create",)), Rule((f"{LEADS}:deleteown",))
ANYBODY = Rule()
ADMIN = Rule(("admin",))  # a right that nobody has
_PLURAL = "contacts/{{contact}}/{0}"
_METHODS = {"new": ("POST",), "edit": ("PUT", "PATCH"), "delete": ("DELETE",)}


def _standard(path: str, view: Rule, create: Rule, edit: Rule, delete: Rule) -> dict[Route, Rule]:
    rules = {("GET", path): view, ("GET", f"{path}/{{id}}"): view, ("POST", f"{path}/new"): create}
    rules |= {(method, f"{path}/{{id}}/edit"): edit for method in _METHODS["edit"]}
    return {**rules, ("DELETE", f"{path}/{{id}}/delete"): delete}


def _many(rules: dict[Route, Rule]) -> dict[Route, Rule]:
    """Also in batches, by the same rights."""
    batches = {
        (method, path.replace("/{id}/", "/batch/").replace("/new", "/batch/new")): rule
        for (method, path), rule in rules.items()
        if path.endswith(("/new", "/edit", "/delete"))
    }
    return {**rules, **batches}


def _own(path: str, level: str) -> dict[Route, Rule]:
    """Of a level that has own and other."""
    names = ("viewown", "create", "editown", "deleteown")
    return _many(_standard(path, *(Rule((f"{level}:{name}",)) for name in names)))


def _shared(path: str, level: str) -> dict[Route, Rule]:
    return _standard(path, *(Rule((f"{level}:{name}",)) for name in ("view", "create", "edit", "delete")))


def _posts(rule: Rule, *paths: str) -> dict[Route, Rule]:
    return dict.fromkeys((("POST", path) for path in paths), rule)


def _gets(rule: Rule, *paths: str) -> dict[Route, Rule]:
    return dict.fromkeys((("GET", path) for path in paths), rule)


def _members(path: str, right: str, *more: str) -> dict[Route, Rule]:
    """Contacts put in or taken out, under all names that clients have for it; `more` for those of some clients."""
    rule, words = Rule((right, f"{LEADS}:editown")), ("add", "remove")
    forms = ("contact/{{contact}}/{0}", "contact/{0}/{{contact}}", *more)
    return _posts(rule, *(f"{path}/{{id}}/{form.format(word)}" for word in words for form in forms))


def _segments(path: str) -> dict[Route, Rule]:
    add_all = _posts(Rule((f"{LISTS}:viewown", f"{LEADS}:editown")), f"{path}/{{id}}/contacts/add")
    delete_all = _posts(Rule((f"{LISTS}:viewown", f"{LEADS}:deleteother")), f"{path}/{{id}}/contacts/delete")
    return {**_own(path, LISTS), **_members(path, f"{LISTS}:viewown"), **add_all, **delete_all}


def _fields(path: str) -> dict[Route, Rule]:
    """Whoever sees contacts sees what fields they have."""
    full = Rule((f"{FIELDS}:full",))
    return _many(_standard(path, Rule((f"{FIELDS}:view|{LEADS}:viewown",)), full, full, full))


_CONTACT = "/api/contacts/{id}"
RULES: Mapping[Route, Rule] = {
    **_own("/api/contacts", LEADS),
    ("POST", "/api/contacts/batch/{action}"): Rule((f"{LEADS}:editown|{LEADS}:deleteown",)),
    **_gets(Rule((f"{LEADS}:viewother",)), "/api/jobs", "/api/jobs/{id}"),
    ("POST", "/api/jobs/{id}/cancel"): Rule((f"{LEADS}:editother",)),
    **_gets(Rule(("lead:imports:view",)), "/api/imports", "/api/imports/fields", "/api/imports/{id}",
            "/api/imports/{id}/failed"),
    ("POST", "/api/imports/new"): Rule(("lead:imports:create",)),
    ("PATCH", "/api/imports/{id}/edit"): Rule(("lead:imports:create|lead:imports:edit",)),
    ("POST", "/api/imports/{id}/start"): Rule(("lead:imports:create", f"{LEADS}:create", f"{LEADS}:editown")),
    **_posts(Rule(("lead:imports:create|lead:imports:publish",)),
             *(f"/api/imports/{{id}}/{what}" for what in ("pause", "resume", "cancel"))),
    ("DELETE", "/api/imports/{id}/delete"): Rule(("lead:imports:delete",)),
    ("GET", "/api/contacts/duplicates"): Rule((f"{LEADS}:create|{LEADS}:editown",)),
    **_gets(VIEW, *(f"{_CONTACT}/{what}" for what in ("categories", "image", "social", "integrations",
                                                      "integrations/{system}"))),
    ("POST", f"{_CONTACT}/erase"): DELETE,
    ("GET", f"{_CONTACT}/erasure"): DELETE,
    ("GET", "/api/erasures"): Rule((f"{LEADS}:deleteother",)),
    ("GET", f"{_CONTACT}/merges"): VIEW,
    ("GET", f"{_CONTACT}/merge/{{contact}}"): EDIT,
    **_posts(EDIT, f"{_CONTACT}/merge", f"{_CONTACT}/unmerge/{{contact}}"),
    **dict.fromkeys((("POST", f"{_CONTACT}/image"), ("DELETE", f"{_CONTACT}/image"),
                     ("PUT", f"{_CONTACT}/integrations/{{system}}"),
                     ("DELETE", f"{_CONTACT}/integrations/{{system}}")), EDIT),
    ("GET", "/api/integrations/{system}/contacts"): VIEW,
    **_gets(VIEW, *(f"{_CONTACT}/{what}" for what in ("activity", "events", "companies", "campaigns", "notes",
                                                      "devices", "segments", "auditlog", "points/groups",
                                                      "points/groups/{group}"))),
    **_posts(EDIT, *(f"{_CONTACT}/{what}" for what in (
        "dnc/add/{channel}", "dnc/{channel}/add", "dnc/remove/{channel}", "dnc/{channel}/remove",
        "points/{operator}/{delta}", "points/groups/{group}/{operator}/{value}", "utm/add", "utm/{utm}/remove",
        "trackingevents/new"))),
    **_gets(VIEW, "/api/contacts/list/fields", "/api/contacts/list/segments"),
    **_gets(Rule((f"{LEADS}:create|{LEADS}:editown",)), "/api/contacts/list/owners"),
    **_own("/api/companies", LEADS),
    **_members("/api/companies", f"{LEADS}:viewown"),
    **_own("/api/links", "page:pages"),
    **_own("/api/assets", "asset:assets"),
    **_own("/api/forms", "form:forms"),
    **_many(_standard("/api/notes", VIEW, EDIT, EDIT, EDIT)),
    **_many(_standard("/api/devices", VIEW, EDIT, EDIT, EDIT)),
    **_many(_shared("/api/stages", "stage:stages")),
    **_members("/api/stages", "stage:stages:view", _PLURAL),
    **_many(_shared("/api/categories", "category:categories")),
    **_members("/api/categories", "category:categories:view", _PLURAL),
    **_own("/api/campaigns", "campaign:campaigns"),
    **_posts(Rule(("campaign:campaigns:viewown", "campaign:campaigns:create")), "/api/campaigns/clone/{campaign}"),
    **_members("/api/campaigns", "campaign:campaigns:viewown", _PLURAL),
    **_gets(Rule((f"{LEADS}:viewown", "campaign:campaigns:viewown")), "/api/campaigns/{id}/contacts"),
    **_many(_standard("/api/tags", Rule((f"tagManager:tagManager:view|{LEADS}:viewown",)),
                      Rule((f"tagManager:tagManager:create|{LEADS}:editown",)), Rule(("tagManager:tagManager:edit",)),
                      Rule(("tagManager:tagManager:delete",)))),
    ("GET", "/api/contacts/activity"): Rule((f"{LEADS}:viewother",)),
    ("GET", f"{_CONTACT}/engagement"): VIEW,
    **_gets(Rule(("form:forms:viewown", f"{LEADS}:viewother")), *(f"/api/forms/{{id}}/submissions{what}" for what in (
        "", "/contact/{contact}", "/{submission}"))),
    # A webhook is told of everybody.
    **_many(_standard("/api/hooks", *(Rule((f"webhook:webhooks:{name}", f"{LEADS}:viewother"))
                                      for name in ("viewown", "create", "editown", "deleteown")))),
    **_gets(Rule(("webhook:webhooks:viewown", f"{LEADS}:viewother")), "/api/hooks/triggers",
            "/api/hooks/{id}/deliveries"),
    **_many(_shared("/api/points", "point:points")),
    ("GET", "/api/points/actions/types"): Rule(("point:points:view",)),
    **_many(_shared("/api/points/triggers", "point:triggers")),
    **_many(_shared("/api/points/groups", "point:groups")),
    ("GET", "/api/points/triggers/events/types"): Rule(("point:triggers:view",)),
    **_own("/api/emails", "email:emails"),
    **_posts(Rule(("email:emails:viewown", f"{LEADS}:editown")), "/api/emails/{id}/contact/{contact}/send",
             "/api/emails/{id}/send/contact/{contact}"),
    **_posts(Rule(("email:emails:viewown", f"{LEADS}:editother")), "/api/emails/{id}/send"),
    **_gets(Rule(("email:emails:viewown", f"{LEADS}:editother")), "/api/emails/{id}/recipients"),
    **_posts(EDIT, "/api/emails/reply/{hash}", f"{_CONTACT}/email", f"{_CONTACT}/messages/{{message}}/cancel",
             *(f"{_CONTACT}/campaignevents/{{event}}/{what}" for what in ("cancel", "reschedule"))),
    ("GET", f"{_CONTACT}/messages"): VIEW,
    **_gets(Rule((f"{LEADS}:viewown", "campaign:campaigns:viewown")), "/api/campaigns/events/contact/{contact}",
            "/api/campaigns/{campaign}/events/contact/{contact}"),
    **{("PUT", f"/api/campaigns/events/{what}"): Rule((f"{LEADS}:editown", "campaign:campaigns:viewown"))
       for what in ("batch/edit", "{event}/contact/{contact}/edit")},
    ("POST", "/api/segments/count"): Rule((f"{LISTS}:viewown", f"{LEADS}:viewown"), is_read=True),
    **_segments("/api/segments"),
    **_segments("/api/lists"),
    **_fields("/api/fields/contact"),
    **_fields("/api/fields/company"),
    **_gets(Rule((f"{LEADS}:viewother",)), "/api/bothits", "/api/stats/live", "/api/stats/overview"),
    ("POST", "/api/clickthroughs/new"): EDIT,
    **_shared("/api/users", "user:users"),
    **_shared("/api/roles", "user:roles"),
    ("GET", "/api/users/self"): ANYBODY,
    **{(method, "/api/users/self/edit"): ANYBODY for method in _METHODS["edit"]},
    ("GET", "/api/users/list/roles"): Rule(("user:roles:view|user:users:view",)),
    ("GET", "/api/users/{id}/permissioncheck"): Rule(is_read=True),
    ("POST", "/api/users/{id}/permissioncheck"): Rule(is_read=True),
    ("GET", "/api/tokens"): ANYBODY,
    ("POST", "/api/tokens/new"): ANYBODY,
    ("DELETE", "/api/tokens/{id}/delete"): ANYBODY,
    **_standard("/api/credentials", ADMIN, ADMIN, ADMIN, ADMIN),
    ("GET", "/api/auditlog"): Rule(("audit:log:view",)),
}  # fmt: skip
