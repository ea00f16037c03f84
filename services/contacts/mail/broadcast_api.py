"""`POST /api/emails/{id}/send`: a template to all who are in its segments, and were never sent it before; and how many
they are.

Those who are found are queued, and the postman sends; what each of them wants is respected then.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common import keys
from services.common.caller import author
from services.common.documents import Email
from services.common.envelope import ApiError, json_response, read_object
from services.common.operation import Operation, described
from services.common.queries.contact_query import FALSE
from services.common.queries.segment_query import FilterError, Segments, compile_segment
from services.common.queries.segments import load_segments
from services.common.redis_client import load_script
from services.common.settings import Settings
from services.contacts.mail.api import NO_SERVER, QUEUE_FULL
from services.contacts.mail.attachment_rules import AttachmentRules
from services.contacts.mail.email_resource import ASSETS, LISTS, MAX_ASSETS, read_ids
from services.contacts.mail.emails_api import open_template
from services.contacts.mail.mail_shapes import Broadcast, BroadcastSent
from services.contacts.mail.message import Message
from services.contacts.mail.office import MailOffice
from services.contacts.mail.queue import QueueFullError
from services.contacts.mail.template_lists import check_lists
from services.contacts.records.api import record_id_of
from services.contacts.records.record_body import RecordBody
from services.contacts.stores import Stores

MAX_RECIPIENTS = 10_000  # of one call, some seconds; the next call goes on behind them
AT_ONCE = 1_000
LEASE_MS = 120_000

# Whoever merged in since brought along what it was sent.
_RECIPIENTS = """
contacts FINAL
WHERE ({members}) AND email != '' AND NOT arrayExists(one -> startsWith(one, 'email:'), dnc)
    AND id NOT IN (SELECT contact_id FROM messages WHERE email_id = {{email:UInt64}})
    AND id NOT IN (
        SELECT winner FROM aliases FINAL
        WHERE loser IN (SELECT contact_id FROM messages WHERE email_id = {{email:UInt64}})
    )
"""
_NEXT = "SELECT id FROM {recipients} ORDER BY id LIMIT {{limit:UInt64}}"
_HOW_MANY = "SELECT count() FROM {recipients}"

SEND = Operation(
    "Send a template to all in its segments who were never sent it",
    BroadcastSent,
    body=Broadcast,
    errors={404: "No such template", 409: "No mail server is set, or the same is being sent already"},
)
RECIPIENTS = Operation(
    "How many a template would be sent to now",
    {"recipients": Annotated[int, Meta(examples=[100])]},
    text="Those in its segments who have an address, may be mailed, and were never sent it.",
    errors={404: "No such template, or one that may not be sent now"},
)


class BroadcastApi:
    def __init__(self, stores: Stores, user: str, settings: Settings) -> None:
        self._stores, self._user, self._settings = stores, user, settings
        self._office, self._attachments = MailOffice(stores), AttachmentRules(stores.records, settings)
        self._lease = load_script(stores.redis, "hold_lease")

    def routes(self) -> list[Route]:
        return [
            described("/api/emails/{id}/send", self.send, post=SEND),
            described("/api/emails/{id}/recipients", self.recipients, get=RECIPIENTS),
        ]

    async def recipients(self, request: Request) -> Response:
        """Of the template's own segments."""
        email_id = record_id_of(request)
        template = await open_template(self._stores.records, email_id)
        members, parameters = _members(template.segments, await load_segments(self._stores.clickhouse))
        sql = _HOW_MANY.format(recipients=_RECIPIENTS.format(members=members))
        found = await self._stores.clickhouse.query(sql, parameters={**parameters, "email": int(email_id)})
        return json_response({"recipients": int(found.result_rows[0][0])})

    async def send(self, request: Request) -> Response:
        """`lists` (the template's own unless said), `limit` and `assetAttachments`; `sentCount` says how many were
        queued."""
        email_id, body = record_id_of(request), RecordBody(await read_object(request))
        template = await open_template(self._stores.records, email_id)
        segments, limit = read_ids(body, LISTS, template.segments), _limit(body)
        assets = read_ids(body, ASSETS, [], most=MAX_ASSETS)
        if not segments:
            body.wrong.setdefault(LISTS, ["This value should not be blank."])
        body.refuse_if_wrong()
        if not self._settings.smtp_url:
            raise ApiError(409, NO_SERVER, kind="mail_not_set_up")
        await check_lists(self._stores.records, segments, template.segments)
        await self._attachments.check(template.assets, of_template=True)
        await self._attachments.check(assets)
        sent = await self._alone(self._message(int(email_id), template, assets), segments, limit)
        return json_response({"success": 1, "sentCount": sent, "failedRecipients": 0})

    async def _alone(self, message: Message, segments: list[int], limit: int) -> int:
        """One call at a time for each template: two would send it twice to whom both find."""
        key, name = keys.duty(f"email-{message.email_id}"), uuid.uuid4().hex
        if not await self._lease(keys=[key], args=[name, LEASE_MS, 1]):
            raise ApiError(409, "This mail is being queued already; try again.")
        try:
            return await self._queue(message, segments, limit)
        except QueueFullError:
            raise ApiError(503, QUEUE_FULL) from None
        finally:
            await self._lease(keys=[key], args=[name, 0, 0])

    async def _queue(self, message: Message, segments: list[int], limit: int) -> int:
        members, parameters = _members(segments, await load_segments(self._stores.clickhouse))
        sent = 0
        async with asyncio.timeout(LEASE_MS / 2_000):
            while sent < limit:
                asked = {**parameters, "email": message.email_id, "limit": min(AT_ONCE, limit - sent)}
                sql = _NEXT.format(recipients=_RECIPIENTS.format(members=members))
                rows = (await self._stores.clickhouse.query(sql, parameters=asked)).result_rows
                if not rows:
                    break
                sent += await self._office.post_many([_to(message, int(one)) for (one,) in rows])
        return sent

    def _message(self, email_id: int, template: Email, assets: list[int]) -> Message:
        """What is the same for all."""
        return Message(
            id="",
            contact_id=0,
            added_us=0,
            due_us=0,
            email_id=email_id,
            name=template.name,
            assets=assets,
            added_by=author(self._user),
        )


def _to(message: Message, contact_id: int) -> Message:
    """Its id is always the same: nobody is queued twice, whatever breaks off."""
    now_us = time.time_ns() // 1_000
    return msgspec.structs.replace(
        message, id=f"{contact_id}-email{message.email_id}", contact_id=contact_id, added_us=now_us, due_us=now_us
    )


def _members(segment_ids: list[int], segments: Segments) -> tuple[str, dict[str, Any]]:
    """Who is in any of them, as SQL. Raises `ApiError` 400."""
    conditions, now = [FALSE], datetime.now(UTC)
    parameters: dict[str, Any] = {}
    for segment_id in segment_ids:
        if segment_id not in segments:
            raise ApiError(400, f"There is no segment {segment_id}.", {LISTS: [f"There is no segment {segment_id}."]})
        try:
            found = compile_segment(segment_id, segments, now)
        except FilterError as error:
            raise ApiError(400, str(error), {LISTS: [str(error)]}) from error
        conditions.append(found.condition.known)
        parameters |= found.parameters
    return " OR ".join(f"({one})" for one in conditions), parameters


def _limit(body: RecordBody) -> int:
    text = body.text("limit")
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 9):
        body.wrong["limit"] = ["This value must be a whole number."]
        return 0
    return min(int(text or 0) or MAX_RECIPIENTS, MAX_RECIPIENTS)
