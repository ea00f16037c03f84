"""`GET /docs`: the API on one page for people, rendered once, without a script, readable without a login."""

from __future__ import annotations

import html
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.envelope import base_url_of
from services.common.openapi import OPENAPI_PATH, Json
from services.contacts.docs.api_pages import error_example, groups_of, schemas_of
from services.contacts.docs.not_served import NOT_SERVED

FOLDER = Path(__file__).parent / "pages"
_ADDRESS = "http://127.0.0.1:8082"  # of this service, until somebody asks for the page
DOCS_PATH, CSS_PATH = "/docs", "/docs.css"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def docs_routes(document: Json) -> list[Route]:
    page, css = render(document), (FOLDER / "docs.css").read_bytes()

    async def docs(request: Request) -> Response:
        own = page.replace(_ADDRESS, html.escape(base_url_of(request)))
        return Response(own, headers=HEADERS, media_type="text/html")

    async def style(_: Request) -> Response:
        return Response(css, headers=HEADERS, media_type="text/css")

    return [Route(DOCS_PATH, docs, methods=["GET"]), Route(CSS_PATH, style, methods=["GET"])]


def render(document: Json) -> str:
    templates = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template("docs.html").render(
        title=document["info"]["title"],
        groups=groups_of(document),
        schemas=schemas_of(document),
        error=error_example(document),
        not_served=NOT_SERVED,
        openapi_path=OPENAPI_PATH,
        css_path=CSS_PATH,
        address=_ADDRESS,
    )
