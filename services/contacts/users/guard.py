"""Stands before every handler: has the caller the right that the route needs; and behind it: what was changed is kept
before the answer goes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.audit import begin, note
from services.common.caller import rights
from services.common.envelope import STORES_AWAY, not_allowed
from services.common.rights import ACCESS
from services.contacts.stores import Stores
from services.contacts.ui.inner_api import OF_PAGE
from services.contacts.users.ownership import enter_action
from services.contacts.users.route_rights import ADMIN, RULES, Rule

Endpoint = Callable[[Request], Awaitable[Response]]
_READS = frozenset({"GET", "HEAD"})


def guarded(stores: Stores, routes: Iterable[Route]) -> list[Route]:
    """The same routes, each behind its rule; one that has none is the admin's."""
    return [
        Route(route.path, _Guard(stores, route).handle, methods=sorted((route.methods or {"GET"}) - {"HEAD"}))
        for route in routes
    ]


class _Guard:
    def __init__(self, stores: Stores, route: Route) -> None:
        self._stores, self._path, self._endpoint = stores, route.path, route.endpoint

    async def handle(self, request: Request) -> Response:
        rule = self._rule(request.method)
        is_called = self._path.startswith("/api") and OF_PAGE not in request.scope
        if not rule.lets(rights()) or (is_called and not rights().may(ACCESS)):
            raise not_allowed()
        enter_action(rule.action())
        if request.method in _READS or rule.is_read:
            response: Response = await self._endpoint(request)
            return response
        return await self._audited(request)

    async def _audited(self, request: Request) -> Response:
        mark, noted = self._stores.replicas.mark(), begin()
        try:
            response: Response = await self._endpoint(request)
        except Exception:
            with suppress(*STORES_AWAY):  # what was written before stays written
                await self._stores.audit.append_noted()
            raise
        if noted.is_empty and response.status_code < 300:
            self._note_call(request)
        await self._stores.audit.append_noted()
        if not noted.is_empty:
            await self._stores.replicas.confirm(mark)
        return response

    def _note_call(self, request: Request) -> None:
        """A call that told of no change: what was asked for."""
        _, _, kind, *rest = self._path.split("/")
        verb = next((word for word in reversed(rest) if not word.startswith("{")), "")
        note(verb or request.method.lower(), kind, request.path_params.get("id", ""), {})

    def _rule(self, method: str) -> Rule:
        return RULES.get(("GET" if method == "HEAD" else method, self._path), ADMIN)
