"""`./just status`: one screen that says what is well and what is not. Status 0: all is; 1: something is not; 2: usage.

It asks services on this machine, at the ports of the settings (SPOOR_PORT_BASE, SPOOR_*_PORT), and Redis and ClickHouse
where the settings say; --url names services that are elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import msgspec

from deploy.status.look import Urls, look, urls_of
from deploy.status.picture import Picture
from deploy.status.verdict import Line, as_text, judge
from services.common.settings import Settings, SettingsError, load_settings

_CLEAR = "\x1b[H\x1b[2J"


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    try:
        settings = load_settings()
        urls = urls_of(settings, options.url)
    except (SettingsError, ValueError) as error:
        parser.error(str(error))
    if options.watch is None:
        return _tell(settings, urls, is_json=options.json)
    status = 1
    try:
        while True:
            if not options.json and sys.stdout.isatty():
                print(_CLEAR, end="")
            status = _tell(settings, urls, is_json=options.json)
            time.sleep(options.watch)
    except KeyboardInterrupt:
        return status


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="./just status", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", action="store_true", help="one line of JSON")
    made.add_argument(
        "--watch", type=float, nargs="?", const=2.0, metavar="SECONDS", help="look again and again, until Ctrl-C"
    )
    made.add_argument(
        "--url", action="append", default=[], metavar="NAME=URL", help="where a service is; again for each process"
    )
    return made


def _tell(settings: Settings, urls: Urls, *, is_json: bool) -> int:
    picture = asyncio.run(look(settings, urls))
    lines = judge(picture)
    print(_as_json(picture, lines) if is_json else as_text(picture, lines), flush=True)
    return int(not all(line.is_well for line in lines))


def _as_json(picture: Picture, lines: list[Line]) -> str:
    said = {
        "at": picture.at,
        "is_well": all(line.is_well for line in lines),
        "lines": [line._asdict() for line in lines],
        "redis": _numbers(picture.redis),
        "clickhouse": _numbers(picture.clickhouse),
        "services": [seen._asdict() for seen in picture.services],
    }
    return msgspec.json.encode(said).decode()


def _numbers(seen: object) -> object:
    """With the names of what is in it, at any depth."""
    if isinstance(seen, tuple) and hasattr(seen, "_asdict"):
        return {name: _numbers(value) for name, value in seen._asdict().items()}
    return [_numbers(one) for one in seen] if isinstance(seen, list) else seen


if __name__ == "__main__":
    sys.exit(main())
