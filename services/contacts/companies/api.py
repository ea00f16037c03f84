"""The REST API on companies and their members: each handler reads the request, has the work done, and answers."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.company import Company, decode_company
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of, read_object
from services.contacts.companies.company_change import CompanyChange, read_company_change
from services.contacts.companies.company_list import count_statement, page_statement, read_company_query
from services.contacts.companies.company_object import company_object, membership_objects
from services.contacts.companies.company_writer import CompanyWriter
from services.contacts.list_parameters import read_shape
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import Change, InvalidChangeError, no_owner
from services.contacts.people.contact import Contact
from services.contacts.people.contact_list import Statement
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.memberships import MembershipChange
from services.contacts.people.writer import ContactWriter
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import VIEW, check_contact, check_create

MINIMAL = ("id", "score", "fields")


class CompaniesApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores, self._user, self._metrics = stores, user, metrics
        self._writer = CompanyWriter(stores, user)
        self._contact_reader = ContactReader(stores)
        self._contact_writer = ContactWriter(stores, user)

    def routes(self) -> list[Route]:
        return [
            Route("/api/companies", self.list, methods=["GET"]),
            Route("/api/companies/new", self.new, methods=["POST"]),
            Route("/api/companies/{id}", self.one, methods=["GET"]),
            Route("/api/companies/{id}/edit", self.edit, methods=["PUT", "PATCH"]),
            Route("/api/companies/{id}/delete", self.delete, methods=["DELETE"]),
            Route("/api/companies/{id}/contact/{contact}/add", self.add, methods=["POST"]),
            Route("/api/companies/{id}/contact/{contact}/remove", self.remove, methods=["POST"]),
            Route(
                "/api/companies/{id}/contact/add/{contact}", self.add, methods=["POST"]
            ),  # their names in old clients
            Route("/api/companies/{id}/contact/remove/{contact}", self.remove, methods=["POST"]),
            Route("/api/contacts/{id}/companies", self.of_contact, methods=["GET"]),
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
        return await self._answer(company)

    async def of_contact(self, request: Request) -> Response:
        contact = await self._contact(contact_id_of(request))
        companies = await self._stores.companies.load(contact.view.companies if contact.view else ())
        registry = await self._stores.fields.of_companies()
        rows = membership_objects(contact.view, companies, registry) if contact.view else []
        self._metrics.reads.add(value="companies")
        return json_response({"total": len(rows), "companies": rows})

    async def new(self, request: Request) -> Response:
        return await self._create(await self._change(await read_object(request), is_new=True))

    async def edit(self, request: Request) -> Response:
        """PATCH changes what it names; PUT also blanks what it does not, and makes a company of an unknown id."""
        company_id, replaces = contact_id_of(request), request.method == "PUT"
        body = await read_object(request)
        change = await self._change(body, replaces=replaces)
        try:
            company = await self._writer.edit(company_id, change)
        except BusyError:
            raise self._busy() from None
        if company is None:
            if replaces:
                check_create("/api/companies")
                return await self._create(await self._change(body, is_new=True))
            raise ApiError(404, NOT_FOUND)
        self._metrics.company_writes.add(value="edited")
        return await self._answer(company)

    async def delete(self, request: Request) -> Response:
        try:
            gone = await self._writer.delete(contact_id_of(request))
        except BusyError:
            raise self._busy() from None
        if gone is None:
            raise ApiError(404, NOT_FOUND)
        self._metrics.company_writes.add(value="deleted")
        registry = await self._stores.fields.of_companies()
        owner = (await self._stores.owners({gone.owner_id})).get(gone.owner_id)
        return json_response({"company": {**company_object(gone, self._user, registry, owner), "id": None}})

    async def add(self, request: Request) -> Response:
        return await self._link(request, is_in=True)

    async def remove(self, request: Request) -> Response:
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

    async def _create(self, change: CompanyChange) -> Response:
        try:
            company, is_new = await self._writer.create(change)
        except BusyError:
            raise self._busy() from None
        self._metrics.company_writes.add(value="created" if is_new else "upserted")
        if not is_new:
            return await self._answer(company)
        return await self._answer(company, 201, {"Location": f"/api/companies/{company.id}"})

    async def _answer(self, company: Company, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        registry = await self._stores.fields.of_companies()
        owner = (await self._stores.owners({company.owner_id})).get(company.owner_id)
        return json_response({"company": company_object(company, self._user, registry, owner)}, status, headers)

    async def _find(self, request: Request) -> Company:
        company = await self._stores.companies.one(contact_id_of(request))
        if company is None:
            raise ApiError(404, NOT_FOUND)
        return company

    async def _contact(self, contact_id: int) -> Contact:
        contact = await self._contact_reader.one(contact_id)
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact

    async def _change(self, body: dict[str, object], *, is_new: bool = False, replaces: bool = False) -> CompanyChange:
        registry = await self._stores.fields.of_companies()
        try:
            change = read_company_change(body, is_new=is_new, replaces=replaces, registry=registry)
            if change.owner_id and not await self._stores.owners({change.owner_id}):
                raise InvalidChangeError({"owner": [no_owner(change.owner_id)]})
            return change
        except InvalidChangeError as error:
            self._metrics.company_writes.add(value="refused")
            raise ApiError(400, str(error), error.details) from error

    def _busy(self) -> ApiError:
        self._metrics.company_writes.add(value="busy")
        return ApiError(503, "The company or contact is being changed by others; try again.")


async def _rows(stores: Stores, statement: Statement) -> list[tuple[int, int, str]]:
    return list((await stores.clickhouse.query(statement.sql, parameters=statement.parameters)).result_rows)
