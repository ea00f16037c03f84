"""Webhooks as the API reads and writes them. Pure."""

from __future__ import annotations

import secrets
from typing import Any

from services.common.documents import HOOK, Hook
from services.contacts.objects import Json
from services.contacts.records.api import Resource
from services.contacts.records.record_body import MAX_LONG_TEXT, RecordBody
from services.contacts.webhooks import hook_shapes
from services.contacts.webhooks.triggers import TRIGGERS

ORDERS = ("ASC", "DESC")


def read_hook(said: dict[str, Any], old: Hook | None, secret: str = "") -> Hook:
    """Triggers that are named come to those that there are; `secret` is that of the hook which is replaced."""
    body = RecordBody(said)
    order = body.choice("eventsOrderbyDir", ORDERS, "DESC" if old and old.is_newest_first else "ASC")
    hook = Hook(
        name=body.text("name", old.name if old else "", is_required=True),
        description=body.text("description", old.description if old else "", most=MAX_LONG_TEXT),
        url=body.url("webhookUrl", old.url if old else ""),
        secret=body.text("secret", old.secret if old else secret) or secrets.token_hex(32),
        is_newest_first=order == "DESC",
        category_id=body.reference("category", old.category_id if old else 0),
        triggers=_read_triggers(body, old.triggers if old else []),
        is_published=body.flag("isPublished", old=old.is_published if old else True),
    )
    body.check()
    return hook


def _read_triggers(body: RecordBody, old: list[str]) -> list[str]:
    said = body.raw("triggers")
    words = said.split(",") if isinstance(said, str) else list(said.values()) if isinstance(said, dict) else said or []
    named = [word.strip() for word in words if isinstance(word, str)] if isinstance(words, list) else []
    unknown = [word for word in named if word and word not in TRIGGERS]
    if unknown or not isinstance(words, list) or len(named) < len(words):
        body.wrong["triggers"] = [
            f"Triggers are named as in /api/hooks/triggers; {(unknown or ['this'])[0][:60]} is none."
        ]
        return []
    return list(dict.fromkeys([*old, *(word for word in named if word)]))


def show_hook(_: str, hook: Hook) -> Json:
    return {
        "name": hook.name,
        "description": hook.description or None,
        "webhookUrl": hook.url,
        "secret": hook.secret,
        "eventsOrderbyDir": "DESC" if hook.is_newest_first else "ASC",
        "category": {"id": hook.category_id} if hook.category_id else None,
        "triggers": hook.triggers,
    }


HOOKS = Resource(
    HOOK,
    "hook",
    "hooks",
    Hook,
    read_hook,
    show_hook,
    shown=hook_shapes.Hook,
    said=hook_shapes.HookChange,
    needs=("name", "webhookUrl"),
)
