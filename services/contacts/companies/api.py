"""The REST API on companies and their members: each handler reads the request, has the work done, and answers."""

from __future__ import annotations

import asyncio
from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import may_act
from services.common.company import Company, decode_company, name_key
from services.common.company_fields import NAME
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object
from services.common.operation import Operation, by_id, described
from services.contacts.batch import Told
from services.contacts.batch_api import BatchApi, EachAlone
from services.contacts.batch_operations import batch_operations
from services.contacts.companies.company_change import CompanyChange, read_company_change
from services.contacts.companies.company_list import count_statement, page_statement, read_company_query
from services.contacts.companies.company_object import company_object, membership_objects
from services.contacts.companies.company_shapes import Company as Shown
from services.contacts.companies.company_shapes import CompanyChange as Body
from services.contacts.companies.company_shapes import CompanyPart, Membership
from services.contacts.companies.company_writer import CompanyWriter
from services.contacts.list_parameters import LISTED, read_shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.people.api import contact_id_of, read_contact_id
from services.contacts.people.change import Change, InvalidChangeError
from services.contacts.people.change_body import is_true, no_owner
from services.contacts.people.contact import Contact
from services.contacts.people.contact_list import Statement
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.memberships import MembershipChange
from services.contacts.people.writer import ContactWriter, now_us
from services.contacts.shapes import DONE
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import VIEW, check_contact, check_create

MINIMAL = ("id", "score", "fields")
ONE = {"company": Shown}

LIST = Operation(
    "List and search companies",
    {"total": Annotated[str, Meta(description="A number as text", examples=["1"])], "companies": by_id(CompanyPart)},
    LISTED,
)
NEW = Operation(
    "Create a company, or update the one of that name",
    ONE,
    body=Body,
    needs=("companyname",),
    text="With force it is always a new one.",
    success={200: "Updated", 201: "New, with Location"},
)
CHANGE = Operation("Change what is named", ONE, body=Body, text="A company always keeps a name.")
REPLACE = Operation(
    "Replace: fields that are not named are blanked",
    ONE,
    body=Body,
    needs=("companyname",),
    text="Score and owner stay. An unknown id makes a new company under an id of its own.",
    success={200: "Replaced", 201: "New: the id was unknown"},
)
DELETE = Operation(
    "Delete a company",
    ONE,
    text="Its members lose it, and keep the text in their field company.",
    success={200: "As it was, with the id null"},
)
MEMBERSHIPS = Operation(
    "A contact's companies that the caller may see, the first one first", {"total": int, "companies": list[Membership]}
)
BATCH = batch_operations("companies", Shown, Body)
JOIN, LEAVE = Operation("A contact joins a company", DONE), Operation("A contact leaves a company", DONE)


class CompaniesApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user, self._metrics = stores, user, metrics
        self._writer = CompanyWriter(stores, user)
        self._contact_reader = ContactReader(stores)
        self._contact_writer = ContactWriter(stores, user)

    def routes(self) -> list[Route]:
        base = "/api/companies/{id}/contact"
        add, remove = f"{base}/{{contact}}/add", f"{base}/{{contact}}/remove"
        return [
            *BatchApi("/api/companies", "companies", lambda: EachAlone(self, _marks), BATCH).routes(),
            described("/api/companies", self.list, get=LIST),
            described("/api/companies/new", self.new, post=NEW),
            described("/api/companies/{id}", self.one, get=Operation("One company", ONE)),
            described("/api/companies/{id}/edit", self.edit, patch=CHANGE, put=REPLACE),
            described("/api/companies/{id}/delete", self.delete, delete=DELETE),
            described(add, self.join, post=JOIN),
            described(remove, self.leave, post=LEAVE),
            described(f"{base}/add/{{contact}}", self.join, post=JOIN, old_name_of=add),
            described(f"{base}/remove/{{contact}}", self.leave, post=LEAVE, old_name_of=remove),
            described("/api/contacts/{id}/companies", self.of_contact, get=MEMBERSHIPS),
        ]

    async def list(self, request: Request) -> Response:
        said = query_of(request)
        registry = await self._stores.fields.of_companies()
        query, shape = read_company_query(said, registry), read_shape(said)
        rows, counted = await asyncio.gather(
            _rows(self._stores, page_statement(query)), _rows(self._stores, count_statement(query))
        )
        self._metrics.reads.add(value="companies")
        companies = [decode_company(company_id, version, data.encode()) for company_id, version, data in rows]
        owners = await self._stores.owners({company.owner_id for company in companies})
        objects = {
            str(company.id): shape.of(
                company_object(company, self._user, registry, owners.get(company.owner_id)), MINIMAL
            )
            for company in companies
        }
        return json_response({"total": str(counted[0][0]), "companies": objects})

    async def one(self, request: Request) -> Response:
        company = await self._find(request)
        check_contact(company.owner_id, company.created_by_id, VIEW)
        self._metrics.reads.add(value="company")
        return json_response({"company": await self._shown(company)})

    async def of_contact(self, request: Request) -> Response:
        contact = await self._contact(contact_id_of(request))
        companies = await self._stores.companies.load(contact.view.companies if contact.view else ())
        registry = await self._stores.fields.of_companies()
        rows = membership_objects(contact.view, companies, registry) if contact.view else []
        rows = [row for row in rows if _is_seen(companies[int(row["id"])])]
        self._metrics.reads.add(value="companies")
        return json_response({"total": len(rows), "companies": rows})

    async def new(self, request: Request) -> Response:
        return _answer(await self.create(await read_object(request)))

    async def edit(self, request: Request) -> Response:
        """PATCH changes what it names; PUT also blanks what it does not, and makes a company of an unknown id."""
        company_id, body = str(contact_id_of(request)), await read_object(request)
        return _answer(await self.change(company_id, body, replaces=request.method == "PUT"))

    async def delete(self, request: Request) -> Response:
        return json_response({"company": {**await self.remove(str(contact_id_of(request))), "id": None}})

    async def create(self, body: Json) -> Told:
        change = await self._change(body, is_new=True)
        try:
            company, is_new = await self._writer.create(change)
        except BusyError:
            raise self._busy() from None
        self._metrics.company_writes.add(value="created" if is_new else "upserted")
        return Told(await self._shown(company), is_new)

    async def change(self, said_id: str, body: Json, *, replaces: bool) -> Told:
        company_id, change = read_contact_id(said_id), await self._change(body, replaces=replaces)
        try:
            company = await self._writer.edit(company_id, change)
        except BusyError:
            raise self._busy() from None
        if company is None:
            if replaces:
                check_create("/api/companies")
                return await self.create(body)
            raise ApiError(404, NOT_FOUND)
        self._metrics.company_writes.add(value="edited")
        return Told(await self._shown(company), is_new=False)

    async def remove(self, said_id: str) -> Json:
        """As it was."""
        try:
            gone = await self._writer.delete(read_contact_id(said_id))
        except BusyError:
            raise self._busy() from None
        if gone is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.company_writes.add(value="deleted")
        return await self._shown(gone)

    async def join(self, request: Request) -> Response:
        return await self._link(request, is_in=True)

    async def leave(self, request: Request) -> Response:
        return await self._link(request, is_in=False)

    async def _link(self, request: Request, *, is_in: bool) -> Response:
        company = await self._find(request)
        check_contact(company.owner_id, company.created_by_id, VIEW)
        contact = await self._contact(contact_id_of(request, "contact"))
        change = Change(memberships=MembershipChange({company.id: is_in}))
        first_seen_us = contact.footprint.first_seen_ms * 1_000 if contact.view is None else 0
        try:
            written = await self._contact_writer.edit(contact.id, change, first_seen_us)
        except BusyError:
            raise self._busy() from None
        if written is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.company_writes.add(value="joined" if is_in else "left")
        return json_response({"success": 1})

    async def _shown(self, company: Company) -> Json:
        registry = await self._stores.fields.of_companies()
        owner = (await self._stores.owners({company.owner_id})).get(company.owner_id)
        return company_object(company, self._user, registry, owner)

    async def _find(self, request: Request) -> Company:
        company = await self._stores.companies.one(contact_id_of(request))
        if company is None:
            raise ApiError(404, NOT_FOUND)
        return company

    async def _contact(self, contact_id: int) -> Contact:
        contact = await self._contact_reader.find(contact_id)
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact

    async def _change(self, body: dict[str, object], *, is_new: bool = False, replaces: bool = False) -> CompanyChange:
        registry = await self._stores.fields.of_companies()
        try:
            change = read_company_change(body, is_new=is_new, replaces=replaces, registry=registry, now_us=now_us())
            if change.owner_id and not await self._stores.owners({change.owner_id}):
                raise InvalidChangeError({"owner": [no_owner(change.owner_id)]})
            return change
        except InvalidChangeError as error:
            self._metrics.company_writes.add(value="refused")
            raise ApiError(400, str(error), error.details) from error

    def _busy(self) -> ApiError:
        self._metrics.company_writes.add(value="busy")
        return ApiError(503, "The company or contact is being changed by others; try again.")


def _is_seen(company: Company) -> bool:
    return may_act(VIEW, company.owner_id, company.created_by_id)


def _answer(told: Told) -> Response:
    if not told.is_new:
        return json_response({"company": told.shown})
    return json_response({"company": told.shown}, 201, {"Location": f"/api/companies/{told.shown['id']}"})


def _marks(body: Json) -> list[tuple[str, str]]:
    """One name is one company, unless it is forced."""
    name = body.get(NAME)
    return [(NAME, name_key(name))] if isinstance(name, str) and name.strip() and not is_true(body.get("force")) else []


async def _rows(stores: Stores, statement: Statement) -> list[tuple[int, int, str]]:
    return list((await stores.clickhouse.query(statement.sql, parameters=statement.parameters)).result_rows)
