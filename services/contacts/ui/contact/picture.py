"""The picture of a contact: shown, uploaded, removed, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.contact.calls import PATH, api_of, page_of
from services.contacts.ui.desk import Desk, Handler

# Of the API's answer; the policy of pages is none for a picture.
KEPT = ("content-type", "etag", "content-security-policy", "x-content-type-options", "content-disposition",
        "cache-control")  # fmt: skip


class Picture:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            f"{PATH}/image": {"GET": self.show, "POST": self.upload},
            f"{PATH}/image/remove": {"POST": self.remove},
            f"{PATH}/picture": {"GET": self.ask, "POST": self.prefer},
        }

    async def show(self, request: Request) -> Response:
        answer = await self._desk.api.raw(api_of(request, "/image"))
        headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        if request.headers.get("if-none-match") == headers.get("etag", "-"):
            return Response(status_code=304, headers=headers)
        return Response(answer.body, headers=headers)

    async def upload(self, request: Request) -> Response:
        try:
            await self._desk.api.hand_on(request, "POST", api_of(request, "/image"))
        except ApiError as error:
            if error.status not in (400, 413):
                raise
            return await self._asked(request, error.message)
        return self._desk.go(request, page_of(request), "The picture is there.")

    async def remove(self, request: Request) -> Response:
        await self._desk.api.send("DELETE", api_of(request, "/image"))
        return self._desk.go(request, page_of(request), "The picture is gone.")

    async def ask(self, request: Request) -> Response:
        return await self._asked(request)

    async def prefer(self, request: Request) -> Response:
        form = await self._desk.form(request)
        try:
            said = {"preferredProfileImage": form.text("preferred")}
            await self._desk.api.send("PATCH", api_of(request, "/edit"), said)
        except ApiError as error:
            if error.status != 400:
                raise
            return await self._asked(request, error.message)
        return self._desk.go(request, page_of(request), "Saved.")

    async def _asked(self, request: Request, problem: str = "") -> Response:
        contact = (await self._desk.api.get(api_of(request)))["contact"]
        social = contact["fields"]["social"]
        sources = {"gravatar": "Gravatar", "custom": "Uploaded"} | {
            alias: field["label"] for alias, field in (social.items() if isinstance(social, dict) else ())
        }
        return self._desk.page(
            request, "contact/picture.html", 422 if problem else 200, block="dialog", contact=contact, problem=problem,
            contact_id=contact["id"], sources=sources, has_gravatar=self._desk.settings.gravatar,
        )  # fmt: skip
