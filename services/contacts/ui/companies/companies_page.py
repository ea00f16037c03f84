"""Companies: their list, the page of one with its members, and who joins or leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import ApiError
from services.contacts.ui.companies.company_fields import NAME, form_fields
from services.contacts.ui.desk import Desk, Handler
from services.contacts.ui.inner_api import things_of
from services.contacts.ui.keeping.choices import owners
from services.contacts.ui.keeping.keeping_page import KeepingPage
from services.contacts.ui.keeping.kept import SEVERAL, Column, FormField, Json, Kept, rights_of
from services.contacts.ui.paging import Paging, read_paging

PATH = "/ui/companies"
ONE = f"{PATH}/{{id:id}}"
FOUND = 10  # while somebody types


def _told(alias: str) -> Any:
    return lambda company: company["fields"]["all"].get(alias)


COMPANIES = Kept(
    path=PATH,
    api="/api/companies",
    singular="company",
    plural="companies",
    one="company",
    many="companies",
    columns=(
        Column(NAME, "Name", order=NAME, show=_told(NAME)),
        Column("companycity", "City", order="companycity", show=_told("companycity")),
        Column("companycountry", "Country", order="companycountry", show=_told("companycountry")),
        Column("companyemail", "Email", order="companyemail", show=_told("companyemail")),
        Column("score", "Score", order="score", kind="number"),
        Column("dateAdded", "Added", order="date_added", kind="moment"),
    ),
    fields=(
        FormField("score", "Score", "number", group="Here"),
        FormField("owner", "Owner", "choice", loads=owners, blank="Nobody", group="Here"),
        FormField("force", "A new one even where there is a company of this name", "flag", is_for="new", group="Here",
                  help="Without this the company of that name is changed."),
    ),
    rights=rights_of("lead:leads", "own"),
    name=lambda company: str(company["fields"]["all"].get(NAME) or company["id"]),
    order=NAME,
    hint="acme, companycity:rome, is:mine",
    about="A company is made as soon as a contact names one. Or make one here.",
    gone="Its members stay, and keep its name as a text.",
    has_page=True,
)  # fmt: skip


class CompaniesPage(KeepingPage):
    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, COMPANIES)

    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        return {
            **super().handlers(),
            ONE: {"GET": self.show},
            f"{ONE}/find": {"GET": self.find},
            f"{ONE}/add": {"POST": self.add},
            f"{ONE}/remove": {"POST": self.remove},
        }

    async def show(self, request: Request) -> Response:
        """With its members, page by page."""
        asked, number = read_paging(request), request.path_params["id"]
        members = {**asked.query(), "search": f"company_id:{number}", "orderBy": "lastname"}
        company, fields, found = await asyncio.gather(
            self.one(request), self._told_fields(), self._desk.api.get("/api/contacts", members)
        )
        return self._desk.page(
            request, "companies/page.html", kept=COMPANIES, company=company, fields=fields,
            values=company["fields"]["all"], members=things_of(found, "contacts"),
            paging=Paging.of(asked._replace(search=""), int(found["total"])), found=(), asked="",
        )  # fmt: skip

    async def find(self, request: Request) -> Response:
        """Contacts that could join, while somebody types."""
        asked, problem, found = request.query_params.get("asked", "").strip(), "", []
        if asked:
            query = {"search": f"({asked}) !is:anonymous !company_id:{request.path_params['id']}", "limit": FOUND}
            try:
                found = things_of(await self._desk.api.get("/api/contacts", query), "contacts")
            except ApiError as error:
                if error.status != 400:
                    raise
                problem = "This search cannot be answered."
        return self._desk.page(
            request, "companies/find.html", 422 if problem else 200, block="found", company=await self.one(request),
            found=found, asked=asked, problem=problem, kept=COMPANIES,
        )  # fmt: skip

    async def add(self, request: Request) -> Response:
        return await self._link(request, "add", "is a member now")

    async def remove(self, request: Request) -> Response:
        return await self._link(request, "remove", "is no member any more")

    async def fields(self, thing: Json | None) -> Sequence[FormField]:
        told, own = await asyncio.gather(self._told_fields(), super().fields(thing))
        return [*form_fields(told), *own]

    def values(self, thing: Json | None, fields: Sequence[FormField]) -> Json:
        if thing is None:
            return super().values(None, fields)
        told = thing["fields"]["all"]
        flat = {**thing, **{name: value for name, value in told.items() if name != "id"}}
        several = {one.name: str(flat[one.name] or "").split("|") for one in fields if one.kind == SEVERAL}
        return super().values({**flat, **several}, fields)

    async def body(self, said: Json, thing: Json | None) -> Json:
        """A blank of an old one blanks; of a new one it says nothing, for there may be a company of that name."""
        told = {name: "|".join(value) if isinstance(value, list) else value for name, value in said.items()}
        told["owner"] = said["owner"] or None
        if thing is None:
            return {name: value for name, value in told.items() if value not in ("", None)}
        told["score"] = said["score"] or 0
        return {**told, "overwriteWithBlank": True}

    async def _link(self, request: Request, word: str, became: str) -> Response:
        number, contacts = request.path_params["id"], (await self._desk.form(request)).ids("contact")
        for contact in contacts:
            await self._desk.api.send("POST", f"/api/companies/{number}/contact/{contact}/{word}")
        return self._desk.go(request, f"{PATH}/{number}", f"Contact {contacts[0]} {became}." if contacts else "")

    async def _told_fields(self) -> list[Json]:
        found = await self._desk.api.get("/api/fields/company", {"search": "is:published"})
        return list(found["fields"])
