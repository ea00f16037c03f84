"""What the installation runs with, for the admin: to be read, and the snippets to copy."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.common.caller import rights
from services.common.envelope import ApiError
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.settings.overview import groups
from services.contacts.ui.snippet import pixel_snippet, script_snippet


class SettingsPage:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._groups = desk, groups(desk.settings)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {"/ui/settings": {"GET": self.show}}

    async def show(self, request: Request) -> Response:
        if not rights().is_admin:
            raise ApiError(403, "Settings are the admin's to see.")
        base, is_guess = self._desk.ingest_url(request)
        fields = (await self._desk.api.get("/api/fields/contact", {"limit": 1_000}))["fields"]
        return self._desk.page(
            request, "settings/settings.html", groups=self._groups, base=base, is_guess=is_guess,
            script=script_snippet(base), pixel=pixel_snippet(base),
            public=[field for field in fields if field["isPubliclyUpdatable"]],
            unique=[field for field in fields if field["isUniqueIdentifier"]],
        )  # fmt: skip
