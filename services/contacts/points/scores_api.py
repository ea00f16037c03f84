"""The REST API on the scores of a contact: its points in each group."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.common.documents import POINT_GROUP, PointGroup, decode_document
from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.folding import fold
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.common.records import Ref
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import contact_id_of
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.editor import ContactEditor
from services.contacts.people.point_calculation import OPERATORS_OF_SCORES, PointsBody, read_calculation
from services.contacts.points.group_resource import score_object
from services.contacts.points.point_shapes import GroupScore
from services.contacts.records.api import read_record_id
from services.contacts.stores import Stores

SCORES = Operation("The scores of a contact, by group", {"total": int, "groupScores": list[GroupScore]})
SCORE = Operation("The score of a contact in a group; 0 where it has none", {"groupScore": GroupScore})
CALCULATE = Operation(
    "Change the score of a contact in a group",
    {"groupScore": GroupScore},
    (
        Parameter("operator", "What is done with the value", Literal[*OPERATORS_OF_SCORES], "plus", "path"),
        Parameter(
            "value", "By how much; below 0 only to set", Annotated[int, Meta(ge=0, le=9_999_999_999)], 10, "path"
        ),
    ),
    PointsBody,
)


class ScoresApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._stores = stores
        self._editor = ContactEditor(stores, user, metrics)
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        base = "/api/contacts/{id}/points/groups"
        return [
            described(base, self.all, get=SCORES),
            described(f"{base}/{{group}}", self.one, get=SCORE),
            described(f"{base}/{{group}}/{{operator}}/{{value}}", self.calculate, post=CALCULATE),
        ]

    async def all(self, request: Request) -> Response:
        scores = await self._scores(request)
        records = await self._stores.records.load(Ref(POINT_GROUP, str(group)) for group in scores)
        groups = {int(ref.id): decode_document(one.data, PointGroup) for ref, one in records.items() if one.data}
        told = [score_object(score, group, groups[group]) for group, score in scores.items() if group in groups]
        return json_response({"total": len(told), "groupScores": told})

    async def one(self, request: Request) -> Response:
        scores, (group_id, group) = await self._scores(request), await self._group(request)
        return json_response({"groupScore": score_object(scores.get(group_id, 0), group_id, group)})

    async def calculate(self, request: Request) -> Response:
        said, body = request.path_params, await read_object(request)
        change = read_calculation(said["operator"], said["value"], "value", body, OPERATORS_OF_SCORES)
        group_id, group = await self._group(request)
        about = msgspec.structs.replace(change, group_id=group_id, group_name=group.name)
        written = await self._editor.change(contact_id_of(request), about)
        score = fold(written.profile).scores.get(group_id, 0)
        return json_response({"groupScore": score_object(score, group_id, group)})

    async def _scores(self, request: Request) -> dict[int, int]:
        """Raises `ApiError` 404, 403."""
        contact = await self._reader.find(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact.view.scores if contact.view else {}

    async def _group(self, request: Request) -> tuple[int, PointGroup]:
        """Raises `ApiError` 404."""
        group_id = read_record_id(request.path_params["group"])
        record = await self._stores.records.one(Ref(POINT_GROUP, group_id))
        if record is None:
            raise ApiError(404, NOT_FOUND)
        return int(group_id), decode_document(record.data, PointGroup)
