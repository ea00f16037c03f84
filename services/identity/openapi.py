"""The description of identity's API for machines, written by hand and compared with the routes by a test."""

from __future__ import annotations

from services.common.openapi import ERROR, Json, document

_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request under the same key gets the answer of the first one, for a day.",
    "schema": {"type": "string", "maxLength": 255},
}
_ID = {"type": "integer", "minimum": 1, "description": "A contact id, also one that was merged away"}
_SELECTOR = {
    "description": "Whom it means: an id, or an object with one key: contact_id, device_id, or a unique field",
    "oneOf": [_ID, {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": True}],
    "examples": [4711, {"email": "ada@example.com"}, {"device_id": "4x0k9yq2mbt7hq0n8s5d1cj"}],
}
_CONTACT = {
    "type": "object",
    "properties": {
        "contact_id": _ID,
        "ids": {"type": "array", "items": _ID, "description": "Its own, then those of all that merged into it"},
        "fields": {"type": "object", "description": "Those that have a value, by alias"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "points": {"type": "integer"},
        "merges": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "contact_id": _ID,
                    "into": _ID,
                    "time_ms": {"type": "integer"},
                    "by": {"type": ["string", "null"], "description": "A user or service; null for a hit"},
                },
            },
        },
    },
}
_SELECTED = {"$ref": "#/components/schemas/Selector"}
_SHOWN = {"$ref": "#/components/schemas/Contact"}


def _content(properties: Json, required: tuple[str, ...] = ()) -> Json:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"content": {"application/json": {"schema": schema}}}


def _call(summary: str, body: Json, answer: Json, errors: dict[str, str], *, is_write: bool = True) -> Json:
    told = {"400": "Invalid", "401": "No login", "413": "Too large", "503": "Busy or starting; try again", **errors}
    if is_write:
        told |= {"409": f"Under way under this key{told.get('409', '')}", "422": "The key was used for another request"}
    operation: Json = {
        "summary": summary,
        "requestBody": {"required": True, **body},
        "responses": {
            "200": {"description": "Done, or done before", **answer},
            **{status: {**ERROR, "description": text} for status, text in sorted(told.items())},
        },
    }
    if is_write:
        operation["parameters"] = [_IDEMPOTENCY]
    return {"post": operation}


PATHS: dict[str, Json] = {
    "/v1/merge": _call(
        "Merge a contact into another one",
        _content({"winner": _SELECTED, "loser": _SELECTED}, ("winner", "loser")),
        _content({"merged": {"type": "boolean", "description": "false: it was before"}, "contact": _SHOWN}),
        {"404": "No such contact"},
    ),
    "/v1/unmerge": _call(
        "Undo a merge: both contacts, each with its fields, unique values, devices and events",
        _content({"contact": _SELECTED}, ("contact",)),
        _content({
            "unmerged": {"type": "boolean", "description": "false: it was before"},
            "contact": _SHOWN,
            "from": {"anyOf": [_SHOWN, {"type": "null"}], "description": "null: it was deleted since"},
            "taken": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Unique fields whose values somebody else holds by now",
            },
        }),
        {"404": "No such contact", "409": ", or not merged"},
    ),
    "/v1/identify": _call(
        "Link a device to a contact, or to whoever has the unique values, as a hit would",
        _content(
            {
                "device_id": {"type": "string"},
                "contact": _SELECTED,
                "email": {"type": "string", "description": "Or another unique field, in place of the contact"},
            },
            ("device_id",),
        ),
        _content({
            "device_id": {"type": "string"},
            "outcomes": {"type": "array", "items": {"type": "string"}},
            "contact": _SHOWN,
        }),
        {"404": "No such contact"},
    ),
    "/v1/resolve": _call(
        "Who each of up to 1,000 ids, devices or unique values is, in their order",
        _content({"ids": {"type": "array", "maxItems": 1_000, "items": _SELECTED}}, ("ids",)),
        _content({
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "contact_id": {"type": ["integer", "null"]},
                        "status": {"enum": ["known", "anonymous", "deleted", "unknown"]},
                        "error": {"type": "string", "description": "In place of the others: it cannot be a selector"},
                    },
                },
            }
        }),
        {},
        is_write=False,
    ),
}  # fmt: skip

DOCUMENT = document("Spoor identity", PATHS, {"Selector": _SELECTOR, "Contact": _CONTACT}, ("bearer", "basic"))
