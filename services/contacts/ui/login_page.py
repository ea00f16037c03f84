"""Logging in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.access import Refused
from services.common.envelope import STORES_AWAY, ApiError, stores_away
from services.common.same_origin import is_from_here
from services.contacts.ui.desk import AWAY, NOT_OURS, Desk, as_header, own_path

HOME = "/ui"
WRONG = "Name or password is wrong."


class LoginPage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """They stand before the login."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/ui/login", self.login, methods=["GET", "POST"]),
            Route("/ui/logout", self.logout, methods=["POST"]),
        ]

    async def home(self, _: Request) -> Response:
        return Response(status_code=302, headers={"Location": HOME})

    async def login(self, request: Request) -> Response:
        if request.method != "POST":
            return self._page(request, own_path(request.query_params.get("next", "")))
        if not is_from_here(request.headers):
            return self._desk.problem(request, ApiError(403, NOT_OURS))
        try:
            form = await self._desk.form(request)
            leads_to = own_path(form.text("next")) or HOME
            entered = await self._desk.sessions.log_in(request, form.text("username"), form.raw("password"))
        except ApiError as error:
            return self._desk.problem(request, error)
        except STORES_AWAY as error:
            stores_away(error)
            return self._page(request, "", 503, problem=AWAY)
        if isinstance(entered, Refused):
            text = WRONG if entered.status == 401 else entered.message
            return self._page(request, leads_to, entered.status, form.text("username"), text)
        _, token = entered
        headers = {"Location": as_header(leads_to), "Set-Cookie": self._desk.sessions.cookie(request, token)}
        return Response(status_code=303, headers={**headers, "Cache-Control": "no-store"})

    async def logout(self, request: Request) -> Response:
        if not is_from_here(request.headers):
            return self._desk.problem(request, ApiError(403, NOT_OURS))
        try:
            await self._desk.sessions.log_out(request)
        except STORES_AWAY as error:
            stores_away(error)
            return self._desk.problem(request, ApiError(503, AWAY))
        headers = {"Location": "/ui/login", "Set-Cookie": self._desk.sessions.cookie(request, "")}
        response = Response(status_code=303, headers={**headers, "Cache-Control": "no-store"})
        response.headers.append("Set-Cookie", self._desk.forgotten_user())
        return response

    def _page(
        self, request: Request, leads_to: str, status: int = 200, username: str = "", problem: str = ""
    ) -> Response:
        return self._desk.open_page(request, "login.html", status, next=leads_to, username=username, problem=problem)
