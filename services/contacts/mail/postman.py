"""The duty that sends what is due, over a few connections to the mail server.

Each mail is sent at least once, and twice only where nobody can know: when the process dies, or the connection breaks,
between the server's 250 and the note of it in Redis, or Redis stays away for longer than the note waits. Both copies
have the same Message-ID.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Any

import structlog

from services.common.background import Duty
from services.common.profile import Profile
from services.common.redis_client import RedisError
from services.common.settings import Settings
from services.common.smtp import Answer, LineDownError, Outcome, SmtpLine
from services.contacts.mail import mailbook
from services.contacts.mail.attachments import PlaceAwayError
from services.contacts.mail.delivery_rules import retry_us
from services.contacts.mail.message import FAILED, PENDING, RESCHEDULED, SENT, Message
from services.contacts.mail.office import MailOffice, after
from services.contacts.mail.queue import Queued
from services.contacts.mail.writing import Desk, UnwritableError
from services.contacts.metrics import ContactsMetrics
from services.contacts.people.change import Change
from services.contacts.people.do_not_contact import BOUNCED, Refusal
from services.contacts.people.writer import ContactWriter
from services.contacts.stores import Stores

log = structlog.get_logger()

EVERY_SECONDS = 0.5
LINES = 4
AT_ONCE = 200
SEND_SECONDS = 60.0  # a transaction that takes longer is given up
HOLD_US = 90_000_000  # so long nobody else takes one that is being sent; longer than that
GRACE_SECONDS = 10.0  # what is being sent when the process ends is waited for so long
NOTE_PAUSES_SECONDS = (0.2, 1.0, 2.0, 4.0)
DOWN_SECONDS = (1.0, 60.0)  # the pauses while the mail server is away double between these
RESTORE_SECONDS = 600.0
RESTORE_AT_ONCE = 1_000


class Postman:
    def __init__(self, stores: Stores, settings: Settings, metrics: ContactsMetrics) -> None:
        self._stores, self._metrics = stores, metrics
        self._office = MailOffice(stores)
        self._desk = Desk(stores, settings)
        self._lines = [SmtpLine(settings.smtp_url, self._desk.sender.address) for _ in range(LINES)]
        self._pause_seconds, self._down_until, self._restored_at = DOWN_SECONDS[0], 0.0, 0.0

    def duty(self) -> Duty:
        return Duty("mail", EVERY_SECONDS, self.work)

    async def work(self) -> None:
        """Sends all that is due."""
        if time.monotonic() < self._down_until:
            return
        await self._stores.check_clickhouse()  # what was sent must be noted there before the contact's next mail
        await self._restore()
        try:
            while due := await self._office.queue.due(_now_us(), AT_ONCE):
                await self._send_all(due)
            self._pause_seconds = DOWN_SECONDS[0]
        except LineDownError as error:
            log.warning("mail_server_unreachable", text=str(error))
            self._down_until = time.monotonic() + self._pause_seconds
            self._pause_seconds = min(2 * self._pause_seconds, DOWN_SECONDS[1])
        finally:
            await asyncio.gather(*(line.close() for line in self._lines))

    async def _send_all(self, due: list[Queued]) -> None:
        """One contact's mails go over one line, one after the other: each counts for the next."""
        shares: list[list[Queued]] = [[] for _ in self._lines]
        for queued in due:
            shares[queued.message.contact_id % LINES].append(queued)
        results = await asyncio.gather(
            *(self._send_share(line, share) for line, share in zip(self._lines, shares, strict=True)),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _send_share(self, line: SmtpLine, share: list[Queued]) -> None:
        for queued in share:
            await self._handle(line, queued)

    async def _handle(self, line: SmtpLine, queued: Queued) -> None:
        message = queued.message
        if message.is_done():
            await self._settle(queued)
            return
        profile = await self._office.profile(message.contact_id)
        verdict = await self._office.judge(message, profile)
        if verdict.status != PENDING or profile is None:
            await self._put(queued, after(message, verdict))
            return
        try:
            mail, to = await self._desk.write(message, profile)
        except UnwritableError as error:
            await self._put(queued, message.with_status(FAILED, str(error)))
            return
        except PlaceAwayError as error:
            tried = message.with_status(PENDING, attempts=message.attempts + 1, attempt_us=_now_us())
            await self._put(queued, answered(tried, Answer(Outcome.LATER, str(error)), message.subject, _now_us()))
            return
        await line.open()
        await self._attempt(line, queued, mail, to, profile)

    async def _attempt(self, line: SmtpLine, queued: Queued, mail: EmailMessage, to: str, profile: Profile) -> None:
        now_us = _now_us()
        begun = queued.message.with_status(
            PENDING,
            attempts=queued.message.attempts + 1,
            attempt_us=now_us,
            until_us=now_us + HOLD_US,
            due_us=now_us + HOLD_US,
        )
        held = await self._office.queue.change(queued, begun)
        if held is not None:
            await _to_its_end(lambda: self._transact(line, held, mail, to, profile))

    async def _transact(self, line: SmtpLine, held: Queued, mail: EmailMessage, to: str, profile: Profile) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                answer = await line.send(mail, to)
        except (LineDownError, TimeoutError) as error:
            answer = Answer(Outcome.LATER, f"{type(error).__name__}: {error}")
        await self._note(held, answered(held.message, answer, str(mail["Subject"]), _now_us()), profile.id)

    async def _note(self, held: Queued, message: Message, contact_id: int) -> None:
        """Waits a while for Redis if it must: without this note the mail goes out again."""
        for pause_seconds in NOTE_PAUSES_SECONDS:
            try:
                await self._put(held, message, contact_id)
                return
            except RedisError:
                log.warning("mail_not_noted", message=message.id)
                await asyncio.sleep(pause_seconds)
        await self._put(held, message, contact_id)

    async def _put(self, queued: Queued, message: Message, contact_id: int = 0) -> None:
        mark = self._stores.replicas.mark()
        changed = await self._office.queue.change(queued, message)
        if changed is None:
            log.warning("mail_changed_meanwhile", message=message.id)
            return
        self._metrics.mails.add(value=message.status)
        await self._stores.replicas.confirm(mark)
        await self._settle(changed, contact_id)

    async def _settle(self, queued: Queued, contact_id: int = 0) -> None:
        message = queued.message
        if message.is_bounced:
            refusal = Refusal(BOUNCED, message.reason, message.email_id)
            await ContactWriter(self._stores, "mail").edit(message.contact_id, Change(dnc={"email": refusal}))
        await self._office.settle(queued, contact_id)

    async def _restore(self) -> None:
        """Queues what Redis has lost: what still waits by its row, and is not in the queue, when that is read twice."""
        if time.monotonic() < self._restored_at + RESTORE_SECONDS and self._restored_at:
            return
        last, clickhouse = None, self._stores.clickhouse
        while waiting := await mailbook.waiting_after(clickhouse, last, RESTORE_AT_ONCE):
            last, found = waiting[-1], await self._office.queue.load([one.id for one in waiting])
            for lost in [one for one in waiting if one.id not in found]:
                again = await mailbook.messages_by_id(clickhouse, [lost.contact_id], [lost.id])
                if lost.id in again and not again[lost.id].is_done():
                    log.warning("mail_queued_anew", message=lost.id)
                    await self._office.queue.add(again[lost.id])
        self._restored_at = time.monotonic()


def answered(message: Message, answer: Answer, subject: str, now_us: int) -> Message:
    """The message after the server's answer."""
    news: dict[str, Any] = {"subject": subject, "until_us": 0}
    match answer.outcome:
        case Outcome.SENT:
            return message.with_status(SENT, sent_us=now_us, due_us=now_us, **news)
        case Outcome.LATER if due_us := retry_us(message.attempts, now_us):
            return message.with_status(RESCHEDULED, answer.reason, due_us=due_us, is_held=True, until_us=0)
    is_bounced = answer.outcome is Outcome.BOUNCED
    return message.with_status(FAILED, answer.reason, is_bounced=is_bounced, due_us=now_us, **news)


async def _to_its_end(work: Callable[[], Awaitable[None]]) -> None:
    """What has been begun is not broken off by the end of the process, or a mail that was sent would go out again."""
    task = asyncio.ensure_future(work())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=GRACE_SECONDS)
        raise


def _now_us() -> int:
    return time.time_ns() // 1_000
