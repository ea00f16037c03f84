"""`/email/unsubscribe/{token}`: the reader of a mail wants no more of them.

Only a POST unsubscribes: programs that look at the links of mails follow them by GET, and must not decide for anybody.
A mail program's own button posts (RFC 8058); the page that a person comes to has one that does.
"""

from __future__ import annotations

import time
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.common.clickthrough import UNSUBSCRIBE_SALT, Clickthrough, Clickthroughs
from services.common.event_types import DO_NOT_CONTACT
from services.common.hit import Door, Hit
from services.common.queries.statement import Statement, encode_statement
from services.ingest.door import event_ids, read_headers
from services.ingest.entrance import Entrance
from services.ingest.form_answers import ASKING_HEADERS, as_html, button_page, word_page
from services.ingest.guard import Refused, guarded

CHANNEL = "email"
TITLE = "Unsubscribe"
ASK = "Do you want to receive no more mails from us?"
DONE = "You will receive no more mails from us."
BAD_TOKEN = "This link is not complete: please use the one in the mail."
COMMENT = "Unsubscribed by the link in a mail"


class Unsubscribing:
    def __init__(self, entrance: Entrance, secrets: tuple[str, ...]) -> None:
        self._entrance = entrance
        self._tokens = Clickthroughs(secrets, salt=UNSUBSCRIBE_SALT)
        self._event_ids = event_ids()

    def routes(self) -> list[Route]:
        cors, metrics = self._entrance.cors, self._entrance.metrics
        path = "/email/unsubscribe/{token}"
        return [
            Route(path, guarded(self.ask, cors, metrics), methods=["GET", "HEAD"]),
            Route(path, guarded(self.unsubscribe, cors, metrics), methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        self._read(request)
        token = quote(request.path_params["token"], safe="")
        return HTMLResponse(button_page(ASK, TITLE, f"/email/unsubscribe/{token}"), headers=_PRIVATE)

    async def unsubscribe(self, request: Request) -> Response:
        """Never dropped: whoever says so means it. It is the mail's reader who does, whatever device it comes from."""
        said = self._read(request)
        await self._entrance.buffer.keep(self._hit(request, said))
        self._entrance.metrics.accepted.add(value="touch")
        return HTMLResponse(word_page(as_html(DONE), TITLE), headers=_PRIVATE)

    def _read(self, request: Request) -> Clickthrough:
        said, _ = self._tokens.read(request.path_params["token"], time.time())
        if said is None:
            raise Refused(404, BAD_TOKEN)
        return said

    def _hit(self, request: Request, said: Clickthrough) -> Hit:
        now_us = time.time_ns() // 1_000
        headers = read_headers(request.scope["headers"])
        return Hit(
            next(self._event_ids),
            now_us,
            now_us,
            Door.STATEMENT,
            "",
            said.contact_id,
            False,
            "",
            b"",
            encode_statement(statement_of(said)),
            headers.get(b"user-agent", b"")[:2_048],
            b"",
            b"",
            DO_NOT_CONTACT,
        )


def statement_of(said: Clickthrough) -> Statement:
    dnc = {"channel": CHANNEL, "channelId": said.channel.get(CHANNEL), "reason": "unsubscribed", "comments": COMMENT}
    return Statement(
        type=DO_NOT_CONTACT,
        contact_id=said.contact_id,
        unsubscribe=CHANNEL,
        title=CHANNEL.capitalize(),
        details={"dnc": dnc, "mail": said.source},
    )


_PRIVATE = {**ASKING_HEADERS, "cache-control": "no-store", "referrer-policy": "no-referrer"}
