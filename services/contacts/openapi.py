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


_ONE = {"200": "{contact}", "404": "Nobody"}
_WRONG = {"400": "Invalid", "413": "Too large"}
PATHS: dict[str, Json] = {}

_RECORD_ID = _parameter("id", "path", text="The record")
_RECORDS = [
    _parameter("search", "query", text="A part of the name"),
    *_LIST[1:3],
    _parameter("orderBy", "query", text="id, name, title, dateAdded, dateModified"),
    *_LIST[4:],
]

_USER = _parameter("id", "path", "integer", "The user")
_MAY = {"200": "{permission: true}", "404": "No such user"}
PATHS |= {
    "/api/contacts/{id}/categories": {
        "get": _operation("The categories of a contact", [_ID], {**_ONE, "200": "{total, categories: {id: category}}"})
    },
    "/api/contacts/list/owners": {"get": _operation("Who may own contacts, bare", [], {"200": "[user, ...]"})},
    "/api/users/self": {"get": _operation("Who asks, bare", [], {"200": "user"})},
    "/api/users/{id}/permissioncheck": {
        "get": _operation("What a user may do", [_USER], _MAY),
        "post": _operation("What a user may do: permissions, a list", [_USER], _MAY, has_body=True),
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
}

_SENT = {"200": "{success, failed}: failed says why it is not sent", "404": "No such template or contact", **_WRONG}
_NO_MAIL = {"409": "No mail server is set"}
PATHS |= {
    **{
        f"/api/emails/{{id}}/{path}": {
            "post": _operation(
                "Send a template to a contact: tokens, assetAttachments, transactional (true unless said)",
                [_RECORD_ID, _parameter("contact", "path", "integer", "The contact")],
                {**_SENT, **_NO_MAIL},
                has_body=True,
            )
        }
        for path in ("contact/{contact}/send", "send/contact/{contact}")
    },
    "/api/emails/{id}/send": {
        "post": _operation(
            "Send a template to all in its segments who were never sent it: lists, assetAttachments, limit (10,000)",
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

_BATCH = {"500": "More than 200 items", "413": "Too large", "400": "No list or object of items"}
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
