"""A small shop to play a visitor in: `python -m deploy.demo.app --port 8084 --ingest-url http://127.0.0.1:8080`."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_HERE = Path(__file__).parent
_TITLES = {
    "home": "Fernweh - bags for long ways",
    "rucksack": "Rucksack Lagom",
    "satchel": "Satchel Postbote",
    "pricing": "Prices and shipping",
}
_COOKIES = ("mautic_device_id", "mtc_id", "mautic_referer_id")


@dataclass(frozen=True)
class Addresses:
    """Where the demo page reports to, and where a contact's history is; `{id}` is the contact id."""

    ingest_url: str
    history_url: str


def create_app(addresses: Addresses) -> Starlette:
    """The shop: four pages, their style and script, and `POST /forget`."""

    async def page(request: Request) -> Response:
        name = request.path_params.get("name", "home")
        if name not in _TITLES:
            return PlainTextResponse("There is no such page.\n", status_code=404)
        nonce = secrets.token_urlsafe(16)
        return HTMLResponse(render(name, addresses, nonce), headers=_headers(addresses, nonce))

    return Starlette(
        routes=[
            Route("/", page),
            Route("/forget", forget, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
            Route("/{name}", page),
        ]
    )


def render(name: str, addresses: Addresses, nonce: str) -> str:
    """One whole page as HTML."""
    return _template("layout").substitute(
        title=escape(_TITLES[name]),
        content=_template(name).substitute(),
        script_url=escape(f"{addresses.ingest_url}/mtc.js"),
        history_url=escape(addresses.history_url),
        ingest_url=escape(addresses.ingest_url),
        nonce=nonce,
        **{f"is_{page}": 'aria-current="page"' if page == name else "" for page in _TITLES},
    )


async def forget(_: Request) -> Response:
    """Expires the cookies of this host, also those that a script may not touch. Cookies know no ports."""
    response = Response(status_code=204)
    for name in _COOKIES:
        response.delete_cookie(name, secure=True, samesite="none")
    return response


@lru_cache
def _template(name: str) -> Template:
    return Template((_HERE / "pages" / f"{name}.html").read_text(encoding="utf-8"))


def _headers(addresses: Addresses, nonce: str) -> dict[str, str]:
    """A strict policy: it shows what a site with one must allow for the tracking script."""
    ingest = addresses.ingest_url
    policy = (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}' {ingest}; connect-src 'self' {ingest}; "
        f"img-src 'self' data: {ingest}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store"}


async def run(port: int, addresses: Addresses) -> None:
    """Serves on 127.0.0.1 until SIGTERM or SIGINT."""
    server = Server(
        create_app(addresses),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="The demo shop.")
    parser.add_argument("--port", type=int, default=8084)
    parser.add_argument("--ingest-url", default="http://127.0.0.1:8080")
    parser.add_argument("--contacts-url", default="http://127.0.0.1:8082")
    parser.add_argument("--history-url", default="{contacts_url}/ui/contacts/{id}", help="{id} becomes the contact id")
    options = parser.parse_args()
    contacts_url = options.contacts_url.rstrip("/")
    history_url = options.history_url.replace("{contacts_url}", contacts_url)
    asyncio.run(run(options.port, Addresses(options.ingest_url.rstrip("/"), history_url)))


if __name__ == "__main__":
    main()
