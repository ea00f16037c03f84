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
from services.identity.erasing.eraser import BusyError, Stores
from services.identity.erasing.erasing import COUNTS, WAIT_SECONDS, open_erasing
from services.identity.lookup import Lookup, Status
from services.identity.selectors import Selector, SelectorError, read_selector
from services.identity.tools.tool import Connections, Summary, ToolError, UnfinishedError, parser, run

MAX_BY_LENGTH = 191


async def work(connected: Connections, options: argparse.Namespace) -> Summary:
    """Raises `ToolError` before anything is done when somebody is not known, `UnfinishedError` at the end."""
    settings = connected.settings
    if not settings.secret:
        raise ToolError("SPOOR_SECRET is not set: it keys the suppression list")
    erasing = await open_erasing(settings, connected.redis, connected.clickhouse)
    unique_fields = erasing.unique_fields
    selectors = [_selector(number, text, unique_fields) for number, text in enumerate(options.who, 1)]
    contact_ids = await find(erasing.stores, DeviceCodec(settings.secret), selectors, unique_fields)
    if options.dry_run:
        return _summary(await erasing.look(contact_ids))
    try:
        counts, behind = await erasing.erase(contact_ids, options.by, options.wait, _say)
    except BusyError as error:
        raise ToolError(str(error)) from error
    summary = _summary(counts)
    if behind:
        why = f"{behind} streams still have hits of before: with a resolver running, run it again"
        raise UnfinishedError(why, summary)
    if not any(summary.values()):
        _say("nothing was left to erase")
    return summary


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


def _summary(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in COUNTS}


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
