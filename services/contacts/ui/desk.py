"""What every page is made with: templates, headers, what was said after a change, and errors that read well.

A handler reads from `api`, renders a template, or says where to go next; with htmx a part of a page takes the place of
the whole. Raised `ApiError`s become a page, or a note on the page that asked.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote, urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import BY_UI, caller, enter, rights
from services.common.envelope import STORES_AWAY, ApiError, stores_away
from services.common.queries.query_error import QueryError
from services.common.same_origin import SAFE_METHODS, is_from_here
from services.common.settings import Settings
from services.common.user_cookie import UserCookies
from services.contacts.metrics import ContactsMetrics
from services.contacts.ui import people_names, words
from services.contacts.ui.assets import Assets
from services.contacts.ui.form import Form, read_form, words_text
from services.contacts.ui.icons import icon
from services.contacts.ui.inner_api import InnerApi
from services.contacts.ui.live.reasons import in_words
from services.contacts.ui.sessions import Sessions

Handler = Callable[[Request], Awaitable[Response]]
SAID_COOKIE = "spoor_said"
COMPRESSED_FROM_BYTES = 1_000
AWAY = "A database does not answer at the moment; try again."
NOT_OURS = "This request came from another site, so nothing was changed."
TITLES = {400: "That was not understood", 403: "Not yours to see", 404: "Nothing here", 413: "Too large",
          503: "A database does not answer"}  # fmt: skip
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "HX-Request, Accept-Encoding",
}


class _Id(IntegerConvertor):
    """In a path, as {id:id}: what is longer than any id names no page."""

    regex = "[0-9]{1,18}"


register_url_convertor("id", _Id())


class Desk:
    def __init__(self, api: InnerApi, sessions: Sessions, settings: Settings, metrics: ContactsMetrics) -> None:
        self.api, self.sessions, self.settings = api, sessions, settings
        self.assets = Assets()
        self._metrics = metrics
        self._users = UserCookies(settings.secret)
        pictures = " https://www.gravatar.com" if settings.gravatar else ""
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
            f"img-src 'self' data:{pictures}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        self._templates = _environment(self.assets, has_gravatar=settings.gravatar)

    def routes(self, handlers: Mapping[str, Mapping[str, Handler]]) -> list[Route]:
        """Of handlers by path and method, each behind the login."""
        return [Route(path, self._guarded(methods), methods=list(methods)) for path, methods in handlers.items()]

    def nothing_else(self) -> Route:
        """For every other path of the pages."""
        return Route(
            "/ui/{rest:path}", self._guarded(dict.fromkeys(("GET", "POST"), _nothing)), methods=["GET", "POST"]
        )

    def page(
        self,
        request: Request,
        template: str,
        status: int = 200,
        *,
        block: str = "",
        has_frames: bool = False,
        **values: Any,
    ) -> Response:
        """The template; for htmx that block of it alone, where one is named. With `has_frames` it may show other pages
        of ours within itself."""
        self._metrics.reads.add(value="page")
        is_part = is_htmx(request) and "hx-history-restore-request" not in request.headers
        part = block if is_part else ""
        said = "" if part else unquote(request.cookies.get(SAID_COOKIE, ""))
        shared = {"me": caller(), "may": rights().may, "path": request.url.path, "said": said, "problem": "",
                  "part": part}  # fmt: skip
        html = self._templates.get_template(template).render({**shared, **values})
        response = self._html(request, html, status, policy="; frame-src 'self'" if has_frames else "")
        if said:
            response.headers.append("Set-Cookie", _said_cookie(""))
        return response

    def ask(
        self, request: Request, title: str, text: str, button: str, back: str, *, is_danger: bool = True
    ) -> Response:
        """Whether it is meant: whoever says yes posts to the address that asked."""
        return self.page(
            request, "ask.html", block="dialog", title=title, text=text, button=button, back=back, is_danger=is_danger
        )

    def open_page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """For whoever is not logged in yet."""
        shared = {"me": None, "may": lambda _: False, "path": request.url.path, "said": "", "problem": ""}
        html = self._templates.get_template(template).render({**shared, **values})
        return self._html(request, html, status, is_user=False)

    def go(self, request: Request, location: str, said: str = "") -> Response:
        """After a change: the page that shows it, which says so. `location` is a path below /ui."""
        if is_htmx(request):
            status, name = 204, "HX-Redirect"
        else:
            status, name = 303, "Location"
        response = Response(status_code=status, headers={name: as_header(location), "Cache-Control": "no-store"})
        if said:
            response.headers.append("Set-Cookie", _said_cookie(said))
        return response

    def say(
        self, response: Response, text: str, *, is_error: bool = False, events: Mapping[str, Any] = MappingProxyType({})
    ) -> Response:
        """Beside a part of a page: a note that passes, and events that other parts listen to."""
        told = {"spoor:say": {"text": text, "kind": "error" if is_error else "done"}, **events}
        response.headers["HX-Trigger"] = json.dumps(told, ensure_ascii=True)
        return response

    def nothing(self, said: str = "", events: Mapping[str, Any] = MappingProxyType({})) -> Response:
        """For a change that leaves the page as it is; `events` are for the scripts of the page."""
        return self.say(Response(status_code=204), said, events=events)

    def ingest_url(self, request: Request) -> tuple[str, bool]:
        """Where browsers reach ingest, and whether that is a guess."""
        if self.settings.public_url:
            return self.settings.public_url.rstrip("/"), False
        return f"{request.url.scheme}://{request.url.hostname}:{self.settings.ingest_port}", True

    def forgotten_user(self) -> str:
        """A Set-Cookie header for whoever logs out."""
        return self._users.farewell()

    async def form(self, request: Request) -> Form:
        """What a form of ours says. Raises `ApiError`."""
        return await read_form(request)

    def _guarded(self, methods: Mapping[str, Handler]) -> Handler:
        async def handle(request: Request) -> Response:
            try:
                return await self._handled(request, methods)
            except ApiError as error:
                return self.problem(request, error)
            except QueryError as error:
                return self.problem(request, ApiError(400, str(error)))
            except STORES_AWAY as error:
                stores_away(error)  # logs it
                return self.problem(request, ApiError(503, AWAY))

        return handle

    async def _handled(self, request: Request, methods: Mapping[str, Handler]) -> Response:
        enter(None)
        if request.method not in SAFE_METHODS and not is_from_here(request.headers):
            raise ApiError(403, NOT_OURS)
        user = await self.sessions.caller(request)
        if user is None:
            return self._to_login(request)
        enter(msgspec.structs.replace(user, source=BY_UI))
        request.scope["user"] = user.name
        return await methods["GET" if request.method == "HEAD" else request.method](request)

    def _to_login(self, request: Request) -> Response:
        asked = request.headers.get("hx-current-url", "") if is_htmx(request) else ""
        path = _path_of(asked) or (_path_of(str(request.url)) if request.method in SAFE_METHODS else "")
        where = f"/ui/login?{urlencode({'next': path})}" if path.startswith("/ui/") else "/ui/login"
        if is_htmx(request):
            return Response(status_code=401, headers={"HX-Redirect": where, "Cache-Control": "no-store"})
        return Response(status_code=303, headers={"Location": where, "Cache-Control": "no-store"})

    def problem(self, request: Request, error: ApiError) -> Response:
        """A page of its own; for htmx a note on the page that is there."""
        text = error.message or TITLES.get(error.status, "This did not work.")
        if is_htmx(request):
            return self.say(Response(status_code=error.status, headers=HEADERS), text, is_error=True)
        title = TITLES.get(error.status, "This did not work")
        if caller() is None:
            is_read = request.method in SAFE_METHODS  # whoever it is may be logged in
            again = own_path(request.url.path) if error.status == 503 and is_read else ""
            return self.open_page(request, "open_problem.html", error.status, title=title, text=text, again=again)
        return self.page(request, "problem.html", error.status, title=title, text=text)

    def _html(self, request: Request, html: str, status: int, *, is_user: bool = True, policy: str = "") -> Response:
        """`policy`: what the page may do beside what all may."""
        body, headers = html.encode("utf-8", "replace"), {**HEADERS, "Content-Security-Policy": self._policy + policy}
        if len(body) > COMPRESSED_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 4), "gzip"
        response = Response(body, status, headers, media_type="text/html")
        if is_user:
            # Whoever looks at these pages is no visitor: ingest passes over those who show this cookie.
            response.headers.append("Set-Cookie", self._users.header())
        return response


async def _nothing(_: Request) -> Response:
    raise ApiError(404, "There is no such page.")


def is_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def own_path(said: str) -> str:
    """A path below /ui that a login may lead to, '' for anything else."""
    is_ours = said.startswith("/ui/") and "\\" not in said and "//" not in said.partition("?")[0]
    return said if is_ours and said.isprintable() else ""


def as_header(path: str) -> str:
    """An address as a header takes it: what is not ASCII is quoted, and what is quoted stays."""
    return quote(path, safe="/?#[]@!$&'()*+,;=:%-._~")


def _path_of(url: str) -> str:
    """What of an address stands behind its host."""
    _, separator, rest = url.partition("//")
    path = "/" + rest.partition("/")[2] if separator else url
    return own_path(path)


def _said_cookie(text: str) -> str:
    return f"{SAID_COOKIE}={quote(text[:300])}; max-age={20 if text else 0}; path=/ui; httponly; samesite=lax"


def _environment(assets: Assets, *, has_gravatar: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("services.contacts.ui"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(asset=assets.path, icon=icon)
    environment.filters.update(
        when=words.when, ago=words.ago, count=words.count, size=words.size, initials=words.initials, hue=words.hue,
        is_web=words.is_web, reason_words=in_words, name_of=people_names.name_of,
        is_anonymous=people_names.is_anonymous,
        picture_of=partial(people_names.picture_of, has_gravatar=has_gravatar), place_of=people_names.place_of,
        values_of=people_names.values_of, query=urlencode, listed=words_text,
    )  # fmt: skip
    return environment
