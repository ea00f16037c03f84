"""What the endpoints off the hot paths have in common: the bounds, the errors and the CORS headers of the hot ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from services.common.redis_client import RedisError
from services.ingest import answers
from services.ingest.answers import Headers
from services.ingest.body import CutOffError
from services.ingest.buffer import HitsNotKeptError
from services.ingest.cors import Cors
from services.ingest.door import read_headers, too_large
from services.ingest.metrics import IngestMetrics

Handler = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """The request is answered with this status, and with what more there is to say."""

    def __init__(self, status: int, message: str = "", retry_after_seconds: float = 0.0) -> None:
        super().__init__(status, message)
        self.status, self.message, self.retry_after_seconds = status, message, retry_after_seconds


def guarded(handler: Handler, cors: Cors, metrics: IngestMetrics) -> Handler:
    async def guarded_handler(request: Request) -> Response:
        try:
            if status := too_large(request.scope["query_string"], request.scope["headers"]):
                raise Refused(status)
            response = await handler(request)
        except Refused as refused:
            response = refusal(refused, metrics)
        except (HitsNotKeptError, RedisError):
            response = refusal(Refused(503), metrics)
        except CutOffError:
            response = refusal(Refused(400, "the body was cut off"), metrics)
        return with_headers(response, cors.headers(read_headers(request.scope["headers"]).get(b"origin")))

    return guarded_handler


def refusal(refused: Refused, metrics: IngestMetrics) -> Response:
    metrics.refused.add(value=answers.ERRORS[refused.status])
    headers, body = answers.error(refused.status, refused.message, refused.retry_after_seconds)
    return with_headers(Response(body, refused.status), headers)


def with_headers(response: Response, headers: Headers) -> Response:
    """As they are: several cookies are several headers."""
    names = {name for name, _ in headers if name != b"set-cookie"}
    response.raw_headers = [(name, value) for name, value in response.raw_headers if name not in names] + headers
    return response
