"""Erases people: each contact with all that merged into it, its events, and whatever could bring it back.

`python -m services.identity.tools.erase 123 ada@example.com 4x0k...`: contact ids, e-mail addresses (or other unique
values, field=value) and device ids. It may break off and be run again, also beside the services; hits that wait in the
streams are waited for, so a resolver must run.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from services.common.device import DeviceCodec
from services.common.field_registry import Fields
from services.common.profiles import ProfileStore
from services.common.records import RecordStore
from services.common.replication import Replicas
from services.identity.erasing import erased_rows, kept_files
from services.identity.erasing.dead_hits import DeadHits
from services.identity.erasing.eraser import BusyError, Eraser, Stores
from services.identity.lookup import Lookup, Status
from services.identity.selectors import Selector, SelectorError, read_selector
from services.identity.suppression import SuppressionList
from services.identity.tools.tool import Connections, Summary, ToolError, UnfinishedError, parser, run

WAIT_SECONDS = 60.0
MAX_BY_LENGTH = 191
COUNTS = ("contacts", "merged_ids", "values", "events", "bot_events", "footprints", "recent", "activity", "audit",
          "notes", "images", "messages", "versions", "dead_letters", "left_in_redis", "import_files",
          "import_failures")  # fmt: skip


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    """Raises `ToolError` before anything is done when somebody is not known, `UnfinishedError` at the end."""
    settings = connected.settings
    if not settings.secret:
        raise ToolError("SPOOR_SECRET is not set: it keys the suppression list")
    stores = stores_of(connected)
    unique_fields = (await Fields(stores.records, settings).now()).unique
    selectors = [_selector(number, text, unique_fields) for number, text in enumerate(options.who, 1)]
    contact_ids = await find(stores, DeviceCodec(settings.secret), selectors, unique_fields)
    dead = DeadHits(stores.redis, stores.profiles, stores.suppression, unique_fields)
    eraser = Eraser(stores, unique_fields, settings.streams, dead.remove)
    if options.dry_run:
        looked = await eraser.look(contact_ids)
        looked.update(await erased_rows.imports(stores.clickhouse))
        return _summary(looked, kept_files.find(settings))
    try:
        counts, behind = await eraser.erase(contact_ids, options.by, options.wait, _say)
    except BusyError as error:
        raise ToolError(str(error)) from error
    counts.update(await erased_rows.remove_imports(stores.clickhouse))
    files = kept_files.find(settings)
    kept_files.remove(files)
    summary = _summary(counts, files)
    if behind:
        why = f"{behind} streams still have hits of before: with a resolver running, run it again"
        raise UnfinishedError(why, summary)
    if not any(summary.values()):
        _say("nothing was left to erase")
    return summary


def stores_of(connected: Connections) -> Stores:
    settings, redis = connected.settings, connected.redis
    profiles, records = ProfileStore(redis), RecordStore(redis)
    suppression = SuppressionList(profiles, records, settings.secret)
    replicas = Replicas(redis, settings.redis_wait_replicas, settings.redis_wait_seconds)
    return Stores(redis, connected.clickhouse, profiles, records, suppression, replicas)


async def find(
    stores: Stores, codec: DeviceCodec, selectors: list[Selector], unique_fields: tuple[str, ...]
) -> list[int]:
    """Ids that lead to the contacts; of a value that was erased before also those that carried it then. Raises
    `ToolError` when nobody is found."""
    answers = await Lookup(stores.profiles, stores.clickhouse, codec).all(selectors, unique_fields)
    erased = await stores.suppression.find(one.value for one in selectors if one.value)
    found: list[int] = []
    for number, (selector, answer) in enumerate(zip(selectors, answers, strict=True), 1):
        ids = [] if answer.status is Status.UNKNOWN else [answer.under]
        if selector.value in erased:
            ids += erased[selector.value].contact_ids
        if not ids:
            raise ToolError(f"argument {number} leads to nobody")
        found += ids
    return list(dict.fromkeys(found))


def _selector(number: int, text: str, unique_fields: tuple[str, ...]) -> Selector:
    """Addresses have an @, which device ids and numbers have not."""
    field, is_named, value = text.partition("=")
    try:
        if is_named:
            return read_selector({field: value}, unique_fields)
        if "@" in text:
            return read_selector({"email": text}, unique_fields)
        return read_selector(int(text) if text.isdecimal() and len(text) <= 16 else {"device_id": text}, unique_fields)
    except SelectorError as error:
        raise ToolError(f"argument {number}: {error}") from error


def _summary(counts: Counter[str], files: kept_files.Files) -> dict[str, int | float | str]:
    return {
        **{name: counts[name] for name in COUNTS},
        "export_files": len(files.exports),
        "torn_spill_files": len(files.torn_spills),
    }


def _say(line: str) -> None:
    print(f"erase: {line}", file=sys.stderr, flush=True)


def _name(text: str) -> str:
    if not text or len(text) > MAX_BY_LENGTH:
        raise argparse.ArgumentTypeError(f"1 to {MAX_BY_LENGTH} characters")
    return text


def main() -> int:
    arguments = parser("erase", __doc__)
    arguments.add_argument("who", nargs="+", help="a contact id, an e-mail address, field=value, or a device id")
    arguments.add_argument("--by", type=_name, default="erase", metavar="NAME", help="who asked, for the audit")
    arguments.add_argument(
        "--wait", type=float, default=WAIT_SECONDS, metavar="SECONDS", help="how long the resolvers are waited for"
    )
    return run(arguments, work)


if __name__ == "__main__":
    sys.exit(main())
