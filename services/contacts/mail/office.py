"""Takes mails in: decides at once what can be decided, queues them durably, and cancels them."""

from __future__ import annotations

import time
from typing import Any

from services.common.folding import View, fold
from services.common.profile import Profile
from services.contacts.mail import mailbook
from services.contacts.mail.delivery_rules import GONE, Verdict, counting_since_us, judge
from services.contacts.mail.message import CANCELLED, DONE, RESCHEDULED, Message
from services.contacts.mail.queue import MailQueue, Queued
from services.contacts.stores import Stores

ROUNDS = 50


class MailOffice:
    """Methods raise what the stores raise; a mail that was taken in is sent even then."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.queue = MailQueue(stores.redis)

    async def post(self, message: Message) -> Message:
        """The message as it was queued, or, done already, why it will not be sent. Raises `QueueFullError`."""
        await self._stores.check_clickhouse()
        verdict = await self.judge(message, await self.profile(message.contact_id))
        if verdict.status in DONE:
            return message.with_status(verdict.status, verdict.reason)
        queued = await self.queue.add(after(message, verdict))
        assert queued is not None, "ids of messages are random"
        await self._stores.confirm()
        await mailbook.note(self._stores.clickhouse, queued)
        return queued.message

    async def post_many(self, messages: list[Message]) -> int:
        """Queues them as they are: each is judged when it is due. How many were not in the queue yet."""
        await self._stores.check_clickhouse()
        added = [queued for message in messages if (queued := await self.queue.add(message))]
        await self._stores.confirm()
        waiting = (await self.queue.load([message.id for message in messages])).values()
        await mailbook.note_rows(self._stores.clickhouse, waiting)
        return len(added)

    async def cancel(self, message_id: str) -> Message | None:
        """The message, cancelled; None when it is done or just being sent."""
        await self._stores.check_clickhouse()
        for _ in range(ROUNDS):
            queued = (await self.queue.load([message_id])).get(message_id)
            if queued is None or queued.message.is_done() or queued.message.is_being_sent(_now_us()):
                return None
            cancelled = queued.message.with_status(CANCELLED, due_us=_now_us())
            if changed := await self.queue.change(queued, cancelled):
                await self._stores.confirm()
                await self.settle(changed)
                return changed.message
        return None

    async def cancel_all(self, contact_ids: list[int]) -> None:
        """Of contacts that are gone; one that is missed is not sent either."""
        for message_id in await mailbook.waiting_of(self._stores.clickhouse, contact_ids):
            queued = (await self.queue.load([message_id])).get(message_id)
            if queued is None or queued.message.is_done():
                continue
            if changed := await self.queue.change(queued, after(queued.message, Verdict(CANCELLED, GONE))):
                await self.settle(changed)

    async def settle(self, queued: Queued, contact_id: int = 0) -> None:
        """Stores what became of it; one that is done leaves the queue then."""
        await mailbook.note(self._stores.clickhouse, queued, contact_id)
        if queued.message.is_done():
            await self.queue.forget(queued)

    async def judge(self, message: Message, profile: Profile | None) -> Verdict:
        view = view_of(profile)
        since_us = counting_since_us(view, _now_us()) if view and not message.is_transactional else 0
        sent_us: list[int] = []
        if since_us and profile is not None:
            sent_us = await mailbook.sent_times_us(self._stores.clickhouse, profile.ids(), since_us)
        return judge(message, view, sent_us, _now_us())

    async def profile(self, contact_id: int) -> Profile | None:
        """Who the contact is now, through merges; None for nobody."""
        profile = await self._stores.profiles.resolve(contact_id)
        return profile if profile is not None and profile.is_known() else None


def view_of(profile: Profile | None) -> View | None:
    return fold(profile) if profile else None


def after(message: Message, verdict: Verdict) -> Message:
    """The message after a verdict that is not to send it now; who is gone leaves nothing behind."""
    news: dict[str, Any] = {"due_us": verdict.due_us or message.due_us}
    if verdict.status == RESCHEDULED:
        news["is_held"] = True
    if verdict.reason == GONE:
        news |= {"subject": "", "name": ""}
    return message.with_status(verdict.status, verdict.reason, **news)


def _now_us() -> int:
    return time.time_ns() // 1_000
