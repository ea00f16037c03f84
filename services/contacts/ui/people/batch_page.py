"""What is done with many contacts at once: a dialog for each action, over the ids that were chosen or over a whole
search, which becomes a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.channels import CHANNELS
from services.contacts.ui.desk import Desk, Handler, own_path
from services.contacts.ui.form import Form
from services.contacts.ui.keeping.choices import MOST, OWNERS, in_bundles
from services.contacts.ui.keeping.refusal import NOTHING, Refusal, refused_input

PATH = "/ui/contacts/batch/{action}"
PERIODS = {"DAY": "a day", "WEEK": "a week", "MONTH": "a month"}
SHOWN_REASONS = 3


class Choices(NamedTuple):
    """What an action chooses from: where the API lists it, under which name, and what is said and read of each; what is
    read may be several texts."""

    path: str
    name: str
    value: str
    label: str


class Dialog(NamedTuple):
    title: str
    button: str
    read: Callable[[Form], dict[str, Any]]  # what the API is told beside who
    choices: Choices | None = None


def _sets(form: Form) -> dict[str, Any]:
    return {name: form.ids(name) for name in ("add", "remove") if form.all(name)}


def _tags(form: Form) -> dict[str, Any]:
    added = form.words("add")
    return {**({"add": added} if added else {}), **({"remove": form.all("remove")} if form.all("remove") else {})}


def _owner(form: Form) -> dict[str, Any]:
    return {"owner": form.number("owner") or None}


def _channels(form: Form) -> dict[str, Any]:
    """Who is not ticked is unsubscribed, as the form says."""
    said: dict[str, Any] = {}
    rules: dict[str, dict[str, Any]] = {}
    for channel in CHANNELS:
        match form.text(f"{channel}.is"):
            case "on":
                said.setdefault("subscribe", []).append(channel)
            case "off":
                said.setdefault("unsubscribe", []).append(channel)
        rule = {name: form.text(f"{channel}.{name}") for name in ("frequency_number", "frequency_time",
                "pause_from_date", "pause_to_date") if form.text(f"{channel}.{name}")}  # fmt: skip
        if rule.get("frequency_number") or rule.get("pause_from_date") or rule.get("pause_to_date"):
            rules[channel] = rule
        if form.text("preferred") == channel:
            rules.setdefault(channel, {})["preferred_channel"] = True
    if form.text("reason"):
        said["reason"] = form.text("reason")
    return {**said, **({"frequencyRules": rules} if rules else {})}


DIALOGS: Mapping[str, Dialog] = {
    "segments": Dialog("Change segments", "Change", _sets, Choices("/api/contacts/list/segments", "", "id", "name")),
    "campaigns": Dialog("Change campaigns", "Change", _sets, Choices("/api/campaigns", "campaigns", "id", "name")),
    "categories": Dialog("Change categories", "Change", _sets, Choices("/api/categories", "categories", "id", "title")),
    "stages": Dialog("Change stage", "Change", _sets, Choices("/api/stages", "stages", "id", "name")),
    "tags": Dialog("Change tags", "Change", _tags, Choices("/api/tags", "tags", "tag", "tag")),
    "owner": Dialog("Change owner", "Change", _owner, Choices(OWNERS, "", "id", "firstName lastName")),
    "channels": Dialog("Change channels", "Change", _channels),
    "dnc": Dialog("Set do not contact", "Set", lambda form: {"channel": "email", "reason": form.text("reason")}),
    "delete": Dialog("Delete contacts", "Delete", lambda _: {}),
}


class BatchPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {PATH: {"GET": self.ask, "POST": self.act}}

    async def ask(self, request: Request) -> Response:
        said = request.query_params
        ids = [one for one in said.getlist("ids") if one]
        search = said.get("grammar", "") if said.get("everybody") else ""
        return await self._dialog(request, ids, search, said.get("total", ""), own_path(said.get("back", "")))

    async def act(self, request: Request) -> Response:
        form, dialog, action = await self._desk.form(request), _dialog_of(request), request.path_params["action"]
        search, back = form.text("search"), own_path(form.text("back")) or "/ui/contacts"
        who: dict[str, Any] = {"search": search} if search else {"ids": form.ids("ids")}
        try:
            done = await self._desk.api.send("POST", f"/api/contacts/batch/{action}", {**who, **dialog.read(form)})
        except ApiError as error:
            return await self._dialog(
                request,
                [str(one) for one in form.ids("ids")],
                search,
                form.text("total"),
                back,
                refused_input(error, ()),
                form.text("reason"),
            )
        if "job" in done:
            return self._desk.go(request, f"/ui/jobs/{done['job']['id']}", "It is under way.")
        return self._desk.go(request, back, outcome(done))

    async def _dialog(
        self, request: Request, ids: list[str], search: str, total: str, back: str,
        refused: Refusal = NOTHING, reason: str = "",
    ) -> Response:  # fmt: skip
        dialog = _dialog_of(request)
        return self._desk.page(
            request, "people/batch.html", 422 if refused.text else 200, block="dialog",
            action=request.path_params["action"], dialog=dialog, ids=ids, search=search, total=total, back=back,
            refused=refused, reason=reason,
            choices=await self._choices(dialog.choices), channels=CHANNELS, periods=PERIODS,
        )  # fmt: skip

    async def _choices(self, choices: Choices | None) -> dict[str, str]:
        if choices is None:
            return {}
        narrowed = in_bundles("global") if choices.name == "categories" else {}
        order = {"orderBy": choices.label} if choices.name else {}  # bare lists have their own
        listed = await self._desk.api.things(choices.path, choices.name, {"limit": MOST, **order, **narrowed})
        texts = {str(row[choices.value]): [str(row[name] or "") for name in choices.label.split()] for row in listed}
        return {value: " ".join(parts).strip() or value for value, parts in texts.items()}


def _dialog_of(request: Request) -> Dialog:
    dialog = DIALOGS.get(request.path_params["action"])
    if dialog is None:
        raise ApiError(404, "There is no such page.")
    return dialog


def outcome(done: Mapping[str, Any]) -> str:
    """12 contacts affected. 2 were not: You do not have access ... (2)"""
    affected = done["affected"]
    text = f"{affected:,} {'contact' if affected == 1 else 'contacts'} affected."
    reasons = Counter(one.get("error", "") for one in done["details"].values() if not one["success"])
    left_out = sum(1 for one in done["details"].values() if one.get("unsubscribed"))
    if reasons:
        told = "; ".join(f"{reason or 'failed'} ({count})" for reason, count in reasons.most_common(SHOWN_REASONS))
        text += f" {sum(reasons.values())} {'was' if sum(reasons.values()) == 1 else 'were'} not: {told}"
    if left_out:
        text += f" {left_out} had unsubscribed themselves and stay so."
    return text
