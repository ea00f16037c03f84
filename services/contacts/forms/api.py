"""The REST API on submissions of forms, read from the events that they are."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.documents import FORM, Form, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.common.records import Ref
from services.contacts.forms.submissions import (
    Row,
    SubmissionList,
    one_submission,
    read_submission_list,
    show_submission,
)
from services.contacts.list_parameters import ORDER, PAGE, SEARCHED, WHERE
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact_reader import ContactReader
from services.contacts.records.api import record_id_of
from services.contacts.shapes import Id, Shown, Time
from services.contacts.shapes import Ref as ShownRef
from services.contacts.stores import Stores


class Address(Shown):
    """Where a submission came from."""

    ip: str


class FormRef(Shown):
    """The form."""

    id: Id
    name: str
    alias: str


class Submission(Shown):
    """One submission of a form."""

    id: Annotated[str, Meta(description="A UUID")]
    ip_address: Address
    form: FormRef
    lead: ShownRef
    tracking_id: Annotated[str | None, Meta(description="The device")]
    date_submitted: Time
    referer: str
    page: Annotated[Any, Meta(description="The page that it was sent from, if that is known")]
    results: Annotated[dict[str, Any], Meta(description="What was filled in, by the aliases of the fields")]


ALL = Operation(
    "The submissions of a form, the newest first",
    {"total": int, "submissions": list[Submission]},
    (SEARCHED._replace(text="A part of what was filled in"), *PAGE, *ORDER, *WHERE),
)
OF_CONTACT = ALL._replace(summary="Those of one contact, the newest first")
ONE = Operation("One submission", {"submission": Submission}, (Parameter("submission", "Its UUID", place="path"),))


class SubmissionsApi:
    def __init__(self, stores: Stores, metrics: ContactsMetrics) -> None:
        self._stores, self._metrics = stores, metrics
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        path = "/api/forms/{id}/submissions"
        return [
            described(path, self.all, get=ALL),
            described(f"{path}/contact/{{contact}}", self.of_contact, get=OF_CONTACT),
            described(f"{path}/{{submission}}", self.one, get=ONE),
        ]

    async def all(self, request: Request) -> Response:
        form_id, form = await self._form(request)
        return await self._list(form_id, form, read_submission_list(form_id, form, query_of(request)))

    async def of_contact(self, request: Request) -> Response:
        form_id, form = await self._form(request)
        contact = await self._reader.find(contact_id_of(request, "contact"))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return await self._list(form_id, form, read_submission_list(form_id, form, query_of(request), contact.ids))

    async def one(self, request: Request) -> Response:
        form_id, form = await self._form(request)
        rows = await self._rows(one_submission(form_id, str(request.path_params["submission"])))
        if not rows:
            raise ApiError(404, NOT_FOUND)
        self._metrics.reads.add(value="one")
        return json_response({"submission": show_submission(rows[0], _shown(form_id, form))})

    async def _list(self, form_id: str, form: Form, asked: SubmissionList) -> Response:
        rows, total = await asyncio.gather(
            self._rows(asked), self._stores.clickhouse.query(asked.total, parameters=asked.parameters)
        )
        self._metrics.reads.add(value="list")
        submissions = [show_submission(row, _shown(form_id, form)) for row in rows]
        return json_response({"total": int(total.result_rows[0][0]), "submissions": submissions})

    async def _rows(self, asked: SubmissionList) -> list[Row]:
        answer: Any = await self._stores.clickhouse.query(asked.page, parameters=asked.parameters)
        return [Row(*row) for row in answer.result_rows]

    async def _form(self, request: Request) -> tuple[str, Form]:
        form_id = record_id_of(request)
        record = await self._stores.records.one(Ref(FORM, form_id))
        if record is None:
            raise ApiError(404, NOT_FOUND)
        return form_id, decode_document(record.data, Form)


def _shown(form_id: str, form: Form) -> Json:
    return {"id": int(form_id) if form_id.isdecimal() else form_id, "name": form.name, "alias": form.alias}
