"""Merging: somebody is searched, both are seen side by side with what becomes of them, and a merge is undone."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.contact.calls import PATH, api_of, page_of
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.form import Form
from services.contacts.ui.people_names import values_of

MOST_FOUND = 25
BESIDE = {"tags": "Tags", "points": "Points", "owner": "Owner", "stage": "Stage", "addresses": "IP addresses"}


class Row(NamedTuple):
    """`alias` is that of a field of which both say something else, so that one is to be chosen."""

    label: str
    mine: str
    other: str
    merged: str
    alias: str = ""


class MergeDialogs:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/merge": {"GET": self.search},
            f"{PATH}/merge/{{other:id}}": {"GET": self.compare, "POST": self.merge},
            f"{PATH}/unmerge/{{other:id}}": {"POST": self.undo},
        }

    async def search(self, request: Request) -> Response:
        """Known contacts but for this one; with htmx the dialog, or what a search in it found."""
        text, problem, found = request.query_params.get("search", "").strip(), "", list[Any]()
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        if text:
            try:
                found = await self._found(text, contact["id"])
            except ApiError as error:
                if error.status != 400:
                    raise
                problem = error.message
        is_search = "search" in request.query_params
        return self._desk.page(
            request, "contact/merge.html", block="found" if is_search else "dialog", contact=contact,
            contact_id=contact["id"], search=text, found=found, problem=problem,
        )  # fmt: skip

    async def compare(self, request: Request) -> Response:
        other_id = request.path_params["other"]
        mine, other, merged, unique = await asyncio.gather(
            self._desk.api.get(api_of(request)),
            self._desk.api.get(f"/api/contacts/{other_id}"),
            self._desk.api.get(api_of(request, f"/merge/{other_id}")),
            self._desk.api.things("/api/fields/contact", "fields", {"search": "is:unique"}),
        )
        fixed = {field["alias"] for field in unique}
        rows = rows_of(mine["contact"], other["contact"], merged["contact"], fixed)
        return self._desk.page(
            request, "contact/merge_compare.html", block="dialog", contact=mine["contact"], other=other["contact"],
            rows=rows, contact_id=request.path_params["id"],
        )  # fmt: skip

    async def merge(self, request: Request) -> Response:
        other_id, form = request.path_params["other"], await self._desk.form(request)
        mine, other = await asyncio.gather(
            self._desk.api.get(api_of(request)), self._desk.api.get(f"/api/contacts/{other_id}")
        )
        sides = {"mine": values_of(mine["contact"]), "other": values_of(other["contact"])}
        merged = (await self._desk.api.send("POST", api_of(request, "/merge"), {"contact": other_id}))["contact"]
        said = "Merged."
        if chosen := chosen_of(form, sides, values_of(merged)):
            try:
                await self._desk.api.send("PATCH", api_of(request, "/edit"), chosen)
            except ApiError as error:
                said = f"Merged, but what you chose was not taken: {error.message}"
        return self._desk.go(request, f"{page_of(request)}?merged={other_id}", said)

    async def undo(self, request: Request) -> Response:
        answer = await self._desk.api.send("POST", api_of(request, f"/unmerge/{request.path_params['other']}"))
        taken = f" What it had as {', '.join(answer['taken'])} is somebody else's by now." if answer["taken"] else ""
        return self._desk.go(request, page_of(request), f"The merge is undone.{taken}")

    async def _found(self, text: str, own_id: int) -> list[Any]:
        query = {"search": f"({text}) !is:anonymous", "limit": MOST_FOUND + 1}
        people = await self._desk.api.things("/api/contacts", "contacts", query)
        return [one for one in people if one["id"] != own_id][:MOST_FOUND]


def chosen_of(form: Form, sides: Mapping[str, Mapping[str, Any]], merged: Mapping[str, Any]) -> dict[str, Any]:
    """The values of either side, mine or other, that were chosen and are not those that the merge has kept."""
    chosen = {alias: sides[side].get(alias) for alias in merged if (side := form.text(f"keep.{alias}")) in sides}
    return {alias: value for alias, value in chosen.items() if value not in (None, merged[alias])}


def rows_of(
    mine: Mapping[str, Any], other: Mapping[str, Any], merged: Mapping[str, Any], fixed: Container[str] = ()
) -> list[Row]:
    """What any of them has; labels are those of the fields. Of `fixed` ones nothing is to be chosen: the merged contact
    is found by either value, and whoever says one of them anew gives the other one up."""
    labels = {field["alias"]: field["label"] for group in merged["fields"].values() if isinstance(group, dict)
              for field in group.values() if isinstance(field, dict)}  # fmt: skip
    three = [values_of(one) for one in (mine, other, merged)]
    rows = []
    for alias, label in labels.items():
        texts = [_text(values.get(alias)) for values in three]
        if alias not in ("points", "last_active"):
            is_open = alias not in fixed and texts[0] and texts[1] and texts[0] != texts[1]
            rows.append(Row(label, texts[0], texts[1], texts[2], alias if is_open else ""))
    rows += [Row(label, *(_beside(one, name) for one in (mine, other, merged))) for name, label in BESIDE.items()]
    return [row for row in rows if any(row[1:4])]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _beside(contact: Mapping[str, Any], name: str) -> str:
    if name == "tags":
        return ", ".join(tag["tag"] for tag in contact["tags"])
    if name == "addresses":
        return ", ".join(str(one["ipAddress"]) for one in contact["ipAddresses"])
    if name == "owner":
        return contact["owner"]["username"] if contact["owner"] else ""
    if name == "stage":
        return contact["stage"]["name"] if contact["stage"] else ""
    return str(contact["points"])
