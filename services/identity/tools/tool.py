"""What the tools have in common: arguments, connections, progress once a second, the summary and the exit status.

Progress and troubles go to standard error, the summary to standard output: as text, or with --json as one line of JSON.
Status 0: done. 1: not done, and why is said in one line. 2: the arguments were wrong. Others are a tool's own.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

import msgspec
import uvloop

from services.common import clickhouse as ch
from services.common.migrate import cluster_of, migrate
from services.common.redis_client import RedisClient, RedisError, connect
from services.common.settings import Settings, SettingsError, load_settings

AWAY = (ch.ClickHouseError, RedisError, OSError, TimeoutError)  # the servers do not answer, or not as they should
CLICKHOUSE_SECONDS = 3_600.0  # a deletion answers when it is done
REDIS_SECONDS = 60.0
Summary = Mapping[str, int | float | str]
Outcome = TypeVar("Outcome")


class ToolError(Exception):
    """Why a tool does not do what it was asked for, in one line."""


class UnfinishedError(ToolError):
    """Some of it is done, as the summary says, and the rest is not."""

    def __init__(self, why: str, summary: Summary) -> None:
        super().__init__(why)
        self.summary = summary


class Connections(NamedTuple):
    """What a tool works with. The schema is up to date."""

    settings: Settings
    redis: RedisClient
    clickhouse: ch.ClickHouse


@asynccontextmanager
async def connections(settings: Settings) -> AsyncIterator[Connections]:
    """Raises one of `AWAY`, `ToolError`."""
    for name in ("redis_url", "clickhouse_url"):
        if not getattr(settings, name):
            raise ToolError(f"SPOOR_{name.upper()} is not set")
    await migrate(settings.clickhouse_url, cluster_of(settings))
    clickhouse = await ch.connect(settings.clickhouse_url, timeout_seconds=CLICKHOUSE_SECONDS)
    redis = connect(settings.redis_url, timeout_seconds=REDIS_SECONDS)
    try:
        yield Connections(settings, redis, clickhouse)
    finally:
        await clickhouse.close()
        await redis.aclose()


class Progress:
    """Says once a second how far it is, and by how fast it went so far when it will be done."""

    def __init__(self, what: str, total: int, say: Callable[[str], None] | None = None) -> None:
        self._what, self._total = what, total
        self._say = say or (lambda line: print(line, file=sys.stderr, flush=True))
        self._count = 0
        self._started = self._said = time.monotonic()

    def add(self, count: int, now: float | None = None) -> None:
        self._count += count
        now = time.monotonic() if now is None else now
        if now - self._said >= 1:
            self._said = now
            self._say(progress_line(self._what, self._count, self._total, now - self._started))


def progress_line(what: str, count: int, total: int, seconds: float) -> str:
    """`total` is an estimate, and may turn out to be too small."""
    a_second = count / seconds
    line = f"{count:,} of about {max(total, count):,} {what}, {a_second:,.0f}/s"
    return f"{line}, {max(total - count, 0) / a_second:,.0f} s left" if a_second else line


def parser(name: str, doc: str | None, *, has_dry_run: bool = True) -> argparse.ArgumentParser:
    """With what all tools take."""
    made = argparse.ArgumentParser(
        prog=name, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("--json", action="store_true", help="the summary as one line of JSON")
    if has_dry_run:
        made.add_argument("--dry-run", action="store_true", help="only say what would be done")
    return made


class Ended(NamedTuple):
    """What is printed, and the status to exit with."""

    text: str
    status: int


def run(
    arguments: argparse.ArgumentParser, work: Callable[[Connections, argparse.Namespace], Awaitable[Summary]]
) -> int:
    """Does the work and prints its summary; the status to exit with."""
    return run_to_end(arguments, work, _done)


def run_to_end(
    arguments: argparse.ArgumentParser,
    work: Callable[[Connections, argparse.Namespace], Awaitable[Outcome]],
    ended: Callable[[Outcome, argparse.Namespace], Ended],
) -> int:
    """The same where `ended` says what the outcome means."""
    options = arguments.parse_args()
    try:
        outcome = uvloop.run(_connected(work, options))
    except (SettingsError, ToolError, *AWAY) as error:
        said = str(error).splitlines() or [type(error).__name__]
        print(f"{arguments.prog}: {said[0]}", file=sys.stderr)
        if isinstance(error, UnfinishedError):
            print(summary_text(error.summary, is_json=options.json))
        return 1
    if getattr(options, "dry_run", False):
        print(f"{arguments.prog}: a dry run, nothing was changed", file=sys.stderr)
    text, status = ended(outcome, options)
    print(text)
    return status


async def _connected(
    work: Callable[[Connections, argparse.Namespace], Awaitable[Outcome]], options: argparse.Namespace
) -> Outcome:
    async with connections(load_settings()) as connected:
        return await work(connected, options)


def _done(summary: Summary, options: argparse.Namespace) -> Ended:
    return Ended(summary_text(summary, is_json=options.json), getattr(options, "status", 0))


def summary_text(summary: Summary, *, is_json: bool) -> str:
    """A line of JSON; or a line for each thing, numbers to the right."""
    if is_json:
        return msgspec.json.encode(summary).decode()
    shown = {name.replace("_", " "): _shown(value) for name, value in summary.items()}
    width = max(map(len, shown.values()), default=0)
    return "\n".join(f"{value.rjust(width)}  {name}" for name, value in shown.items())


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
