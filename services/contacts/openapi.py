"""Operations that are described by hand, until their routes are `described` (services/common/operation.py).

What a route says of itself counts; what is said here counts for plain routes only.
"""

from __future__ import annotations

from services.common.openapi import ERROR, Json, document


def _parameter(name: str, where: str, kind: str = "string", text: str = "") -> Json:
    return {"name": name, "in": where, "required": where == "path", "description": text, "schema": {"type": kind}}


_ID = _parameter("id", "path", "integer", "The contact; an id that merged into another answers with that one.")
_LIST = [
    _parameter("search", "query", text="ada, email:ada%, is:anonymous, !tag:x, ip:192.0.2., ids:1,2, (a or b) c"),
    _parameter("start", "query", "integer", "How many to skip"),
    _parameter("limit", "query", "integer", "At most so many: 30 unless said, 0 for as many as are allowed (1,000)"),
    _parameter("orderBy", "query", text="id, date_added, last_active, email, points, ... or in camelCase"),
    _parameter("orderByDir", "query", text="ASC or DESC"),
    _parameter("where[0][col]", "query", text="Conditions, all of which must hold: a column"),
    _parameter(
        "where[0][expr]",
        "query",
        text="eq neq lt lte gt gte like notLike in notIn between notBetween isNull "
        "isNotNull isEmpty isNotEmpty; andX and orX group what is in val",
    ),
    _parameter("where[0][val]", "query", text="A value; a list, or one with commas, for in and between"),
    _parameter("order[0][col]", "query", text="Several orders: a column"),
    _parameter("order[0][dir]", "query", text="ASC or DESC"),
    _parameter("select[]", "query", text="Only these properties, and no nulls"),
    _parameter("minimal", "query", text="1: a few properties"),
    _parameter("published", "query", text="1: only what is published; also publishedOnly"),
]
_TIMELINE = [
    _ID,
    _parameter("filters[search]", "query"),
    _parameter("filters[includeEvents][]", "query", text="page.hit, lead.utmtagsadded, lead.identified, lead.create"),
    _parameter("filters[excludeEvents][]", "query"),
    _parameter("filters[dateFrom]", "query", text="Y-m-d H:i:s in UTC"),
    _parameter("filters[dateTo]", "query", text="Y-m-d H:i:s in UTC"),
    _parameter("order[0]", "query", text="timestamp, eventLabel or eventType"),
    _parameter("order[1]", "query", text="ASC or DESC"),
    _parameter("page", "query", "integer"),
    _parameter("limit", "query", "integer"),
]
_COMPANY_ID = _parameter("id", "path", "integer", "The company")
_MEMBER = [_COMPANY_ID, _parameter("contact", "path", "integer", "The contact")]
_COMPANIES = [
    _parameter("search", "query", text="acme, companycity:rome, companyname:+Acme, is:mine, ids:1,2, !x, (a or b) c"),
    *_LIST[1:3],
    _parameter("orderBy", "query", text="id, companyname or another field, score, date_added, date_modified"),
    *_LIST[4:],
]
_BODY = {
    "content": {
        kind: {"schema": {"$ref": "#/components/schemas/Change"}}
        for kind in ("application/json", "application/x-www-form-urlencoded")
    }
}


def _operation(summary: str, parameters: list[Json], answers: dict[str, str], *, has_body: bool = False) -> Json:
    operation: Json = {
        "summary": summary,
        "parameters": parameters,
        "responses": {
            **{status: {"description": text} for status, text in answers.items()},
            **dict.fromkeys(("401", "503"), ERROR),
        },
    }
    if has_body:
        operation["requestBody"] = _BODY
    return operation


_BATCH = {"500": "More than 200 items", "413": "Too large", "400": "No list or object of items"}


def _batch_paths(path: str, plural: str) -> Json:
    told = f"{{{plural}, statusCodes, errors}}: by the keys of the items; errors only when there are any"
    return {
        f"{path}/batch/new": {
            "post": _operation("Create or update up to 200", [], {"201": told, **_BATCH}, has_body=True)
        },
        f"{path}/batch/edit": {
            method: _operation(f"{word} up to 200, each by its id", [], {"200": told, **_BATCH}, has_body=True)
            for method, word in (("patch", "Change"), ("put", "Replace"))
        },
        f"{path}/batch/delete": {
            "delete": _operation(
                "Delete up to 200",
                [_parameter("ids", "query", text="1,2,3, or ids[]=1&ids[]=2")],
                {"200": f"{{{plural}, errors}}", "500": "More than 200 ids"},
            )
        },
    }


_ONE = {"200": "{contact}", "404": "Nobody"}
_COMPANY = {"200": "{company}", "404": "No such company"}
_LINK = {"200": "{success: 1}", "404": "No such company or contact"}
_WRONG = {"400": "Invalid", "413": "Too large"}
PATHS: dict[str, Json] = {
    "/api/contacts": {
        "get": _operation("List and search", _LIST, {"200": "{total, contacts: {id: contact}}", "400": "Bad query"})
    },
    "/api/contacts/new": {
        "post": _operation(
            "Create, or update the contact that holds the e-mail address",
            [],
            {"200": "{contact}, updated", "201": "{contact}, new", "400": "Invalid", "413": "Too large"},
            has_body=True,
        )
    },
    "/api/contacts/{id}": {"get": _operation("One contact", [_ID], _ONE)},
    "/api/contacts/{id}/edit": {
        "patch": _operation("Change", [_ID], {**_ONE, "400": "Invalid", "413": "Too large"}, has_body=True),
        "put": _operation(
            "Replace: fields that are not named are blanked",
            [_ID],
            {"200": "{contact}", "201": "{contact}, new: the id was unknown", "400": "Invalid", "413": "Too large"},
            has_body=True,
        ),
    },
    "/api/contacts/{id}/delete": {"delete": _operation("Delete", [_ID], {**_ONE, "200": "{contact} with id null"})},
    "/api/contacts/{id}/activity": {"get": _operation("History", _TIMELINE, {**_ONE, "200": "{events, total, ...}"})},
    "/api/contacts/{id}/events": {"get": _operation("History", _TIMELINE, {**_ONE, "200": "{events, total, ...}"})},
    "/api/contacts/{id}/companies": {
        "get": _operation("The companies of a contact", [_ID], {**_ONE, "200": "{total, companies: [...]}"})
    },
    "/api/companies": {
        "get": _operation(
            "List and search", _COMPANIES, {"200": "{total, companies: {id: company}}", "400": "Bad query"}
        )
    },
    "/api/companies/new": {
        "post": _operation(
            "Create, or update the company of that name unless `force` is true",
            [],
            {"200": "{company}, updated", "201": "{company}, new", **_WRONG},
            has_body=True,
        )
    },
    "/api/companies/{id}": {"get": _operation("One company", [_COMPANY_ID], _COMPANY)},
    "/api/companies/{id}/edit": {
        "patch": _operation("Change", [_COMPANY_ID], {**_COMPANY, **_WRONG}, has_body=True),
        "put": _operation(
            "Replace: fields that are not named are blanked",
            [_COMPANY_ID],
            {"200": "{company}", "201": "{company}, new: the id was unknown", **_WRONG},
            has_body=True,
        ),
    },
    "/api/companies/{id}/delete": {
        "delete": _operation("Delete", [_COMPANY_ID], {**_COMPANY, "200": "{company} with id null"})
    },
    **{
        f"/api/companies/{{id}}/contact/{path}": {"post": _operation(summary, _MEMBER, _LINK)}
        for word, summary in (("add", "The contact becomes a member"), ("remove", "The contact leaves"))
        for path in (f"{{contact}}/{word}", f"{word}/{{contact}}")
    },
}

_RECORD_ID = _parameter("id", "path", text="The record")
_RECORDS = [
    _parameter("search", "query", text="A part of the name"),
    *_LIST[1:3],
    _parameter("orderBy", "query", text="id, name, title, dateAdded, dateModified"),
    *_LIST[4:],
]


def _record_paths(plural: str, singular: str) -> Json:
    one = {"200": f"{{{singular}}}", "404": "No such one"}
    refused = {"400": "Invalid", "413": "Too large"}
    return {
        **_batch_paths(f"/api/{plural}", plural),
        f"/api/{plural}": {"get": _operation("List and search", _RECORDS, {"200": f"{{total, {plural}: [...]}}"})},
        f"/api/{plural}/new": {"post": _operation("Create", [], {"201": f"{{{singular}}}", **refused}, has_body=True)},
        f"/api/{plural}/{{id}}": {"get": _operation("One", [_RECORD_ID], one)},
        f"/api/{plural}/{{id}}/edit": {
            "patch": _operation("Change", [_RECORD_ID], {**one, **refused}, has_body=True),
            "put": _operation("Replace", [_RECORD_ID], {**one, "201": "It was unknown", **refused}, has_body=True),
        },
        f"/api/{plural}/{{id}}/delete": {"delete": _operation("Delete", [_RECORD_ID], one)},
    }


for _plural, _singular in (
    ("links", "link"), ("assets", "asset"), ("forms", "form"), ("notes", "note"), ("stages", "stage"),
    ("categories", "category"), ("campaigns", "campaign"), ("tags", "tag"), ("hooks", "hook"), ("points", "point"),
    ("emails", "email"),
):  # fmt: skip
    PATHS.update(_record_paths(_plural, _singular))

PATHS |= _batch_paths("/api/contacts", "contacts") | _batch_paths("/api/companies", "companies")
PATHS |= {
    "/api/contacts/activity": {
        "get": _operation(
            "History of all contacts, of the last week unless filters[dateFrom] says otherwise",
            _TIMELINE[1:],
            {"200": "{events, total, ...}", "400": "Bad query"},
        )
    },
    "/api/contacts/{id}/engagement": {
        "get": _operation("Engagements and points by month", [_ID], {**_ONE, "200": "{labels, datasets}"})
    },
    "/api/forms/{id}/submissions": {
        "get": _operation("The submissions of a form", [_RECORD_ID, *_LIST], {"200": "{total, submissions: [...]}"})
    },
    "/api/forms/{id}/submissions/contact/{contact}": {
        "get": _operation(
            "Those of one contact",
            [_RECORD_ID, _parameter("contact", "path", "integer", "The contact"), *_LIST],
            {"200": "{total, submissions: [...]}", "404": "No such form or contact"},
        )
    },
    "/api/forms/{id}/submissions/{submission}": {
        "get": _operation(
            "One submission",
            [_RECORD_ID, _parameter("submission", "path")],
            {"200": "{submission}", "404": "No such one"},
        )
    },
    "/api/points/actions/types": {
        "get": _operation("What rules give points for", [], {"200": "{pointActionTypes: {type: label}}"})
    },
    "/api/hooks/triggers": {"get": _operation("What webhooks can be told of", [], {"200": "{triggers: {name: ...}}"})},
    "/api/hooks/{id}/deliveries": {
        "get": _operation(
            "The log of a webhook, the newest first",
            [_RECORD_ID, *_LIST[1:3]],
            {"200": "{total, deliveries: [...]}", "404": "No such webhook"},
        )
    },
}

_BATCH = {"500": "More than 200 items", "413": "Too large", "400": "No list or object of items"}
_TOLD = "{contacts, statusCodes, errors}: by the keys of the items; errors only when there are any"
PATHS |= {
    "/api/contacts/{id}/points/{operator}/{delta}": {
        "post": _operation(
            "Change the points",
            [
                _ID,
                _parameter("operator", "path", text="plus, minus, times, divide"),
                _parameter("delta", "path", "integer"),
            ],
            {"200": "{success: 1}", "400": "Invalid operator", "404": "Nobody"},
            has_body=True,
        )
    },
    **{
        f"/api/contacts/{{id}}/dnc/{path}": {
            "post": _operation(
                summary, [_ID, _parameter("channel", "path", text="email, sms, ...")], answers, has_body=True
            )
        }
        for word, summary, answers in (
            (
                "add",
                "Do not contact: reason 1 unsubscribed, 2 bounced, 3 by hand; comments, channelId",
                {**_ONE, **_WRONG},
            ),
            ("remove", "May be contacted again", {**_ONE, "200": "{recordFound, contact}"}),
        )
        for path in (f"{word}/{{channel}}", f"{{channel}}/{word}")
    },
}

_THING = [_RECORD_ID, _parameter("contact", "path", "integer", "The contact")]
PATHS |= {
    f"/api/{plural}/{{id}}/{path}": {"post": _operation(f"{text} a {singular}", _THING, _LINK)}
    for plural, singular in (("stages", "stage"), ("campaigns", "campaign"), ("categories", "category"))
    for word, text in (("add", "Put the contact in"), ("remove", "Take the contact out of"))
    for path in (f"contact/{{contact}}/{word}", f"contact/{word}/{{contact}}", f"contacts/{{contact}}/{word}")
}
_USER = _parameter("id", "path", "integer", "The user")
_MAY = {"200": "{permission: true}", "404": "No such user"}
PATHS |= {
    "/api/campaigns/{id}/contacts": {
        "get": _operation("The contacts of a campaign", [_RECORD_ID, *_LIST[1:3]], {"200": "{total, contacts: [...]}"})
    },
    "/api/contacts/{id}/campaigns": {
        "get": _operation("The campaigns of a contact", [_ID], {**_ONE, "200": "{total, campaigns: {id: campaign}}"})
    },
    "/api/contacts/{id}/categories": {
        "get": _operation("The categories of a contact", [_ID], {**_ONE, "200": "{total, categories: {id: category}}"})
    },
    "/api/contacts/{id}/utm/add": {
        "post": _operation("Record UTM tags: utm_*, url, referer", [_ID], {**_ONE, "400": "Invalid"}, has_body=True)
    },
    "/api/contacts/{id}/utm/{utm}/remove": {
        "post": _operation(
            "Remove UTM tags that a call recorded",
            [_ID, _parameter("utm", "path", "integer", "The tags")],
            {**_ONE, "200": "{recordFound, contact}", "400": "No number"},
        )
    },
    "/api/contacts/{id}/devices": {
        "get": _operation("What a contact came with", [_ID, *_LIST[1:3]], {**_ONE, "200": "{total, devices: [...]}"})
    },
    "/api/contacts/{id}/notes": {
        "get": _operation("The notes of a contact", [_ID, *_RECORDS], {**_ONE, "200": "{total, notes: [...]}"})
    },
    "/api/contacts/list/fields": {"get": _operation("The fields of contacts, bare", [], {"200": "[field, ...]"})},
    "/api/contacts/list/owners": {"get": _operation("Who may own contacts, bare", [], {"200": "[user, ...]"})},
    "/api/users": {"get": _operation("The users", [], {"200": "{total, users: [...]}"})},
    "/api/users/self": {"get": _operation("Who asks, bare", [], {"200": "user"})},
    "/api/users/{id}": {"get": _operation("One user", [_USER], {"200": "{user}", "404": "No such user"})},
    "/api/users/{id}/permissioncheck": {
        "get": _operation("What a user may do", [_USER], _MAY),
        "post": _operation("What a user may do: permissions, a list", [_USER], _MAY, has_body=True),
    },
}

for _name in ("segments", "lists"):
    PATHS.update(_record_paths(_name, "list"))
    PATHS[f"/api/{_name}"]["get"]["responses"]["200"] = {"description": "{total, lists: [...]}"}
    PATHS[f"/api/{_name}/{{id}}"]["get"]["parameters"] = [
        _RECORD_ID,
        _parameter("contactCount", "query", "integer", "1: also how many contacts are in it now"),
    ]
    PATHS[f"/api/{_name}/{{id}}/delete"]["delete"]["responses"]["422"] = {"description": "Other segments use it"}
    PATHS[f"/api/{_name}/{{id}}/contacts/add"] = {
        "post": _operation(
            "Add contacts by hand: ids",
            [_RECORD_ID],
            {"200": "{success: 1, details: {id: {success}}}", "400": "No ids", "404": "No such segment"},
            has_body=True,
        )
    }
PATHS |= {
    f"/api/{plural}/{{id}}/contact/{path}": {"post": _operation(f"{text} a segment by hand", _THING, _LINK)}
    for plural in ("segments", "lists")
    for word, text in (("add", "Add the contact to"), ("remove", "Remove the contact from"))
    for path in (f"{{contact}}/{word}", f"{word}/{{contact}}")
}
PATHS |= {
    "/api/contacts/{id}/segments": {
        "get": _operation("The segments of a contact, now", [_ID], {**_ONE, "200": "{total, lists: {id: list}}"})
    },
    "/api/contacts/list/segments": {
        "get": _operation("The published segments, bare", [], {"200": "[{id, name, alias}, ...]"})
    },
}

PATHS |= {
    "/api/contacts/duplicates": {
        "get": _operation(
            "Who holds these values, and what a save would do",
            [
                _parameter("email", "query", text="Or any other unique field"),
                _parameter("firstname", "query", text="With lastname: also whoever is called so"),
                _parameter("lastname", "query"),
                _parameter("id", "query", "integer", "The contact that is edited"),
            ],
            {"200": "{verdict, contact, message, invalid, holders: [...], similar: [...]}", "400": "Bad query"},
        )
    }
}
_PICTURE = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "multipart/form-data")}
_SYSTEM = _parameter("system", "path", text="The name of another system: a-z, 0-9, _, -, dots")
_NO_SYSTEM = {"400": "No name of a system", "404": "None"}
PATHS |= {
    "/api/contacts/{id}/image": {
        "get": _operation("The picture that was uploaded", [_ID], {**_ONE, "200": "The picture", "304": "As known"}),
        "post": {
            **_operation(
                "Upload a picture: PNG, JPEG, GIF or WebP", [_ID], {**_ONE, **_WRONG, "200": "{image: {type, ...}}"}
            ),
            "requestBody": {"content": _PICTURE},
        },
        "delete": _operation("Remove the picture", [_ID], {**_ONE, "200": "{recordFound}"}),
    },
    "/api/contacts/{id}/social": {
        "get": _operation("Its social profiles", [_ID], {**_ONE, "200": "{total, profiles: {alias: {value, url}}}"})
    },
    "/api/contacts/{id}/integrations": {
        "get": _operation("By which ids other systems know it", [_ID], {**_ONE, "200": "{total, integrations: [...]}"})
    },
    "/api/contacts/{id}/integrations/{system}": {
        "get": _operation("The id in one system", [_ID, _SYSTEM], {"200": "{integration}", **_NO_SYSTEM}),
        "put": _operation(
            "A system tells by which id it knows the contact: externalId, url, lastSynced",
            [_ID, _SYSTEM],
            {"200": "{integration}", "201": "{integration}, new", "404": "Nobody", **_WRONG},
            has_body=True,
        ),
        "delete": _operation("A system knows it no more", [_ID, _SYSTEM], {"200": "{integration}", **_NO_SYSTEM}),
    },
    "/api/integrations/{system}/contacts": {
        "get": _operation(
            "Whom a system knows by an id",
            [_SYSTEM, _parameter("externalId", "query", text="The id there")],
            {"200": "{total, contacts: {id: contact}}", "400": "No externalId"},
        )
    },
}
_JOB = {"201": "{job}: id, status, total, done, failed", "404": "No such segment"}
PATHS |= {
    "/api/contacts/batch/{action}": {
        "post": _operation(
            "Do one thing to many contacts: `ids` (1,000 at most, 100 of delete), or all of a `search` or a `segment`, "
            "which makes a job. campaigns, categories, segments, tags, stages: `add`, `remove`; owner: `owner`; "
            "channels: `subscribe`, `unsubscribe`, `reason`, `frequencyRules`; dnc: `channel`, `reason`; delete",
            [_parameter("action", "path", text="campaigns categories segments tags stages owner channels dnc delete")],
            {"200": "{success, affected, details: {id: {success, error}}}", **_JOB, **_WRONG},
            has_body=True,
        )
    },
    **{
        f"/api/{name}/{{id}}/contacts/delete": {
            "post": _operation("Delete the contacts of a segment, as a job", [_RECORD_ID], _JOB)
        }
        for name in ("segments", "lists")
    },
    "/api/jobs": {"get": _operation("The jobs", _RECORDS, {"200": "{total, jobs: [...]}"})},
    "/api/jobs/{id}": {"get": _operation("One job", [_RECORD_ID], {"200": "{job}", "404": "No such job"})},
    "/api/jobs/{id}/cancel": {
        "post": _operation(
            "Stop a job; what it did is not undone", [_RECORD_ID], {"200": "{job}", "404": "No such job"}
        )
    },
}

_FIELD = {"200": "{field}", "404": "No such field"}
_EDIT_FIELD = _operation(
    "Change one that was made; of the others isPubliclyUpdatable and isUniqueIdentifier",
    [_RECORD_ID],
    {**_FIELD, "400": "Invalid"},
    has_body=True,
)
_NEW_FIELD = _operation(
    "Make one: label, alias, type, group, properties, defaultValue, isUniqueIdentifier, isPubliclyUpdatable, ...",
    [],
    {"201": "{field}", "400": "Invalid"},
    has_body=True,
)
_DELETE_FIELD = _operation("Delete one that was made", [_RECORD_ID], {**_FIELD, "400": "It is there from the start"})
_FIELDS = [_parameter("search", "query", text="A part of alias or label, type:, group:, is:unique"), *_LIST[1:3]]


def _field_paths(owner: str) -> Json:
    path = f"/api/fields/{owner}"
    return {
        **_batch_paths(path, "fields"),
        path: {"get": _operation(f"The fields of each {owner}", _FIELDS, {"200": "{total, fields: [...]}"})},
        f"{path}/new": {"post": _NEW_FIELD},
        f"{path}/{{id}}": {"get": _operation("One field, by number or alias", [_RECORD_ID], _FIELD)},
        f"{path}/{{id}}/edit": {"patch": _EDIT_FIELD, "put": _EDIT_FIELD},
        f"{path}/{{id}}/delete": {"delete": _DELETE_FIELD},
    }


PATHS |= _field_paths("contact") | _field_paths("company")
PATHS |= {
    "/api/contacts/{id}/trackingevents/new": {
        "post": _operation(
            "Queue an event for Google Analytics or Facebook: service, action, category, label",
            [_ID],
            {"201": "{success, queued}", "400": "Invalid", "404": "Nobody"},
            has_body=True,
        )
    },
    "/api/bothits": {
        "get": _operation(
            "The newest hits of bots, and what says so",
            [
                _parameter("search", "query", text="A part of the User-Agent"),
                _parameter("days", "query", "integer", "How far back: 7 unless said"),
                _LIST[2],
            ],
            {"200": "{total, verdicts, hits: [...]}", "400": "Bad query"},
        )
    },
    "/api/clickthroughs/new": {
        "post": _operation(
            "Sign the ct of links and the pixel of a mail: contact, channel, source, days",
            [],
            {"201": "{clickthrough}", "400": "Invalid", "404": "Nobody"},
            has_body=True,
        )
    },
}

PATHS |= _record_paths("users", "user") | _record_paths("roles", "role") | _record_paths("credentials", "credential")
PATHS |= {
    "/api/users/self/edit": {
        method: _operation(
            "Change oneself: names, plainPassword (with currentPassword), ...",
            [],
            {"200": "{user}", "400": "Invalid", "403": "No user"},
            has_body=True,
        )
        for method in ("patch", "put")
    },
    "/api/users/list/roles": {"get": _operation("The roles, bare", [], {"200": "[{id, name}, ...]"})},
    "/api/tokens": {"get": _operation("One's own personal tokens", [], {"200": "{total, tokens: [...]}"})},
    "/api/tokens/new": {
        "post": _operation(
            "Make a personal token: name, days; it is shown this once",
            [],
            {"201": "{token}", "400": "Invalid", "403": "No user"},
            has_body=True,
        )
    },
    "/api/tokens/{id}/delete": {
        "delete": _operation("Revoke a personal token", [_RECORD_ID], {"200": "{token}", "404": "No such token"})
    },
    **{
        path: {
            "get": _operation(
                text,
                [
                    *parameters,
                    *(_parameter(name, "query") for name in ("object", "objectId", "user", "action")),
                    _parameter("dateFrom", "query", text="Y-m-d H:i:s in UTC"),
                    _parameter("dateTo", "query", text="Y-m-d H:i:s in UTC"),
                    *_LIST[1:3],
                ],
                {"200": "{total, auditlog: [...]}", "400": "Bad query"},
            )
        }
        for path, parameters, text in (
            ("/api/auditlog", [], "What was changed, by whom, the newest first"),
            ("/api/contacts/{id}/auditlog", [_ID], "What was changed of a contact"),
        )
    },
}

_SENT = {"200": "{success, failed}: failed says why it is not sent", "404": "No such template or contact", **_WRONG}
_NO_MAIL = {"409": "No mail server is set"}
PATHS |= {
    **{
        f"/api/emails/{{id}}/{path}": {
            "post": _operation(
                "Send a template to a contact: tokens, transactional (true unless said)",
                [_RECORD_ID, _parameter("contact", "path", "integer", "The contact")],
                {**_SENT, **_NO_MAIL},
                has_body=True,
            )
        }
        for path in ("contact/{contact}/send", "send/contact/{contact}")
    },
    "/api/emails/{id}/send": {
        "post": _operation(
            "Send a template to all in its segments who were never sent it: lists, limit (10,000)",
            [_RECORD_ID],
            {"200": "{success, sentCount, failedRecipients}", "404": "No such template", **_WRONG, **_NO_MAIL},
            has_body=True,
        )
    },
    "/api/contacts/{id}/email": {
        "post": _operation(
            "Send a mail to a contact: subject, body, plainText, fromName, fromAddress, replyTo, template, tokens, "
            "transactional (false unless said)",
            [_ID],
            {"201": "{success, message}", **_SENT, **_NO_MAIL},
            has_body=True,
        )
    },
    "/api/contacts/{id}/messages": {
        "get": _operation(
            "The mails queued for a contact, and what became of them", [_ID, *_LIST[1:3]], {"200": "{total, messages}"}
        )
    },
    "/api/contacts/{id}/messages/{message}/cancel": {
        "post": _operation(
            "Cancel a mail that was not sent yet",
            [_ID, _parameter("message", "path", text="The message")],
            {"200": "{success, message}", "404": "No such one"},
        )
    },
}

_EVENT_OF = [_parameter("event", "path", "integer", "The event"), _parameter("contact", "path", "integer")]
_EVENTS_OF = {"200": "{total, events: {id: event}}", "404": "Nobody"}
PATHS |= {
    "/api/campaigns/events/contact/{contact}": {
        "get": _operation("What campaigns are to do with a contact, or have done", [_EVENT_OF[1]], _EVENTS_OF)
    },
    "/api/campaigns/{campaign}/events/contact/{contact}": {
        "get": _operation(
            "The same of one campaign", [_parameter("campaign", "path", "integer"), _EVENT_OF[1]], _EVENTS_OF
        )
    },
    "/api/campaigns/events/{event}/contact/{contact}/edit": {
        "put": _operation(
            "Put such an event: name, campaignId, triggerDate or dateTriggered, type, channel, channelId, metadata",
            _EVENT_OF,
            {"200": "{event}", "201": "{event}, new", "404": "Nobody", **_WRONG},
            has_body=True,
        )
    },
    "/api/campaigns/events/batch/edit": {
        "put": _operation(
            "The same for up to 200, each with eventId and contactId",
            [],
            {"200": "{events, errors}", **_BATCH},
            has_body=True,
        )
    },
    "/api/contacts/{id}/campaignevents/{event}/reschedule": {
        "post": _operation(
            "Move one that is in the future: date",
            [_ID, _EVENT_OF[0]],
            {"200": "{success, date}", "404": "No such one", **_WRONG},
            has_body=True,
        )
    },
    "/api/contacts/{id}/campaignevents/{event}/cancel": {
        "post": _operation("Cancel one", [_ID, _EVENT_OF[0]], {"200": "{success}", "404": "No such one"})
    },
}

_SCHEMAS: Json = {"Change": {"type": "object", "additionalProperties": True}}
DOCUMENT = document("Spoor contacts", PATHS, _SCHEMAS, ("basic", "bearer"))
