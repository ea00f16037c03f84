"""Everything that is clicked, opened or watched beside pages: tracked links, mails' pixels, downloads, videos."""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.common.clickthrough import Clickthroughs
from services.common.documents import ASSET, LINK, Asset, Link, decode_document
from services.common.event_types import ASSET_DOWNLOAD, EMAIL_READ, PAGE_HIT, VIDEO_HIT
from services.common.hit import Door as DoorKind
from services.common.record_cache import RecordCache
from services.common.records import RecordStore
from services.ingest import answers
from services.ingest.answers import Headers
from services.ingest.buffer import HitsNotKeptError
from services.ingest.door import Admitted, read_headers
from services.ingest.entrance import Entrance
from services.ingest.guard import Handler, Refused, guarded, whole_body, with_headers

MAX_SECONDS = 86_400 * 7
MAX_PARAMETERS = 200
_RECORD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_NONE: Headers = []
_UNLISTED: Headers = [(b"x-robots-tag", b"noindex, nofollow, noarchive")]


class Touch(NamedTuple):
    """What happened, in the words of the event: its type, what is told of it, and parameters over the request's."""

    type: str
    details: dict[str, Any]
    parameters: dict[str, str]


class TouchPoints:
    def __init__(self, entrance: Entrance, clickthroughs: Clickthroughs, *, passes_clickthrough: bool) -> None:
        self._door, self._buffer, self._cors = entrance.door, entrance.buffer, entrance.cors
        self._metrics, self._drops = entrance.metrics, entrance.drops
        self._clickthroughs, self._passes_clickthrough = clickthroughs, passes_clickthrough
        store = RecordStore(entrance.redis)
        self._links = RecordCache(store, LINK, lambda data: decode_document(data, Link))
        self._assets = RecordCache(store, ASSET, lambda data: decode_document(data, Asset))

    def routes(self) -> list[Route]:
        gets = ["GET", "HEAD"]
        return [
            Route("/r/{id}", self._guarded(self.follow), methods=gets),
            Route("/redirect/{id}", self._guarded(self.follow), methods=gets),
            Route("/asset/{id}", self._guarded(self.download), methods=gets),
            Route("/email/{token}.gif", self._guarded(self.open), methods=gets),
            Route("/video/hit", self._guarded(self.watch), methods=["POST"]),
            Route("/dwc/{slot:path}", self._guarded(self.no_content), methods=gets),
        ]

    async def follow(self, request: Request) -> Response:
        """To where the link leads, whatever becomes of the hit: a mail's reader must get there."""
        link_id = _record_id(request)
        link = await self._links.get(link_id) if link_id else None
        if link is None or not link.is_published:
            raise Refused(404)
        touch = Touch(PAGE_HIT, {"redirect": {"id": link_id, "name": link.name}}, {"page_url": link.url})
        passed = request.url.query if self._passes_clickthrough else _without_ct(request.url.query)
        return await self._lead(request, touch, _with_query(link.url, passed))

    async def download(self, request: Request) -> Response:
        asset_id = _record_id(request)
        asset = await self._assets.get(asset_id) if asset_id else None
        if asset is None or not asset.is_published or asset.url.startswith("file:"):
            raise Refused(404)
        told = {"asset": {"id": asset_id, "title": asset.title}, "assetDownloadUrl": asset.url}
        touch = Touch(ASSET_DOWNLOAD, told, {"page_url": asset.url, "page_title": asset.title})
        return await self._lead(request, touch, asset.url, _UNLISTED if asset.disallow else [])

    async def open(self, request: Request) -> Response:
        """The pixel of a mail. The image is answered whatever its token is worth; only a good one is an event."""
        token = request.path_params["token"]
        said, verdict = self._clickthroughs.read(token, time.time())
        self._metrics.opens.add(value=verdict.value)
        headers: Headers = []
        if said is not None:
            headers = await self._keep(request, Touch(EMAIL_READ, said.told(), {"ct": token}))
        return with_headers(Response(answers.GIF, 200), answers.PIXEL_HEADERS + headers)

    async def watch(self, request: Request) -> Response:
        body = await whole_body(request)
        said = dict(parse_qsl("&".join(body.decode("utf-8", "replace").split("&")[:MAX_PARAMETERS])))
        if not said.get("guid") or not said.get("url"):
            raise Refused(400, "guid and url are needed")
        watched, duration = (_seconds(said.get(name)) for name in ("total_watched", "duration"))
        percentage = round(100 * min(watched / duration, 1)) if duration else 0
        told = {"hit": {"guid": said["guid"][:191], "timeWatched": watched, "duration": duration,
                        "percentage": percentage}}  # fmt: skip
        touch = Touch(VIDEO_HIT, told, {"page_url": said["url"]})
        headers = await self._keep(request, touch, body)
        return with_headers(Response(b'{"success":true}', media_type="application/json"), headers)

    async def no_content(self, _: Request) -> Response:
        """Dynamic content is nobody's here; the script that asks for it goes on."""
        return Response(status_code=204)

    async def _lead(self, request: Request, touch: Touch, target: str, beside: Headers = _NONE) -> Response:
        try:
            headers = await self._keep(request, touch)
        except HitsNotKeptError:
            self._metrics.refused.add(value=answers.ERRORS[503])
            headers = []
        answer = RedirectResponse(target, 302, {"cache-control": "no-cache, private"})
        return with_headers(answer, [*headers, *beside])

    async def _keep(self, request: Request, touch: Touch, body: bytes = b"") -> Headers:
        """Keeps the hit, if it may be tracked; the cookies to set. Raises `HitsNotKeptError`."""
        headers = read_headers(request.scope["headers"])
        told = urlencode(touch.parameters).encode()
        whole = b"&".join(part for part in (body, told) if part)
        admission = self._door.admit(request.scope, headers, whole, DoorKind.TOUCH, time.time_ns() // 1_000)
        if not isinstance(admission, Admitted):
            address = self._door.address(request.scope, headers)
            self._drops.add(admission.reason, request.scope, headers, whole, address)
            return []
        hit, device, is_news = admission
        hit.type, hit.details = touch.type, msgspec.json.encode(touch.details)
        if touch.type == EMAIL_READ:
            hit.referer = b""  # the web mailer's address says nothing
        await self._buffer.keep(hit)
        self._metrics.accepted.add(value="touch")
        return answers.device_cookies(device) if is_news else []

    def _guarded(self, handler: Handler) -> Handler:
        return guarded(handler, self._cors, self._metrics)


def _record_id(request: Request) -> str:
    """The id in the path, without the name that may follow it (`3:price-list`); empty for what can be none."""
    said = str(request.path_params["id"]).partition(":")[0]
    return said if _RECORD_ID.fullmatch(said) else ""


def _without_ct(query: str) -> str:
    return "&".join(pair for pair in query.split("&") if unquote(pair.partition("=")[0]) != "ct")


def _with_query(url: str, query: str) -> str:
    if not query:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(part for part in (parts.query, query) if part)))


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or "")
    except ValueError:
        return 0.0
    return round(seconds, 1) if 0 <= seconds <= MAX_SECONDS else 0.0
