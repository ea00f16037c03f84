"""Whether a mail may go out now, later, or not at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from services.common.folding import View
from services.common.profile import FrequencyRule
from services.contacts.mail.message import CANCELLED, CHANNEL, FAILED, PENDING, RESCHEDULED, Message

DAY_US = 86_400_000_000
SPANS_US = {"DAY": DAY_US, "WEEK": 7 * DAY_US, "MONTH": 30 * DAY_US}
FIRST_RETRY_US = 60_000_000
LAST_RETRY_US = 6 * 3_600_000_000
MAX_ATTEMPTS = 24  # the last one about four days after the first
NO_ADDRESS = "The contact has no e-mail address."
DO_NOT_CONTACT = "The contact does not want mails."
TOO_OFTEN = "The contact has had as many mails as its frequency rule allows."
PAUSED = "The contact has paused mails."
GONE = "The contact is not there any more."


class Verdict(NamedTuple):
    """`status` is pending for a mail that may go out; one that is rescheduled is looked at again when it is due."""

    status: str
    reason: str = ""
    due_us: int = 0


def judge(message: Message, view: View | None, sent_us: Sequence[int], now_us: int) -> Verdict:
    """`sent_us` says when the contact was sent mails that count, lately."""
    if view is None:
        return Verdict(CANCELLED, GONE)
    if not view.fields.get("email"):
        return Verdict(FAILED, NO_ADDRESS)
    if message.is_transactional:
        return Verdict(PENDING)
    if CHANNEL in view.dnc:
        return Verdict(CANCELLED, DO_NOT_CONTACT)
    rule = view.frequency.get(CHANNEL)
    return _by_rule(rule, sent_us, now_us) if rule else Verdict(PENDING)


def counting_since_us(view: View, now_us: int) -> int:
    """Since when mails count; 0 when none do."""
    rule = view.frequency.get(CHANNEL)
    return now_us - SPANS_US[rule.time_unit] if rule and rule.number and rule.time_unit in SPANS_US else 0


def retry_us(attempts: int, now_us: int) -> int:
    """When to try again after so many attempts; 0 when it is given up."""
    if attempts >= MAX_ATTEMPTS:
        return 0
    return now_us + min(LAST_RETRY_US, FIRST_RETRY_US << max(0, attempts - 1))


def _by_rule(rule: FrequencyRule, sent_us: Sequence[int], now_us: int) -> Verdict:
    if until_us := _paused_until_us(rule, now_us):
        return Verdict(RESCHEDULED, PAUSED, until_us)
    span_us = SPANS_US.get(rule.time_unit, 0)
    counting = sorted((one for one in sent_us if one > now_us - span_us), reverse=True)
    if rule.number and len(counting) >= rule.number:
        return Verdict(RESCHEDULED, TOO_OFTEN, counting[rule.number - 1] + span_us)
    return Verdict(PENDING)


def _paused_until_us(rule: FrequencyRule, now_us: int) -> int:
    """The end of a pause that there is now; one without an end is looked at again every day."""
    if not rule.pause_from:
        return 0
    today = datetime.fromtimestamp(now_us // 1_000_000, UTC).date()
    last = date.fromisoformat(rule.pause_to) if rule.pause_to else today
    if not date.fromisoformat(rule.pause_from) <= today <= last:
        return 0
    return int(datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC).timestamp()) * 1_000_000
