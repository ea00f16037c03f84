"""What every part of the room has in common: whose page it is, where that is, and what is said after a change."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.contacts.ui.desk import Desk, is_htmx

PATH = "/ui/contacts/{id:id}"
CHANGED = "spoor:changed"  # the page renews what it shows


def api_of(request: Request, rest: str = "") -> str:
    return f"/api/contacts/{request.path_params['id']}{rest}"


def page_of(request: Request, tab: str = "") -> str:
    return f"/ui/contacts/{request.path_params['id']}{f'?tab={tab}' if tab else ''}"


def done(desk: Desk, request: Request, said: str, tab: str = "", *, closes: bool = True) -> Response:
    """After a change: the dialog closes and the page renews itself; without a script it is shown again."""
    if not is_htmx(request):
        return desk.go(request, page_of(request, tab), said)
    events: dict[str, Any] = {CHANGED: True, **({"spoor:close": True} if closes else {})}
    return desk.nothing(said, events)
