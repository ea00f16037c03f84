"""`./just import people.csv`: uploads a file to the contacts service, starts its import and shows how it goes on.

    ./just import people.csv --map "Surname=lastname" --map "Remarks=" --tag fair --segment 4
    ./just import people.csv --preview

Columns that are not named become what their headers propose. Ctrl-C pauses the import; `--resume ID` goes on.
Rows that failed are written beside the file, as people.failed.csv, to be mended and imported. Status 1: rows failed or
the import did; 2: nothing was imported.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from services.common.settings import load_settings

POLL_SECONDS = 0.5
BAR = 30
CHUNK_BYTES = 1 << 20
OVER = ("imported", "failed", "cancelled", "paused")
Json = dict[str, Any]


class RefusedError(Exception):
    """What the service says."""


def main() -> int:
    options = _options()
    settings = load_settings()
    url = options.url or f"http://127.0.0.1:{settings.contacts_port}"
    login = (settings.admin_user, settings.admin_password)
    try:
        with httpx.Client(base_url=url, auth=login, timeout=600, trust_env=False) as http:
            return _run(http, options)
    except (RefusedError, OSError, httpx.HTTPError) as error:
        print(f"import: {error}", file=sys.stderr)
        return 2


def _run(http: httpx.Client, options: argparse.Namespace) -> int:
    if options.resume:
        said = _asked(http.post(f"/api/imports/{options.resume}/resume"))
    else:
        said = _prepared(http, options)
        _show_columns(said)
        if options.preview:
            _asked(http.delete(f"/api/imports/{said['id']}/delete"))
            return 0
        said = _asked(http.post(f"/api/imports/{said['id']}/start"))
    return _followed(http, said["id"], options)


def _prepared(http: httpx.Client, options: argparse.Namespace) -> Json:
    """Uploaded, and told all that the options say."""
    path: Path = options.file
    answer = http.post("/api/imports/new", params={"name": path.name}, content=_bytes_of(path))
    said = _asked(answer)
    mapping = {one["header"]: one["field"] for one in said["columns"]}
    mapping.update(dict(one.partition("=")[::2] for one in options.map))
    parser = {name: getattr(options, name) for name in ("delimiter", "quote", "escape", "encoding")}
    defaults = {"tags": options.tag, "segments": options.segment}
    body: Json = {
        "parser": {name: text for name, text in parser.items() if text is not None},
        "defaults": {**defaults, **({"owner": options.owner} if options.owner else {})},
        "skipIfExists": options.skip_if_exists,
    }
    try:
        if body["parser"]:  # other headers, which the mapping is about
            said = _asked(http.patch(f"/api/imports/{said['id']}/edit", json={"parser": body.pop("parser")}))
            mapping = {**{one["header"]: one["field"] for one in said["columns"]},
                       **dict(one.partition("=")[::2] for one in options.map)}  # fmt: skip
        return _asked(http.patch(f"/api/imports/{said['id']}/edit", json={**body, "mapping": mapping}))
    except RefusedError:
        http.delete(f"/api/imports/{said['id']}/delete")
        raise


def _bytes_of(path: Path) -> Iterator[bytes]:
    done, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            done += len(chunk)
            _draw("uploading", 100 * done / size, f"{done / 1e6:,.0f} MB")
            yield chunk
    _end_line()


def _followed(http: httpx.Client, import_id: int, options: argparse.Namespace) -> int:
    try:
        while (said := _asked(http.get(f"/api/imports/{import_id}")))["status"] not in OVER:
            _show_progress(said)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        _end_line()
        _asked(http.post(f"/api/imports/{import_id}/pause"))
        print(f"Paused. Go on with: ./just import --resume {import_id}")
        return 1
    _show_progress(said)
    _end_line()
    if said["message"]:
        print(f"{said['status']}: {said['message']}")
    if said["failed"]:
        _keep_failures(http, said, options)
    return int(said["status"] != "imported" or said["failed"] > 0)


def _keep_failures(http: httpx.Client, said: Json, options: argparse.Namespace) -> None:
    for one in said["failures"]:
        print(f"  line {one['line']:,}: {one['error']}")
    beside = options.file or Path(said["name"])
    path = beside.with_name(f"{beside.stem}.failed.csv")
    with http.stream("GET", f"/api/imports/{said['id']}/failed") as answer, path.open("wb") as file:
        for chunk in answer.iter_bytes():
            file.write(chunk)
    print(f"{said['failed']:,} rows failed: {path}")


def _show_columns(said: Json) -> None:
    parser = said["parser"]
    print(f"{said['lineCount']:,} lines, {parser['encoding']}, separated by {parser['delimiter']!r}")
    rows = said.get("preview", [])
    for place, column in enumerate(said["columns"]):
        cells = [row[place] for row in rows[:3] if place < len(row)]
        print(f"  {column['header'][:30]:30} -> {column['field'] or '(nothing)':20} {', '.join(cells)[:60]}")


def _show_progress(said: Json) -> None:
    rate = f", {said['rowsPerSecond']:,.0f} rows/s" if said["rowsPerSecond"] else ""
    counts = f"{said['inserted']:,} new, {said['updated']:,} updated, {said['failed']:,} failed{rate}"
    _draw(said["status"], said["progress"], counts)


def _draw(word: str, percent: float, text: str) -> None:
    """A bar for people; for a file, a line at the end alone."""
    if sys.stderr.isatty():
        full = round(BAR * percent / 100)
        print(f"\r{word:9} [{'#' * full}{'.' * (BAR - full)}] {percent:5.1f} %  {text}\033[K", end="", file=sys.stderr)
    elif word in OVER:
        print(f"{word}: {text}", file=sys.stderr)


def _end_line() -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _asked(answer: httpx.Response) -> Json:
    try:
        body: Json = answer.json()
    except ValueError:
        raise RefusedError(f"{answer.url} answers {answer.status_code}") from None
    if answer.is_error:
        raise RefusedError(body["errors"][0]["message"])
    return dict(body["import"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./just import", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", help="CSV or XLSX")
    parser.add_argument("--map", action="append", default=[], metavar="HEADER=FIELD", help="what a column becomes")
    parser.add_argument("--preview", action="store_true", help="say what the columns become, and import nothing")
    parser.add_argument("--tag", action="append", default=[], help="of every contact")
    parser.add_argument("--segment", action="append", default=[], type=int, metavar="ID", help="of every contact")
    parser.add_argument("--owner", type=int, metavar="ID", help="a user, of every contact")
    parser.add_argument("--skip-if-exists", action="store_true", help="fields that have a value keep it")
    for name in ("delimiter", "quote", "escape", "encoding"):
        parser.add_argument(f"--{name}", help="if it is found out wrongly")
    parser.add_argument("--resume", type=int, metavar="ID", help="go on with an import that was paused or failed")
    parser.add_argument("--url", help="of the contacts service, if it is not here")
    options = parser.parse_args()
    if (options.file is None) == (options.resume is None):
        parser.error("a file is needed, or --resume")
    return options


if __name__ == "__main__":
    sys.exit(main())
