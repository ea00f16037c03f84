"""What the web pages answer in beside the API that they call, how much goes over the wire, and how soon a browser shows
something.

`python -m loadtests.bench_pages --known 1000000`: the list and a contact with a history of 100,000 events, in turns
with the API's own calls for the same, one request at a time; then in Debian's chromium on this machine."""

from __future__ import annotations

import argparse
import gzip
import random
import re
import statistics
import sys
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright

from loadtests import report
from loadtests.bench_contacts import EVENTS, FIRST_KNOWN
from loadtests.filling import fill_contacts, fill_visits, run_rebuild
from loadtests.stack import Stack, StackError

CHROMIUM = "/usr/bin/chromium"
PAINTS = 7
# KB compressed, ms over the API at p95, ms to the first paint.
BARS = {"list": (150, 30, 500), "contact": (260, 30, 500)}
_ASSET = re.compile(r'"(/ui/assets/[^"]+)"')


def main() -> int:
    options = _options()
    try:
        with Stack(fsync="always", maxmemory="12gb") as stack:
            figures = _measure(stack, options)
    except StackError as error:
        print(f"bench-pages: {error}", file=sys.stderr)
        return 1
    print(_as_table(figures))
    facts = {"machine": report.machine(), "settings": vars(options), "figures": figures}
    print(f"\nwritten to {report.write('bench-pages', facts)}")
    return 0


def _measure(stack: Stack, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    stack.start_valkey()
    stack.start_clickhouse()
    fill_contacts(stack, options.known, first_id=FIRST_KNOWN)
    fill_visits(stack, options.known, options.anonymous, first_id=FIRST_KNOWN, events=EVENTS)
    run_rebuild(stack)
    port = stack.port("contacts")
    stack.environ["SPOOR_CONTACTS_PORT"] = str(port)
    stack.start("contacts", ["-m", "services.contacts"], "/readyz")
    url, chance = f"http://127.0.0.1:{port}", random.Random(7)

    def someone() -> int:
        return chance.randrange(FIRST_KNOWN + 2, FIRST_KNOWN + options.known)

    with httpx.Client(base_url=url, auth=("admin", stack.password), trust_env=False, timeout=60) as client:
        # What each page shows, asked of the API as its clients would.
        listed = ["/api/contacts?orderBy=last_active&orderByDir=DESC&limit=25"]
        figures = {
            "list": _timed(client, options.calls, lambda: ("/ui/contacts", listed)),
            "contact": _timed(client, options.calls, lambda: _contact(someone())),
        }
        for name, path in (("list", "/ui/contacts"), ("contact", f"/ui/contacts/{FIRST_KNOWN + 1}")):
            figures[name]["KB"] = _kilobytes(client, path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, path in (("list", "/ui/contacts"), ("contact", f"/ui/contacts/{FIRST_KNOWN + 1}")):
            figures[name] |= _paints(browser, stack, path)
        browser.close()
    return figures


def _contact(contact_id: int) -> tuple[str, list[str]]:
    api = f"/api/contacts/{contact_id}"
    return f"/ui/contacts/{contact_id}", [api, f"{api}/activity?limit=25"]


def _timed(client: httpx.Client, calls: int, asked: Any) -> dict[str, float]:
    """In turns, so that both meet the same noise. The first tenth warms caches."""
    pages, apis = [], []
    for _ in range(calls):
        page, api = asked()
        apis.append(sum(_milliseconds(client, path) for path in api))
        pages.append(_milliseconds(client, page))
    pages, apis = pages[calls // 10 :], apis[calls // 10 :]
    return {
        "page p50": report.percentile(pages, 0.5), "page p95": report.percentile(pages, 0.95),
        "API p50": report.percentile(apis, 0.5), "API p95": report.percentile(apis, 0.95),
    }  # fmt: skip


def _milliseconds(client: httpx.Client, path: str) -> float:
    answer = client.get(path)
    if answer.status_code != 200:
        raise StackError(f"{path} answers {answer.status_code}: {answer.text[:200]}")
    return answer.elapsed.total_seconds() * 1_000


def _kilobytes(client: httpx.Client, path: str) -> float:
    """The page and all that it names, as they go over the wire; and what styles name."""
    page = client.get(path)
    total, waiting, seen = len(gzip.compress(page.content, 4)), _ASSET.findall(page.text), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        with client.stream("GET", name, headers={"Accept-Encoding": "gzip"}) as answer:
            body = b"".join(answer.iter_raw())
        total += len(body)
        if name.endswith(".css"):
            plain = gzip.decompress(body) if answer.headers.get("content-encoding") else body
            waiting += [one.decode() for one in re.findall(rb'url\("?(/ui/assets/[^")]+)', plain)]
    return total / 1_000


def _paints(browser: Browser, stack: Stack, path: str) -> dict[str, float]:
    """First contentful paint, with nothing kept from earlier."""
    paints, url = [], f"http://127.0.0.1:{stack.port('contacts')}"
    for _ in range(PAINTS):
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{url}/ui/login")
        page.fill("#username", "admin")
        page.fill("#password", stack.password)
        page.click("button")
        page.wait_for_load_state()
        page.goto(f"{url}{path}")
        page.wait_for_timeout(300)
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9"))
        context.close()
    return {"first paint": statistics.median(paints), "best paint": min(paints)}


def _as_table(figures: dict[str, dict[str, float]]) -> str:
    rows = [
        [name, one["page p50"], one["page p95"], one["API p50"], one["API p95"], one["page p95"] - one["API p95"],
         one["KB"], one["first paint"], one["best paint"], ", ".join(str(bar) for bar in BARS[name])]
        for name, one in figures.items()
    ]  # fmt: skip
    head = [
        "page",
        "p50 ms",
        "p95",
        "API p50",
        "API p95",
        "over it",
        "KB",
        "first paint",
        "best",
        "bars: KB, over, paint",
    ]
    return report.table(head, rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-pages", description=__doc__)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--anonymous", type=int, default=0)
    parser.add_argument("--calls", type=int, default=200, help="of each page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
