"""`/email/view/{token}`: a mail as a web page, for readers whose mail program shows it badly.

It is written anew from its template and from what the contact is told of now; nobody's open is counted by it.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.common.clickthrough import UNSUBSCRIBE_SALT, VIEW_SALT, Clickthroughs
from services.common.documents import EMAIL, Email, decode_document
from services.common.folding import fold
from services.common.mail_tokens import UNSUBSCRIBE_URL, WEBVIEW_URL, Fillings, fill_html
from services.common.profiles import ProfileStore
from services.common.record_cache import RecordCache
from services.common.records import RecordStore
from services.ingest.entrance import Entrance
from services.ingest.guard import Refused, guarded

# What is written in a template must not act in the name of this server.
HEADERS = {
    "content-security-policy": "sandbox allow-popups allow-forms; default-src 'none'; img-src *; style-src * "
    "'unsafe-inline'; font-src *; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}


class MailView:
    def __init__(self, entrance: Entrance, secrets: tuple[str, ...]) -> None:
        self._entrance = entrance
        self._views = Clickthroughs(secrets, salt=VIEW_SALT)
        self._unsubscribes = Clickthroughs(secrets, salt=UNSUBSCRIBE_SALT)
        self._profiles = ProfileStore(entrance.redis)
        store = RecordStore(entrance.redis)
        self._emails = RecordCache(store, EMAIL, lambda data: decode_document(data, Email))

    def routes(self) -> list[Route]:
        handler = guarded(self.view, self._entrance.cors, self._entrance.metrics)
        return [Route("/email/view/{token}", handler, methods=["GET", "HEAD"])]

    async def view(self, request: Request) -> Response:
        said, _ = self._views.read(request.path_params["token"], time.time())
        if said is None:
            raise Refused(404)
        email = await self._emails.get(str(said.channel.get("email", 0)))
        profile = await self._profiles.resolve(said.contact_id)
        if email is None or profile is None or not profile.is_known():
            raise Refused(404)
        view = fold(profile)
        links = {
            UNSUBSCRIBE_URL: f"/email/unsubscribe/{self._unsubscribes.sign(said)}",
            WEBVIEW_URL: str(request.url.path),
        }
        page = fill_html(email.html, Fillings({**view.fields, "points": view.points}, {}, links))
        return HTMLResponse(page, headers=HEADERS)
