"""Requests as bytes on the wire, the same for every server: a browser's pixel and the script's POST. Pure."""

from __future__ import annotations

import itertools
import random
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote_plus, urlencode

_AGENTS = Path(__file__).parent / "data" / "user_agents.tsv"
PAGES = 5_000
SITE = "https://shop.example"


class Web:
    """Pages, campaigns and browsers in the proportions of a real site: Zipf pages, weighted user agents."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        weights = [1 / rank for rank in range(1, PAGES + 1)]
        self._page_weights = list(itertools.accumulate(weights))
        self._agents, self._bots = read_agents()
        self._agent_weights = list(itertools.accumulate(weight for weight, _ in self._agents))

    def page(self) -> str:
        number = self.random.choices(range(PAGES), cum_weights=self._page_weights)[0]
        return f"{SITE}/products/{number % 40}/item-{number}"

    def landing(self) -> str:
        source, medium = self.random.choice((("google", "cpc"), ("newsletter", "email"), ("instagram", "social")))
        campaign = self.random.randrange(30)
        return f"{self.page()}?utm_source={source}&utm_medium={medium}&utm_campaign=c{campaign}"

    def agent(self) -> str:
        return self.random.choices(self._agents, cum_weights=self._agent_weights)[0][1]

    def bot(self) -> str:
        return self.random.choice(self._bots)


def parameters(url: str, counter: int = 0, extra: str = "") -> str:
    """What the script says of a page view, urlencoded; `extra` is appended as it is."""
    return _page_part(url) + f"&counter={counter}" + extra


@lru_cache(50_000)
def _page_part(url: str) -> str:
    title = url.partition("?")[0].rpartition("/")[2].replace("-", " ").title()
    return urlencode(
        {
            "page_title": f"{title} - Shop",
            "page_language": "en-GB",
            "preferred_locale": "en_GB",
            "page_referrer": "www.example.org",
            "page_url": url,
            "timezone_offset": "-60",
            "resolution": "1920x1080",
            "platform": "Windows",
            "do_not_track": "false",
            "timezone": "Europe/Berlin",
        }
    )


def pixel(host: str, query: str, agent: str, cookie: str = "") -> bytes:
    return (
        f"GET /mtracking.gif?{query} HTTP/1.1\r\nHost: {host}\r\n{_browser(agent, cookie)}"
        "Accept: image/avif,image/webp,*/*;q=0.8\r\n\r\n"
    ).encode()


def event(host: str, body: str, agent: str, cookie: str = "") -> bytes:
    return (
        f"POST /mtc/event HTTP/1.1\r\nHost: {host}\r\n{_browser(agent, cookie)}"
        f"Origin: {SITE}\r\nAccept: */*\r\nX-Requested-With: XMLHttpRequest\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def device_parameter(device_id: str) -> str:
    return f"&mautic_device_id={device_id}" if device_id else ""


def email_parameter(email: str) -> str:
    return f"&email={quote_plus(email)}" if email else ""


def read_agents(path: Path = _AGENTS) -> tuple[list[tuple[float, str]], list[str]]:
    """(weight, user agent) of browsers, and user agents of bots, which have the weight `bot`."""
    rows = [line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line]
    people = [(float(weight), agent) for weight, agent in rows if weight != "bot"]
    return people, [agent for weight, agent in rows if weight == "bot"]


def _browser(agent: str, cookie: str) -> str:
    said = f"Cookie: mautic_device_id={cookie}\r\n" if cookie else ""
    return f"User-Agent: {agent}\r\nReferer: {SITE}/\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n{said}"
