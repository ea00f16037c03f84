"""The REST API on submissions of forms, read from the events that they are."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.documents import FORM, Form, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, query_of
from services.common.records import Ref
from services.contacts.forms.submissions import (
    Row,
    SubmissionList,
    one_submission,
    read_submission_list,
    show_submission,
)
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact_reader import ContactReader
from services.contacts.records.api import record_id_of
from services.contacts.stores import Stores


class SubmissionsApi:
    def __init__(self, stores: Stores, metrics: ContactsMetrics) -> None:
        self._stores, self._metrics = stores, metrics
        self._reader = ContactReader(stores)

    def routes(self) -> list[Route]:
        path = "/api/forms/{id}/submissions"
        return [
            Route(path, self.all, methods=["GET"]),
            Route(f"{path}/contact/{{contact}}", self.of_contact, methods=["GET"]),
            Route(f"{path}/{{submission}}", self.one, methods=["GET"]),
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
