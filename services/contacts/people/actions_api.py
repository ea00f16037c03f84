"""What is done to one contact by a call of its own: do-not-contact, points."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.common.envelope import NOT_FOUND, ApiError, json_response, read_object
from services.common.operation import DescribedRoute, Operation, Parameter, described
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.api import contact_id_of
from services.contacts.people.change import Change
from services.contacts.people.contact import Contact
from services.contacts.people.contact_object import contact_object
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.contact_shapes import Contact as Shown
from services.contacts.people.contact_shapes import Reason
from services.contacts.people.do_not_contact import CONTACTABLE, WRONG_REASON, Refusal, read_channel, read_refusal
from services.contacts.people.editor import ContactEditor
from services.contacts.people.point_calculation import OPERATORS, PointsBody, read_calculation
from services.contacts.shapes import DONE, Said
from services.contacts.stores import Stores


class RefusalBody(Said):
    """Why a contact is not to be contacted."""

    reason: Reason = 3
    comments: Annotated[str, Meta(max_length=4_096, examples=["Asked on the phone"])] = ""
    channel_id: Annotated[int, Meta(ge=0, le=2**31 - 1, description="The mail, say, that led to it")] | UnsetType = (
        UNSET
    )


_CHANNEL = Parameter("channel", "email, sms or another word", str, "email", "path")
REFUSE = Operation("Do not contact by this channel", {"contact": Shown}, (_CHANNEL,), RefusalBody,
                   text="Who unsubscribed stays so whatever a bounce or a user says later.")  # fmt: skip
ACCEPT = Operation("May be contacted by this channel again", {"recordFound": bool, "contact": Shown}, (_CHANNEL,),
                   text="recordFound says whether there was anything to take back.",
                   errors={400: "No word that can be a channel"})  # fmt: skip
POINTS = Operation(
    "Change the points",
    DONE,
    (
        Parameter("operator", "What is done with the delta", Literal[*OPERATORS], "plus", "path"),
        Parameter("delta", "By how much", Annotated[int, Meta(ge=0, le=9_999_999_999)], 10, "path"),
    ),
    PointsBody,
)


class ActionsApi:
    def __init__(self, stores: Stores, user: str, metrics: ContactsMetrics) -> None:
        self._user = user
        self._editor = ContactEditor(stores, user, metrics)
        self._reader = ContactReader(stores)

    def routes(self) -> list[DescribedRoute]:
        base = "/api/contacts/{id}/dnc"
        add, remove = f"{base}/{{channel}}/add", f"{base}/{{channel}}/remove"
        return [
            described(f"{base}/add/{{channel}}", self.refuse, post=REFUSE, old_name_of=add),
            described(add, self.refuse, post=REFUSE),
            described(f"{base}/remove/{{channel}}", self.accept, post=ACCEPT, old_name_of=remove),
            described(remove, self.accept, post=ACCEPT),
            described("/api/contacts/{id}/points/{operator}/{delta}", self.points, post=POINTS),
        ]

    async def refuse(self, request: Request) -> Response:
        """`reason` (1 unsubscribed, 2 bounced, 3 by hand), `comments`, `channelId`."""
        contact_id, body = contact_id_of(request), await read_object(request)
        try:
            channel, refusal = read_channel(request.path_params["channel"]), read_refusal(body)
        except ValueError as error:
            raise ApiError(400, "Invalid reason code given", {"reason": [str(error)]}) from error
        if refusal.reason == CONTACTABLE:
            raise ApiError(400, "Invalid reason code given", {"reason": [WRONG_REASON]})
        written = await self._editor.change(contact_id, Change(dnc={channel: refusal}))
        return json_response({"contact": self._shown(await self._reader.shown(written.profile))})

    async def accept(self, request: Request) -> Response:
        """`recordFound` says whether there was anything to take back."""
        contact = await self._find(request)
        try:
            channel = read_channel(request.path_params["channel"])
        except ValueError as error:
            raise ApiError(400, str(error), {"channel": [str(error)]}) from error
        if contact.view is None or channel not in contact.view.dnc:
            return json_response({"recordFound": False, "contact": self._shown(contact)})
        written = await self._editor.change(contact.id, Change(dnc={channel: Refusal(CONTACTABLE)}))
        shown = self._shown(await self._reader.shown(written.profile))
        return json_response({"recordFound": True, "contact": shown})

    async def points(self, request: Request) -> Response:
        contact_id, operator = contact_id_of(request), request.path_params["operator"]
        change = read_calculation(operator, request.path_params["delta"], "delta", await read_object(request))
        await self._editor.change(contact_id, change)
        return json_response({"success": 1})

    async def _find(self, request: Request) -> Contact:
        contact = await self._reader.one(contact_id_of(request))
        if contact is None:
            raise ApiError(404, NOT_FOUND)
        return contact

    def _shown(self, contact: Contact) -> dict[str, object]:
        return contact_object(contact, self._user)
