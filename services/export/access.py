"""Who may export: the rights that every route needs, and that a schedule needs whenever it is due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from services.common.caller import rights
from services.common.envelope import not_allowed
from services.common.rights import ACCESS, Rights

Handler = Callable[[Request], Awaitable[Response]]
NEEDED = (ACCESS, "lead:export:enable", "lead:leads:viewown")


def may_export(granted: Rights) -> bool:
    return all(granted.may(right) for right in NEEDED)


def exporting(handler: Handler) -> Handler:
    """Behind these rights."""

    async def handle(request: Request) -> Response:
        if not may_export(rights()):
            raise not_allowed()
        return await handler(request)

    return handle
