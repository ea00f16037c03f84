"""`POST /form/submit`: takes what somebody put into a form, and answers as the page that shows the form expects."""

from __future__ import annotations

import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from itsdangerous import BadData, URLSafeSerializer
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.common.documents import FORM, Form, decode_document
from services.common.harmless_html import harmless_html
from services.common.php_query import Node, PhpQueryError, parse_php_query
from services.common.queries.statement import encode_statement
from services.common.record_cache import RecordCache
from services.common.records import RecordStore
from services.common.redis_client import RedisError
from services.ingest import answers, form_answers
from services.ingest.answers import Headers
from services.ingest.buffer import HitsNotKeptError
from services.ingest.door import read_headers
from services.ingest.entrance import Entrance
from services.ingest.form_answers import Outcome
from services.ingest.guard import Refused, guarded, whole_body, with_headers
from services.ingest.submission import Answer, is_yes, read_answer, read_submission, statement_of, utm_of

MAX_FIELDS = 500
MAX_WORD = 1_000
MAX_FILES = 20  # they are left out; an input for one may well be empty
UNAVAILABLE = "This form is not available."
UNAVAILABLE_FORM, INVALID_FORM = "form_unavailable", "form_invalid"  # as the live feed says it
BUSY = "This could not be kept at the moment. Please submit it again."


class Submitted(NamedTuple):
    """A request, read: its body as urlencoded bytes, the values of the form, and how it is to be answered."""

    body: bytes
    said: dict[str, Node]
    answer: Answer


class Forms:
    def __init__(self, entrance: Entrance, secrets: tuple[str, ...]) -> None:
        self._door, self._buffer = entrance.door, entrance.buffer
        self._cors, self._metrics, self._live = entrance.cors, entrance.metrics, entrance.live
        self._forms = RecordCache(RecordStore(entrance.redis), FORM, lambda data: decode_document(data, Form))
        self._words = URLSafeSerializer(list(reversed(secrets)), salt="spoor-form-message")

    def routes(self) -> list[Route]:
        return [
            Route("/form/submit", guarded(self.submit, self._cors, self._metrics), methods=["POST"]),
            Route("/form/submit/ajax", guarded(self.submit, self._cors, self._metrics), methods=["POST"]),
            Route("/form/message", guarded(self.message, self._cors, self._metrics), methods=["GET"]),
        ]

    async def submit(self, request: Request) -> Response:
        submitted = await _read(request)
        outcome = await self._take(request, submitted)
        if request.url.path.endswith("/ajax"):
            response = _json(form_answers.as_wrapped_object(outcome, submitted.answer), outcome.status)
        elif is_yes(request.query_params.get("ajax")):
            response = _json(form_answers.as_object(outcome, submitted.answer), outcome.status)
        elif submitted.answer.is_messenger:
            page, headers = form_answers.messenger_page(form_answers.as_object(outcome, submitted.answer))
            response = HTMLResponse(page, outcome.status, headers)
        else:
            response = self._plain(outcome, submitted.answer)
        if outcome.status == 503:
            response.headers["retry-after"] = str(answers.RETRY_AFTER_SECONDS)
        return with_headers(response, outcome.cookies)

    async def message(self, request: Request) -> Response:
        """What a form had to say; signed, or anybody could put words into our mouth."""
        try:
            said = self._words.loads(request.query_params.get("m", ""))
            words = await self._success(str(said["form"])) if isinstance(said, dict) else harmless_html(str(said))
        except (BadData, RedisError):
            words = form_answers.THANKS
        return HTMLResponse(form_answers.word_page(words), headers=form_answers.WORD_HEADERS)

    async def _success(self, form_id: str) -> str:
        return Outcome(await self._forms.get(form_id), {}).word_html() or form_answers.THANKS

    def _plain(self, outcome: Outcome, answer: Answer) -> Response:
        if outcome.status != 200:
            return HTMLResponse(form_answers.word_page(outcome.word_html()), outcome.status, form_answers.WORD_HEADERS)
        target = form_answers.plain_target(outcome, answer)
        if not target:
            # A message may be longer than an address, errors quote what was typed.
            word = {"form": answer.form_id} if outcome.is_success else form_answers.as_html(outcome.word()[:MAX_WORD])
            target = f"/form/message?{urlencode({'m': self._words.dumps(word)})}"
        return RedirectResponse(target, 302)

    async def _take(self, request: Request, submitted: Submitted) -> Outcome:
        try:
            form = await self._forms.get(submitted.answer.form_id) if submitted.answer.form_id.isdecimal() else None
            if form is None or not form.is_published:
                self._tell(UNAVAILABLE_FORM, request)
                return Outcome(None, {}, failure=UNAVAILABLE)
            submission = read_submission(form, submitted.said)
            if submission.errors:
                self._tell(INVALID_FORM, request)
                return Outcome(form, submission.results, submission.errors)
            cookies = await self._keep(request, submitted, form, submission.results)
        except (HitsNotKeptError, RedisError):
            self._metrics.refused.add(value=answers.ERRORS[503])
            return Outcome(None, {}, failure=BUSY, status=503)
        return Outcome(form, submission.results, cookies=cookies)

    def _tell(self, reason: str, request: Request) -> None:
        if self._live.feed.is_watched:
            self._live.drop(reason, request.scope, read_headers(request.scope["headers"]))

    async def _keep(self, request: Request, submitted: Submitted, form: Form, results: dict[str, str]) -> Headers:
        headers = read_headers(request.scope["headers"])
        now_us = time.time_ns() // 1_000
        referer = request.headers.get("referer", "")[:2_048]
        records_utm = any(action.type == "lead.addutmtags" for action in form.actions)
        utm = utm_of(request.url.query, referer) if records_utm else {}
        statement = statement_of(submitted.answer.form_id, form, results, utm, referer, now_us)
        hit, device, is_news = self._door.submitted(
            request.scope, headers, submitted.body, encode_statement(statement), now_us, is_remembered=not form.is_kiosk
        )
        hit.type = statement.type
        await self._buffer.keep(hit)
        self._metrics.accepted.add(value="form")
        return answers.device_cookies(device) if is_news else []


async def _read(request: Request) -> Submitted:
    """Raises `Refused`."""
    body = await _urlencoded(request)
    try:
        tree = parse_php_query(body)
    except PhpQueryError as error:
        raise Refused(400, str(error)) from error
    said = tree.get("mauticform")
    values: dict[str, Any] = said if isinstance(said, dict) else {}
    return Submitted(body, values, read_answer(values, request.headers.get("referer", "")))


async def _urlencoded(request: Request) -> bytes:
    """The body as a page without files sends it, however it came. Raises `Refused`."""
    body = await whole_body(request)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return body
    try:
        form = await Request(request.scope, _once(body)).form(max_files=MAX_FILES, max_fields=MAX_FIELDS)
    except HTTPException as error:
        raise Refused(400, error.detail) from error
    return urlencode(
        [(name, value) for name, value in form.multi_items() if not isinstance(value, UploadFile)]
    ).encode()


def _once(body: bytes) -> Any:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _json(said: dict[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(said), status, media_type="application/json")
