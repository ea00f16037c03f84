"""OAuth2: `/oauth/v2/token`, and `/oauth/v2/authorize`, the page on which a user lets an application in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.access import Refused, Shown
from services.common.documents import Credential
from services.common.envelope import json_response, parse_object, read_body
from services.common.grants import Grant, Grants
from services.common.operation import Operation, described
from services.common.peer import address_of, read_networks
from services.common.secret_tokens import ACCESS, CODE, REFRESH, is_secret
from services.common.settings import Settings
from services.contacts.stores import Stores

CODE_SECONDS = 60
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
WRONG_CLIENT = "The client credentials are invalid"
MAX_FORM_FIELDS = 40
PATHS = ("/oauth/v2/token", "/oauth/v2/authorize", "/oauth/v2/authorize_login")

Text = str | UnsetType


class TokenBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A token as an application asks for it; its id and secret may also come by HTTP Basic."""

    grant_type: Annotated[
        Literal["client_credentials", "refresh_token", "authorization_code"], Meta(examples=["client_credentials"])
    ]
    client_id: Annotated[Text, Meta(description="clientId of the credentials")] = UNSET
    client_secret: Text = UNSET
    refresh_token: Annotated[Text, Meta(description="Of refresh_token: it counts once")] = UNSET
    code: Annotated[Text, Meta(description="Of authorization_code, with redirect_uri")] = UNSET
    redirect_uri: Text = UNSET
    code_verifier: Annotated[Text, Meta(description="Where the code was asked for with a challenge")] = UNSET


TOKEN = Operation(
    "Get an access token",
    {
        "access_token": Annotated[str, Meta(description="For Authorization: Bearer")],
        "expires_in": Annotated[int, Meta(description="Seconds", examples=[3600])],
        "token_type": Annotated[str, Meta(examples=["bearer"])],
        "scope": None,
        "refresh_token": str,
    },
    body=TokenBody,
    text="OAuth 2, RFC 6749. What is refused also says error and error_description, as the standard has them.",
    errors={400: "Refused: type says why, as the standard names it", 403: "The API is switched off"},
    is_open=True,
)


class OAuthError(Exception):
    """What goes wrong, by its name in the standard."""

    def __init__(self, name: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.name, self.text, self.status = name, text, status


class Asked(NamedTuple):
    """What an application asks a user for."""

    client_id: str
    redirect_uri: str
    state: str
    challenge: str
    credential_id: int
    credential: Credential

    def back(self, **said: str) -> str:
        """Where the browser goes with an answer."""
        more = {**said, **({"state": self.state} if self.state else {})}
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(more)}"


class OAuthApi:
    def __init__(self, stores: Stores, settings: Settings) -> None:
        self._stores, self._settings = stores, settings
        self._grants = Grants(stores.redis)
        self._trusted = read_networks(settings.trusted_proxies)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
        )

    def routes(self) -> list[Route]:
        """They stand before the login: each asks for its own."""
        token, *pages = PATHS
        return [
            described(token, self.token, post=TOKEN),
            *(Route(path, self.authorize, methods=["GET", "POST"]) for path in pages),
        ]

    async def token(self, request: Request) -> Response:
        """For `client_credentials`, `refresh_token` and `authorization_code`."""
        try:
            said = parse_object(await read_body(request), request.headers.get("content-type", ""))
            if not self._settings.api_enabled:
                raise OAuthError("access_denied", "API disabled.", 403)
            body = {name: value for name, value in said.items() if isinstance(value, str)}
            number, credential = await self._client(request, body)
            grant = await self._granted(body, number, credential)
            return json_response(await self._issue(grant), headers=NO_STORE)
        except OAuthError as error:
            return _refused(error)

    async def _issue(self, grant: Grant) -> dict[str, Any]:
        minutes, days = (
            self._settings.api_oauth2_access_token_lifetime,
            self._settings.api_oauth2_refresh_token_lifetime,
        )
        mark = self._stores.replicas.mark()
        of_family = await self._grants.with_family(grant, days * 86_400)
        if of_family is None:
            raise OAuthError("invalid_grant", "The grant was revoked: what counts once was shown twice.")
        access = await self._grants.issue(ACCESS, of_family, minutes * 60)
        refresh = await self._grants.issue(REFRESH, of_family, days * 86_400)
        await self._stores.replicas.confirm(mark)
        return {
            "access_token": access,
            "expires_in": minutes * 60,
            "token_type": "bearer",
            "scope": None,
            "refresh_token": refresh,
        }

    async def _client(self, request: Request, body: Mapping[str, str]) -> tuple[int, Credential]:
        """By HTTP Basic or in the body. Raises `OAuthError`."""
        basic = Shown(request.headers.get("authorization", "")).basic()
        client_id, secret = basic or (body.get("client_id", ""), body.get("client_secret", ""))
        if not client_id:
            raise OAuthError("invalid_client", "Client id was not found in the headers or body")
        number, credential = await self._credential(client_id)
        is_right = is_secret(secret, credential.secret_hash if credential else "0" * 64)
        if credential is None or not is_right:
            raise OAuthError("invalid_client", WRONG_CLIENT)
        return number, credential

    async def _credential(self, client_id: str) -> tuple[int, Credential | None]:
        number = client_id.partition("_")[0]
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            return 0, None
        found = await self._stores.directory.credential(int(number))
        is_it = found is not None and hmac.compare_digest(found.public_id.encode(), client_id.encode())
        return int(number), found if is_it else None

    async def _granted(self, body: Mapping[str, str], number: int, credential: Credential) -> Grant:
        match body.get("grant_type", ""):
            case "client_credentials":
                if not credential.role_id:
                    raise OAuthError("unauthorized_client", "The grant type is unauthorized for this client_id")
                return Grant(number)
            case "refresh_token":
                taken = await self._taken(body.get("refresh_token", ""), REFRESH, number)
                return Grant(number, taken.user_id, family=taken.family)
            case "authorization_code":
                return await self._by_code(body, number)
        raise OAuthError("invalid_request", "Invalid grant_type parameter or parameter missing")

    async def _by_code(self, body: Mapping[str, str], number: int) -> Grant:
        code = await self._taken(body.get("code", ""), CODE, number)
        if code.redirect_uri != body.get("redirect_uri", ""):
            raise OAuthError("redirect_uri_mismatch", "The redirect URI is missing or do not match")
        if code.challenge and not hmac.compare_digest(code.challenge, _challenge(body.get("code_verifier", ""))):
            raise OAuthError("invalid_grant", "The code verifier does not match")
        return Grant(number, code.user_id, family=code.family)

    async def _taken(self, token: str, prefix: str, number: int) -> Grant:
        """It counts once. Raises `OAuthError`."""
        what = "refresh token" if prefix == REFRESH else "code"
        grant = await self._grants.take(token) if token.startswith(f"{prefix}_") and len(token) < 200 else None
        if grant and grant.is_used:
            await self._grants.revoke(grant.family)
        if grant is None or grant.is_used or grant.credential_id != number:
            raise OAuthError("invalid_grant", f"Invalid {what}")
        if grant.is_expired(time.time()):
            raise OAuthError("invalid_grant", f"The {what} has expired")
        return grant

    async def authorize(self, request: Request) -> Response:
        """Who is asked must say their password here: there is no session that somebody else's page could use."""
        said = _flat(request.scope["query_string"])
        form = _flat(await read_body(request)) if request.method == "POST" else {}
        try:
            asked = await self._asked({**said, **form})
        except OAuthError as error:
            return self._page("refused.html", error.status, problem=error.text)
        if (response_type := {**said, **form}.get("response_type")) != "code":
            return _leads_to(asked.back(error="unsupported_response_type", error_description=str(response_type)[:60]))
        if request.method == "GET":
            return self._form(asked)
        if form.get("decision") == "deny":
            return _leads_to(asked.back(error="access_denied", error_description="The user denied access"))
        return await self._decided(request, asked, form)

    async def _decided(self, request: Request, asked: Asked, form: Mapping[str, str]) -> Response:
        peer = request.client.host if request.client else ""
        ip = address_of(peer, request.headers.get("x-forwarded-for", ""), self._trusted)
        user = await self._stores.logins.by_password(form.get("username", ""), form.get("password", ""), ip)
        if isinstance(user, Refused):
            return self._form(asked, user.status, "Name or password is wrong." if user.status == 401 else user.message)
        grant = Grant(asked.credential_id, user.user_id, redirect_uri=asked.redirect_uri, challenge=asked.challenge)
        grant = await self._grants.with_family(grant, CODE_SECONDS) or grant
        return _leads_to(asked.back(code=await self._grants.issue(CODE, grant, CODE_SECONDS)))

    async def _asked(self, said: Mapping[str, str]) -> Asked:
        """Raises `OAuthError` for what must not lead anywhere."""
        number, credential = await self._credential(said.get("client_id", ""))
        if credential is None:
            raise OAuthError("invalid_client", "There is no such application.")
        redirect_uri = said.get("redirect_uri", "") or (credential.redirect_uris[0] if credential.redirect_uris else "")
        if redirect_uri not in credential.redirect_uris:
            raise OAuthError("redirect_uri_mismatch", "The redirect URI provided does not match registered URI(s).")
        challenge = said.get("code_challenge", "")
        if challenge and (said.get("code_challenge_method") != "S256" or len(challenge) > 128):
            raise OAuthError("invalid_request", "Only S256 is taken as code_challenge_method.")
        state = said.get("state", "")[:1_000]
        return Asked(said["client_id"], redirect_uri, state, challenge, number, credential)

    def _form(self, asked: Asked, status: int = 200, problem: str = "") -> Response:
        kept = {"client_id": asked.client_id, "redirect_uri": asked.redirect_uri, "state": asked.state,
                "code_challenge": asked.challenge, "response_type": "code",
                "code_challenge_method": "S256" if asked.challenge else ""}  # fmt: skip
        return self._page(
            "authorize.html", status, asked.redirect_uri, name=asked.credential.name, kept=kept, problem=problem,
            host=urlsplit(asked.redirect_uri).netloc,
        )  # fmt: skip

    def _page(self, template: str, status: int, leads_to: str = "", **values: Any) -> Response:
        parts = urlsplit(leads_to)
        origin = f" {parts.scheme}://{parts.netloc}" if leads_to else ""  # browsers hold redirects of forms to it, too
        headers = {
            **NO_STORE,
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
            f"form-action 'self'{origin}; frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(
            self._templates.get_template(template).render(**values), status, headers, media_type="text/html"
        )


def _flat(encoded: bytes) -> dict[str, str]:
    pairs = parse_qsl(encoded.decode("utf-8", "replace"), keep_blank_values=True)[:MAX_FORM_FIELDS]
    return dict(pairs)


def _challenge(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def _leads_to(url: str) -> Response:
    return Response(status_code=302, headers={"Location": url, **NO_STORE, "Referrer-Policy": "no-referrer"})


def _refused(error: OAuthError) -> Response:
    """In the envelope, and as the standard has it: clients of either kind read it."""
    body = {
        "errors": [{"message": error.text, "code": error.status, "type": error.name}],
        "error": error.name,
        "error_description": error.text,
    }
    return json_response(body, error.status, NO_STORE)
