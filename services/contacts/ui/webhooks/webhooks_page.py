"""Webhooks: the list, one while it is written, and the log of its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.inner_api import InnerApi
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import SEVERAL, Choices, Column, FormField, Kept, rights_of
from services.contacts.ui.paging import SIZE, Paging, read_paging


async def _triggers(api: InnerApi) -> Choices:
    told = (await api.get("/api/hooks/triggers"))["triggers"]
    return [(name, one["label"]) for name, one in told.items()]


HOOKS = Kept(
    path="/ui/webhooks",
    api="/api/hooks",
    singular="hook",
    plural="hooks",
    one="webhook",
    many="webhooks",
    columns=(
        Column("name", "Name", order="name"),
        Column("webhookUrl", "Address", order="url"),
        Column("triggers", "Told of", show=lambda hook: f"{len(hook['triggers'])} kinds", kind="text"),
        Column("isPublished", "Published", order="is_published", kind="flag"),
    ),
    fields=(
        FormField("name", "Name", is_required=True),
        FormField("webhookUrl", "Address", "url", help="What happens is POSTed there as JSON.", is_required=True),
        FormField("triggers", "Told of", SEVERAL, loads=_triggers),
        FormField("secret", "Secret", help="Calls are signed with it. A new one is made where it is blank."),
        FormField("eventsOrderbyDir", "In one call", "choice", blank=None, usual="ASC",
                  choices=(("ASC", "the oldest first"), ("DESC", "the newest first"))),
        FormField("description", "Description", "textarea"),
        FormField("isPublished", "Published: it is called", "flag", usual=True),
    ),
    rights=rights_of("webhook:webhooks", "own"),
    about="A webhook is an address of yours that is told what happens: contacts made or changed, forms submitted.",
    gone="What waits for it is told nobody.",
    has_page=True,
)  # fmt: skip


class WebhooksPage(KeepingPage):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, HOOKS)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {**super().handlers(), f"{HOOKS.path}/{{id:id}}": {"GET": self.show}}

    async def edit(self, request: Request) -> Response:
        """By PUT, which also takes triggers away."""
        hook = await self.one(request)
        path = f"{HOOKS.api}/{hook['id']}/edit"
        kept = {"category": hook["category"]["id"] if hook["category"] else 0}
        return await self._save(request, hook, lambda body: self._desk.api.send("PUT", path, {**kept, **body}))

    async def show(self, request: Request) -> Response:
        asked = read_paging(request)._replace(search="")
        path = f"{HOOKS.api}/{request.path_params['id']}/deliveries"
        hook, log, triggers = await asyncio.gather(
            self.one(request),
            self._desk.api.get(path, {"start": asked.start, "limit": SIZE}),
            _triggers(self._desk.api),
        )
        return self._desk.page(
            request, "webhooks/webhook.html", block="log", hook=hook, deliveries=log["deliveries"],
            triggers=dict(triggers), paging=Paging.of(asked, log["total"]),
        )  # fmt: skip
