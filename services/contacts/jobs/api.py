"""The batch actions: on contacts by their ids at once, on a segment or a search as a job, and how jobs come along."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.caller import author, rights
from services.common.documents import (
    CAMPAIGN,
    CATEGORY,
    CONTACT_CATEGORIES,
    SEGMENT,
    Campaign,
    Category,
    Segment,
    decode_document,
)
from services.common.envelope import NOT_FOUND, ApiError, json_response, not_allowed, read_object
from services.common.operation import Operation, Parameter, described
from services.common.queries.search import EVERYTHING, parse_search
from services.common.queries.segment_query import FilterError
from services.common.queries.segments import is_seen
from services.common.records import Record, Ref
from services.common.rights import LEADS
from services.contacts.batch import read_ids
from services.contacts.jobs.action import ACTIONS, DELETE, KINDS, Action, read_action
from services.contacts.jobs.bulk import Bulk, Outcome
from services.contacts.jobs.job import CANCELLED, JOBS, Job, Target, ended
from services.contacts.jobs.job_shapes import ACTED, ActionName, BatchAction
from services.contacts.jobs.targets import Targets
from services.contacts.metrics import ContactsMetrics
from services.contacts.objects import Json
from services.contacts.people.api import contact_id_of, read_contact_id
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.change_body import no_owner
from services.contacts.records.api import RecordsApi, record_id_of
from services.contacts.records.record_operations import ID
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import VIEW, check_record
from services.contacts.users.route_rights import ADMIN, RULES

MAX_DELETED, MAX_CHANGED = 100, 1_000
WHO = ("ids", "search", "segment")
NO_ACTION = f"The actions are {', '.join(ACTIONS)}. Files are written by the export service."
_OWNED: dict[str, type[Campaign] | type[Segment]] = {CAMPAIGN: Campaign, SEGMENT: Segment}

_JOB, _MADE = {"job": JOBS.shown}, {201: "A job is made, with Location"}
ACT = Operation(
    "Do one thing to many contacts",
    ACTED,
    (Parameter("action", "What is done", ActionName, "tags", "path"),),
    BatchAction,
    text=f"Up to {MAX_CHANGED:,} ids ({MAX_DELETED} of delete) at once; all of a search or a segment as a job.",
    success={200: "Done, or not, for each of the ids", **_MADE},
    answers={201: _JOB},
    errors={404: "No such action or segment"},
)
DELETE_SEGMENT = Operation(
    "Delete the contacts of a segment, as a job",
    _JOB,
    success=_MADE,
    errors={400: "Its filters mean nothing any more", 404: "No such segment"},
)
CANCEL = Operation("Stop a job; what it did is not undone", _JOB, (ID,))


class JobsApi(RecordsApi[Job]):
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        super().__init__(stores, user, metrics, JOBS)
        self._user, self._targets = user, Targets(stores)

    def routes(self) -> list[Route]:
        said, path = self._operations(), "/api/segments/{id}/contacts/delete"
        old = path.replace("segments", "lists")
        return [
            described("/api/contacts/batch/{action}", self.act, post=ACT),
            described(path, self.delete_segment, post=DELETE_SEGMENT),
            described(old, self.delete_segment, post=DELETE_SEGMENT, old_name_of=path),
            described("/api/jobs", self.list, get=said[""]["get"]),
            described("/api/jobs/{id}", self.one, get=said["/{id}"]["get"]),
            described("/api/jobs/{id}/cancel", self.cancel, post=CANCEL),
        ]

    async def act(self, request: Request) -> Response:
        """`ids`, or a `search` or a `segment`, which make a job; and what the action needs."""
        name = request.path_params["action"]
        if name not in ACTIONS:
            raise ApiError(404, NO_ACTION)
        body = await read_object(request)
        said = [key for key in WHO if body.get(key) not in (None, "", [])]
        if len(said) != 1:
            raise ApiError(400, "Either ids, a search or a segment is needed.", {"ids": ["This value is needed."]})
        action = await self._named(name, body)
        if said == ["ids"]:
            return await self._at_once(action, read_ids({}, body))
        if said == ["search"]:
            return await self._job(Job(action=action, search=_search(body["search"])))
        return await self._job(Job(action=action, segment_id=await self._segment(body["segment"])))

    async def delete_segment(self, request: Request) -> Response:
        segment_id = await self._segment(contact_id_of(request))
        return await self._job(Job(action=Action(name=DELETE), segment_id=segment_id))

    async def cancel(self, request: Request) -> Response:
        """One that has ended stays as it is. What has been done is not undone."""
        job_id, now_us = record_id_of(request), time.time_ns() // 1_000
        try:
            job = await self._writer.change(job_id, lambda stored: ended(stored, CANCELLED, now_us))
        except BusyError:
            raise ApiError(503, "The job is being changed by others; try again.") from None
        if job is None:
            raise ApiError(404, NOT_FOUND)
        return json_response({"job": self._shown(job_id, job)})

    async def _at_once(self, action: Action, ids: list[str]) -> Response:
        """What became of each is told under its id."""
        most = MAX_DELETED if action.name == DELETE else MAX_CHANGED
        wanted = list(dict.fromkeys(ids))
        if not 0 < len(wanted) <= most:
            text = f"From 1 to {most} ids of contacts are needed."
            raise ApiError(400, text, {"ids": [text]})
        numbers = {said: number for said in wanted if (number := _number(said))}
        targets = await self._known(list(dict.fromkeys(numbers.values())))
        outcomes = dict(zip((one.id for one in targets), await self._done(action, targets), strict=True))
        nobody = Outcome(ApiError(404, NOT_FOUND))
        details = {said: _told(outcomes[numbers[said]] if said in numbers else nobody) for said in wanted}
        affected = sum(one["success"] for one in details.values())
        return json_response({"success": 1, "affected": affected, "details": details})

    async def _done(self, action: Action, targets: list[Target]) -> list[Outcome]:
        outcomes = await Bulk(self._stores, self._user).do(action, targets)
        if outcomes and all(outcome.is_away for outcome in outcomes):
            raise ApiError(503, "A database does not answer at the moment.")
        done = "deleted" if action.name == DELETE else "edited"
        self._metrics.writes.add(sum(not outcome.error for outcome in outcomes), value=done)
        return outcomes

    async def _known(self, ids: list[int]) -> list[Target]:
        """With when they first came, of those of whom nothing is stored."""
        stored = await self._stores.profiles.load(ids)
        seen = await self._targets.first_seen([one for one, profile in stored.items() if profile is None])
        return [Target(one, seen.get(one, 0)) for one in ids]

    async def _job(self, job: Job) -> Response:
        """For who may do this with everybody's contacts: beside requests nobody asks whose they are."""
        if not rights().may(f"{LEADS}:{'delete' if job.action.name == DELETE else 'edit'}other"):
            raise not_allowed()
        now_us = time.time_ns() // 1_000
        job = msgspec.structs.replace(job, created_by=author(self._user))
        try:
            where = await self._targets.where_of(job)
        except FilterError as error:
            raise ApiError(400, str(error), {"segment": [error.why]}) from error
        job.total = await self._targets.count(where, now_us)
        job_id = await self._writer.create(job)
        made = await self._writer.one(job_id) or job
        return json_response({"job": self._shown(job_id, made)}, 201, {"Location": f"/api/jobs/{job_id}"})

    async def _segment(self, said: object) -> int:
        """Raises `ApiError` 404 where there is none, or none that the caller may know of."""
        segment_id = read_contact_id(said.get("id") if isinstance(said, dict) else said)
        record = await self._stores.records.one(Ref(SEGMENT, str(segment_id)))
        if record is None or not is_seen(decode_document(record.data, Segment)):
            raise ApiError(404, NOT_FOUND)
        return segment_id

    async def _named(self, name: str, body: Json) -> Action:
        """The action with the names of the things that it is about.

        Raises `ApiError` 400 for what there is not, 403 for what the caller could not put a single contact in."""
        try:
            action = read_action(name, body)
        except InvalidChangeError as error:
            raise ApiError(400, str(error), error.details) from error
        if action.owner_id and not await self._stores.owners({action.owner_id}):
            text = no_owner(action.owner_id)
            raise ApiError(400, f"owner: {text}", {"owner": [text]})
        if name not in KINDS:
            return action
        if not RULES.get(("POST", f"/api/{name}/{{id}}/contact/{{contact}}/add"), ADMIN).lets(rights()):
            raise not_allowed()
        found = await self._stores.records.load(Ref(KINDS[name], str(one)) for one in action.words)
        there = {int(ref.id): record for ref, record in found.items() if record.data and _is_for_contacts(record)}
        if missing := [one for one in action.words if one not in there]:
            key = "add" if action.words[missing[0]] else "remove"
            text = f"There is no {KINDS[name]} {missing[0]}."
            raise ApiError(400, f"{key}: {text}", {key: [text]})
        for record in there.values():
            if document := _OWNED.get(record.ref.kind):
                check_record(record.ref.kind, VIEW, decode_document(record.data, document))
        names = {one: _name(record) for one, record in there.items()}
        return msgspec.structs.replace(action, names=names)


def _is_for_contacts(record: Record) -> bool:
    return record.ref.kind != CATEGORY or decode_document(record.data, Category).bundle == CONTACT_CATEGORIES


def _name(record: Record) -> str:
    said: dict[str, Any] = msgspec.json.decode(record.data)
    return str(said.get("name") or said.get("title") or "")


def _search(said: object) -> str:
    """Raises `ApiError` 400 for one that says nothing, such as `()`: it would be everybody. `SearchError`."""
    if not isinstance(said, str) or parse_search(said, frozenset()) == EVERYTHING:
        raise ApiError(400, "search must say who is meant.", {"search": ["This value is not valid."]})
    return said


def _number(said: str) -> int:
    """0 for what can be no id."""
    try:
        return read_contact_id(said)
    except ApiError:
        return 0


def _told(outcome: Outcome) -> Json:
    if outcome.error:
        return {"success": False, "error": outcome.error.message, "code": outcome.error.status}
    return {"success": True, **({"unsubscribed": list(outcome.refused)} if outcome.refused else {})}
