"""What a contact prefers: channels, how often, pauses, segments of the preference center, categories."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.channels import CHANNELS
from services.contacts.ui.contact.calls import PATH, api_of, done
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.form import Form
from services.contacts.ui.keeping.choices import MOST, in_bundles

MANUAL = 3
UNITS = ("DAY", "WEEK", "MONTH")


class Channel(NamedTuple):
    name: str
    label: str
    is_subscribed: bool
    number: str
    unit: str
    pause_from: str
    pause_to: str
    is_preferred: bool


class PreferencesDialog:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {f"{PATH}/preferences": {"GET": self.show, "POST": self.save}}

    async def show(self, request: Request) -> Response:
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        return await self._form(request, channels_of(contact))

    async def save(self, request: Request) -> Response:
        form = await self._desk.form(request)
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        before = channels_of(contact)
        after = [read_channel(form, one) for one in before]
        body = change_of(before, after)
        if form.text("has_categories"):
            body["categories"] = await self._categories(request, form)
        try:
            await self._desk.api.send("PATCH", api_of(request, "/edit"), body)
        except ApiError as error:
            if error.status != 400:
                raise
            return await self._form(request, after, error.message)
        await self._switch_segments(request, form)
        return done(self._desk, request, "Saved.")

    async def _categories(self, request: Request, form: Form) -> list[int]:
        """Those that are ticked, and of the contact's those that were not shown."""
        mine = (await self._desk.api.get(api_of(request, "/categories")))["categories"]
        return sorted({*form.ids("category"), *({int(one) for one in mine} - set(form.ids("shown_category")))})

    async def _switch_segments(self, request: Request, form: Form) -> None:
        """Those alone that were shown, and whose switch was turned."""
        mine = (await self._desk.api.get(api_of(request, "/segments")))["lists"]
        on, contact_id = set(form.ids("segment")), request.path_params["id"]
        for one in form.ids("shown_segment"):
            if (one in on) != (str(one) in mine):
                word = "add" if one in on else "remove"
                await self._desk.api.send("POST", f"/api/segments/{one}/contact/{contact_id}/{word}")

    async def _form(self, request: Request, channels: list[Channel], problem: str = "") -> Response:
        segments, mine, categories, chosen = await asyncio.gather(
            self._listed("/api/segments", "lists", {"orderBy": "name"}),
            self._desk.api.get(api_of(request, "/segments")),
            self._listed("/api/categories", "categories", {"orderBy": "title", **in_bundles("global")}),
            self._desk.api.get(api_of(request, "/categories")),
        )
        return self._desk.page(
            request, "contact/preferences.html", 422 if problem else 200, block="dialog", channels=channels,
            units=UNITS, problem=problem, contact_id=request.path_params["id"],
            segments=[one for one in segments if one["isPreferenceCenter"]], members=set(mine["lists"]),
            categories=categories, chosen=set(chosen["categories"]),
        )  # fmt: skip

    async def _listed(self, path: str, key: str, asked: Mapping[str, str]) -> list[Any]:
        """Those that the caller may see."""
        return await self._desk.api.things_seen(path, key, {"limit": MOST, "published": 1, **asked})


def channels_of(contact: Mapping[str, Any]) -> list[Channel]:
    """The usual ones, and those of which anything is known."""
    refused = {one["channel"] for one in contact["doNotContact"]}
    rules = {one["channel"]: one for one in contact["frequencyRules"]}
    names = dict.fromkeys((*CHANNELS, *sorted(refused), *sorted(rules)))
    return [_channel(name, rules.get(name, {}), name in refused) for name in names]


def read_channel(form: Form, before: Channel) -> Channel:
    name = before.name
    return Channel(
        name, before.label, bool(form.text(f"subscribed.{name}")), form.text(f"number.{name}"),
        form.text(f"unit.{name}"), form.text(f"from.{name}"), form.text(f"to.{name}"), form.text("preferred") == name,
    )  # fmt: skip


def change_of(before: list[Channel], after: list[Channel]) -> dict[str, Any]:
    """A body for the API: what was turned on or off, and all rules."""
    turned = [new for old, new in zip(before, after, strict=True) if old.is_subscribed != new.is_subscribed]
    refusals = [{"channel": one.name, "reason": 0 if one.is_subscribed else MANUAL} for one in turned]
    rules = {
        one.name: {"frequency_number": one.number, "frequency_time": one.unit if one.number else "",
                   "pause_from_date": one.pause_from, "pause_to_date": one.pause_to,
                   "preferred_channel": one.is_preferred}
        for one in after
    }  # fmt: skip
    is_changed = any(old[3:] != new[3:] for old, new in zip(before, after, strict=True))
    return {**({"doNotContact": refusals} if refusals else {}), **({"frequencyRules": rules} if is_changed else {})}


def _channel(name: str, rule: Mapping[str, Any], is_refused: bool) -> Channel:
    return Channel(
        name, CHANNELS.get(name, name), not is_refused, str(rule.get("frequencyNumber") or ""),
        rule.get("frequencyTime") or "", str(rule.get("pauseFromDate") or "")[:10],
        str(rule.get("pauseToDate") or "")[:10], bool(rule.get("preferredChannel")),
    )  # fmt: skip
