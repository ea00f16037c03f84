"""One's own account: names, password, and the tokens that one's programs log in with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.access import Refused
from services.common.caller import ADMIN_ID, caller
from services.common.envelope import ApiError
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.keeping.refusal import NOTHING, Refusal, refused_input
from services.contacts.ui.sessions import token_of

PATH = "/ui/me"
NAMES = ("firstName", "lastName", "position", "timezone", "locale", "signature")
PASSWORDS = ("currentPassword", "plainPassword", "confirm")


class MePage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            PATH: {"GET": self.show},
            f"{PATH}/names": {"POST": self.change_names},
            f"{PATH}/password": {"POST": self.change_password},
            f"{PATH}/tokens": {"POST": self.make_token},
            f"{PATH}/tokens/{{id:id}}/revoke": {"GET": self.ask, "POST": self.revoke},
        }

    async def show(self, request: Request) -> Response:
        return await self._page(request)

    async def change_names(self, request: Request) -> Response:
        form = await self._desk.form(request)
        said = {name: form.text(name) for name in NAMES if name in form}
        try:
            await self._desk.api.send("PATCH", "/api/users/self/edit", said)
        except ApiError as error:
            return await self._page(request, refused_input(error, NAMES), "names", said=said)
        return self._desk.go(request, PATH, "Your names are saved.")

    async def change_password(self, request: Request) -> Response:
        form = await self._desk.form(request)
        current, new, confirm = (form.raw(name) for name in PASSWORDS)
        said = {"currentPassword": current, "plainPassword": {"password": new, "confirm": confirm}}
        try:
            if not new:
                raise ApiError(400, text := "A new password is needed.", {"plainPassword": [text]})
            await self._desk.api.send("PATCH", "/api/users/self/edit", said)
        except ApiError as error:
            return await self._page(request, refused_input(error, PASSWORDS), "password")
        response = self._desk.go(request, PATH, "Your password is changed.")
        return await self._stays_in(request, new, response)

    async def _stays_in(self, request: Request, password: str, response: Response) -> Response:
        """All sessions end with their password; this one goes on with the new one."""
        me = caller()
        if me and token_of(request):
            entered = await self._desk.sessions.log_in(request, me.name, password)
            if not isinstance(entered, Refused):
                response.headers.append("Set-Cookie", self._desk.sessions.cookie(request, entered[1]))
        return response

    async def make_token(self, request: Request) -> Response:
        form = await self._desk.form(request)
        said = {"name": form.text("name"), "days": form.text("days") or "0"}
        try:
            made = (await self._desk.api.send("POST", "/api/tokens/new", said))["token"]
        except ApiError as error:
            return await self._page(request, refused_input(error, tuple(said)), "tokens", asked=said)
        return await self._page(request, block="tokens", made=made)

    async def ask(self, request: Request) -> Response:
        tokens = (await self._desk.api.get("/api/tokens"))["tokens"]
        token = next((one for one in tokens if one["id"] == request.path_params["id"]), None)
        if token is None:
            raise ApiError(404, "There is no such token.")
        text = "Programs that use this token are let in no more, within a second."
        return self._desk.ask(request, f"Revoke {token['name']}?", text, "Revoke it", PATH)

    async def revoke(self, request: Request) -> Response:
        await self._desk.api.send("DELETE", f"/api/tokens/{request.path_params['id']}/delete")
        return self._desk.go(request, PATH, "The token is revoked.")

    async def _page(self, request: Request, refused: Refusal = NOTHING, block: str = "", **values: Any) -> Response:
        """`refused` is what was wrong in that block."""
        user, tokens = await asyncio.gather(self._desk.api.get("/api/users/self"), self._desk.api.get("/api/tokens"))
        shown = {"made": None, "asked": {"name": "", "days": "90"}, "said": {}, **values}
        return self._desk.page(
            request, "users/me.html", 422 if refused.text else 200, block=block, user={**user, **shown.pop("said")},
            tokens=tokens["tokens"], is_kept_here=bool(user["id"]) and user["id"] != ADMIN_ID,
            refused={name: refused if name == block else NOTHING for name in ("names", "password", "tokens")}, **shown,
        )  # fmt: skip
