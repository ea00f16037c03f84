"""Who looks at the pages: by the cookie of a session, else by the login that a program sends along."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from services.common.access import Refused, Shown
from services.common.caller import Caller
from services.common.logins import SESSION_SECONDS, Logins
from services.common.peer import Network, address_of, is_trusted

COOKIE = "spoor_session"


class Sessions:
    def __init__(self, logins: Logins, trusted: Sequence[Network]) -> None:
        self._logins, self._trusted = logins, trusted

    async def caller(self, request: Request) -> Caller | None:
        """None for whoever must log in first. Raises what the stores raise."""
        ip = self._ip(request)
        if token := token_of(request):
            return await self._logins.by_session(token, ip)
        shown = Shown(request.headers.get("authorization", ""), ip=ip)
        if not shown.authorization:
            return None
        admitted = await self._logins.admit(shown, request.url.path)
        return None if isinstance(admitted, Refused) else admitted

    async def log_in(self, request: Request, name: str, password: str) -> tuple[Caller, str] | Refused:
        """The user, and the token of a new session."""
        user = await self._logins.by_password(name, password, self._ip(request))
        return user if isinstance(user, Refused) else (user, await self._logins.begin_session(user))

    async def log_out(self, request: Request) -> None:
        if token := token_of(request):
            await self._logins.end_session(token)

    def cookie(self, request: Request, token: str) -> str:
        """A Set-Cookie header; an empty token removes it."""
        said = request.headers.get("x-forwarded-proto", "") if self._is_proxied(request) else request.url.scheme
        secure = "; secure" if said.partition(",")[0].strip().lower() == "https" else ""  # the first proxy comes first
        life = SESSION_SECONDS if token else 0
        return f"{COOKIE}={token}; max-age={life}; path=/ui; httponly; samesite=lax{secure}"

    def _is_proxied(self, request: Request) -> bool:
        peer = request.client.host if request.client else ""
        return is_trusted(peer, self._trusted) and "x-forwarded-proto" in request.headers

    def _ip(self, request: Request) -> str:
        peer = request.client.host if request.client else ""
        return address_of(peer, request.headers.get("x-forwarded-for", ""), self._trusted)


def token_of(request: Request) -> str:
    return request.cookies.get(COOKIE, "")
