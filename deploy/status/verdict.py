"""What a picture means, in words, and which page of the runbook says more. Pure. The bounds are those of the alerts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from deploy.status.picture import ClickHouseSeen, Picture, RedisSeen, ServiceSeen
from services.common.minute_counts import ACCEPTED, DROPPED, REFUSED, STORED

LAG_SECONDS = 30.0
MEMORY_SHARE = 0.7
OUTBOX_SECONDS = 60.0
MAIL_SECONDS = 600.0
ERASURE_SECONDS = 3_600.0
DEAD_SECONDS = 86_400.0  # what was put aside longer ago somebody has seen
MOST_PARTS = 500  # of a partition; ClickHouse slows inserts down at 1,000
NOT_KEPT = f"{REFUSED}:hits_cannot_be_kept"


class Line(NamedTuple):
    """`alert` is the heading of the runbook, of what is wrong."""

    what: str
    is_well: bool
    words: str
    alert: str = ""


def judge(picture: Picture) -> list[Line]:
    lines = [_service(seen) for seen in picture.services]
    if picture.redis is None:
        lines.append(Line("Redis", False, f"does not answer: {picture.redis_error}", "SpoorRedisAway"))
    else:
        lines += _redis(picture.redis, picture.at)
    if picture.clickhouse is None:
        alert = "SpoorClickHouseRefusesInserts"
        lines.append(Line("ClickHouse", False, f"does not answer: {picture.clickhouse_error}", alert))
    else:
        lines.append(_clickhouse(picture.clickhouse))
    return [*lines, *_work(picture)]


def _service(seen: ServiceSeen) -> Line:
    if seen.error:
        return Line(seen.name, False, f"does not answer at {seen.url}: {seen.error}", "SpoorServiceAway")
    if seen.reason:
        return Line(seen.name, False, f"is not ready: {seen.reason}, {seen.url}", "SpoorServiceNotReady")
    if seen.warning:
        return Line(seen.name, False, f"is ready, but warns: {seen.warning}", _ALERTS.get(seen.warning, ""))
    return Line(seen.name, True, f"is ready, {seen.url}")


_ALERTS = {
    "hits_are_spilled": "SpoorSpillGrows",
    "redis_evicts_keys": "SpoorRedisEvicts",
    "redis_keeps_no_append_only_file": "SpoorRedisFileTrouble",
    "most_drops_are_private_address": "SpoorDropsPrivateAddress",
}


def _redis(seen: RedisSeen, now: float) -> Iterator[Line]:
    yield _memory(seen)
    yield _hits(seen)
    yield _queue(seen)
    ago = f"the newest {_duration(seen.newest_dead_seconds)} ago" if seen.dead else ""
    is_fresh = bool(seen.dead) and seen.newest_dead_seconds < DEAD_SECONDS
    words = f"{seen.dead:,} hits were put aside, {ago}" if seen.dead else "no hit was put aside"
    yield Line("dead letters", not is_fresh, words, "SpoorDeadLetters" if is_fresh else "")
    is_behind = seen.outbox.seconds > OUTBOX_SECONDS
    words = f"{seen.outbox.waiting:,} writes wait for ClickHouse, the oldest for {_duration(seen.outbox.seconds)}"
    yield Line(
        "outbox", not is_behind, words if seen.outbox.waiting else "all that was written is in ClickHouse",
        "SpoorOutboxStuck" if is_behind else "",
    )  # fmt: skip
    yield _erasures(seen, now)
    yield _check(seen, now)


def _memory(seen: RedisSeen) -> Line:
    state = seen.state
    share = f", {state.memory_share:.0%} of maxmemory" if state.memory_share else ", no maxmemory is set"
    words = f"{_size(state.used_bytes)}{share}"
    if state.evicts or state.evicted_keys:
        return Line("Redis", False, f"{words}; it throws keys away: maxmemory-policy noeviction", "SpoorRedisEvicts")
    if not state.keeps_file:
        return Line("Redis", False, f"{words}; it keeps no append-only file: appendonly yes", "SpoorRedisFileTrouble")
    if not state.file_is_written:
        return Line("Redis", False, f"{words}; it cannot write its append-only file", "SpoorRedisFileTrouble")
    if state.memory_share > MEMORY_SHARE:
        return Line("Redis", False, f"{words}: it is nearly full", "SpoorRedisNearlyFull")
    return Line("Redis", True, f"{words}, its append-only file is written")


def _hits(seen: RedisSeen) -> Line:
    counts, refused = seen.counts, seen.counts.get(NOT_KEPT, 0)
    dropped = sum(count for name, count in counts.items() if name.startswith(f"{DROPPED}:"))
    words = (
        f"in the last 5 minutes {counts.get(ACCEPTED, 0):,} accepted, {counts.get(STORED, 0):,} stored, "
        f"{dropped:,} dropped on purpose"
    )
    if refused:
        return Line("hits", False, f"{words}, {refused:,} refused with 503", "SpoorHitsRefused")
    return Line("hits", True, words)


def _queue(seen: RedisSeen) -> Line:
    entries, seconds = sum(one.entries for one in seen.queues), max(one.seconds for one in seen.queues)
    if not entries:
        return Line("queue", True, f"nothing waits in {_count(len(seen.queues), 'stream')}")
    slowest = max(range(len(seen.queues)), key=lambda stream: seen.queues[stream].seconds)
    words = (
        f"{_count(entries, 'entry', 'entries')} wait, {seen.pending:,} of them in hand, "
        f"the oldest for {_duration(seconds)} in stream {slowest}"
    )
    is_late = seconds > LAG_SECONDS
    return Line("queue", not is_late, words, "SpoorQueueLagGrows" if is_late else "")


def _erasures(seen: RedisSeen, now: float) -> Line:
    if not seen.erasures.waiting:
        return Line("erasures", True, "none waits")
    seconds = now - seen.erasures.since
    words = f"{_count(seen.erasures.waiting, 'erasure')} under way, the oldest asked for {_duration(seconds)} ago"
    is_late = seconds > ERASURE_SECONDS
    return Line("erasures", not is_late, words, "SpoorErasureStuck" if is_late else "")


def _check(seen: RedisSeen, now: float) -> Line:
    if not seen.check_at:
        return Line("check-identity", True, "never ran here")
    words = f"ran {_duration(now - seen.check_at)} ago and left {_count(seen.check_wrong, 'thing')} wrong"
    return Line(
        "check-identity", not seen.check_wrong, words, "SpoorCheckIdentityFound" if seen.check_wrong else ""
    )  # fmt: skip


def _clickhouse(seen: ClickHouseSeen) -> Line:
    newest = seen.newest_part_seconds
    last = "no event yet" if newest is None else f"the newest part of events is {_duration(newest)} old"
    rows = f"{seen.events:,} events, {seen.contacts:,} rows of contacts"
    words = f"{seen.version}, {rows}, {_count(seen.parts, 'part')}; {last}"
    if seen.most_parts > MOST_PARTS:
        words += f"; one partition has {seen.most_parts:,} parts: merges do not keep up"
        return Line("ClickHouse", False, words, "SpoorClickHouseRefusesInserts")
    return Line("ClickHouse", True, words)


def _work(picture: Picture) -> Iterator[Line]:
    """What services say of their own queues. One that does not answer says nothing."""
    answered = {seen.name for seen in picture.services if not seen.error}
    if "ingest" in answered:
        waiting = picture.largest("ingest_spill_bytes")
        words = f"{_size(waiting)} of hits wait on ingest's disk" if waiting else "no hit waits on ingest's disk"
        yield Line("spill", not waiting, words, "SpoorSpillGrows" if waiting else "")
    if "contacts" in answered:
        yield from _queues_of_contacts(picture)
    if "export" in answered:
        waiting = picture.largest("export_jobs_waiting")
        yield Line("exports", True, f"{_count(int(waiting), 'export')} asked for and not done")


def _queues_of_contacts(picture: Picture) -> Iterator[Line]:
    waiting, overdue = picture.largest("contacts_mails_waiting"), picture.largest("contacts_mails_overdue_seconds")
    late = overdue > MAIL_SECONDS
    words = f"{_count(int(waiting), 'mail')} wait" + (f", one is due for {_duration(overdue)}" if overdue else "")
    yield Line("mails", not late, words, "SpoorMailsStuck" if late else "")
    notes, failing = picture.largest("contacts_webhook_notes_waiting"), picture.largest("contacts_webhooks_failing")
    words = f"{_count(int(notes), 'note')} wait, {_count(int(failing), 'webhook')} of those that are published fail"
    yield Line("webhooks", not failing, words, "SpoorWebhookSwitchedOff" if failing else "")


def as_text(picture: Picture, lines: list[Line]) -> str:
    at = datetime.fromtimestamp(picture.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    width = max(len(line.what) for line in lines)
    shown = [f"  {'well ' if line.is_well else 'WRONG'}  {line.what:<{width}}  {_said(line)}" for line in lines]
    wrong = sum(not line.is_well for line in lines)
    end = "All is well." if not wrong else f"{_count(wrong, 'line')} of these {'is' if wrong == 1 else 'are'} not well."
    return "\n".join([f"Spoor at {at}", "", *shown, "", end])


def _said(line: Line) -> str:
    return f"{line.words}  (docs/runbook.md, {line.alert})" if line.alert else line.words


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _duration(seconds: float) -> str:
    for length, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} s"


def _size(count: float) -> str:
    for length, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if count >= length:
            return f"{count / length:.1f} {name}"
    return f"{count:.0f} bytes"
