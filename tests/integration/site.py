"""A door, a resolver and the contacts API on real servers, and visitors who come by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.integration.services import Service
from tests.processes import eventually

WRITE_KEY = "shop-server-key"
DAYS = 365
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


ENVIRON = {
    "SPOOR_STREAMS": "1",
    "SPOOR_TRACK_PRIVATE_IP_RANGES": "true",
    "SPOOR_PUBLICLY_UPDATABLE": "email,firstname",
    "SPOOR_WRITE_KEYS": f"another-key,{WRITE_KEY}",
    "SPOOR_RETENTION_DAYS": str(DAYS),
    "SPOOR_BATCH_SECONDS": "0.05",
    "SPOOR_API_TOKENS": "crm:a-token-of-sixteen-characters",
    "SPOOR_BATCH_EVENTS_PER_SECOND": "1000",
}


class Visitor(httpx.Client):
    """Keeps cookies as a browser does on https, where `secure` ones come back; redirects are not followed."""

    def __init__(self, url: str) -> None:
        hooks = {"response": [self._keep_cookies]}
        super().__init__(base_url=url, trust_env=False, timeout=15, event_hooks=hooks)
        self.headers["user-agent"] = BROWSER
        self.kept: dict[str, str] = {}

    def _keep_cookies(self, response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.kept[name] = value
        if self.kept:
            self.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.kept.items())


class Site:
    """A door, a resolver and the API behind them."""

    def __init__(self, start: Callable[..., Service], api: httpx.Client) -> None:
        self._start, self.api = start, api
        self.ingest, self.identity = start("ingest"), start("identity")

    @contextmanager
    def resolver_with(self, **environ: str) -> Iterator[None]:
        """Another resolver instead of the usual one."""
        stop(self.identity)
        self.identity = self._start("identity", **environ)
        try:
            yield
        finally:
            stop(self.identity)
            self.identity = self._start("identity")

    @property
    def url(self) -> str:
        return str(self.ingest.http.base_url)

    def visitor(self) -> Visitor:
        """A browser with cookies of its own."""
        return Visitor(self.url)

    def send(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Reports events, as a server does; the whole answer."""
        answer = self.ingest.http.post("/v1/batch", json=list(events), headers={"authorization": f"Bearer {WRITE_KEY}"})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def contacts(self, search: str) -> list[dict[str, Any]]:
        answer = self.api.get("/api/contacts", params={"search": search})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["contacts"].values())

    def contact(self, email: str) -> dict[str, Any]:
        """The one contact with this address, once there is one."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = self.contacts(f"email:{email}")
            return len(found) == 1

        eventually(is_there, f"a contact {email}")
        return found[0]

    def history(self, contact_id: int, *kinds: str) -> list[dict[str, Any]]:
        """Its events, the newest first, of these types or all."""
        query = {f"filters[includeEvents][{number}]": kind for number, kind in enumerate(kinds)}
        answer = self.api.get(f"/api/contacts/{contact_id}/activity", params={**query, "limit": "100"})
        assert answer.status_code in (200, 404), answer.text
        return list(answer.json().get("events", []))

    def events(self, contact_id: int, count: int, *kinds: str) -> list[dict[str, Any]]:
        """The same, once there are so many."""
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            found[:] = self.history(contact_id, *kinds)
            return len(found) >= count

        eventually(are_there, f"{count} events of {contact_id}")
        assert len(found) == count, [event["event"] for event in found]
        return found

    def settle(self, visitor: Visitor, marker: str) -> None:
        """Returns when all that the door took before is stored: the stream is one, and keeps its order."""
        contact_id = visitor.get(f"/mtc/event?page_url={marker}").json()["id"]
        eventually(lambda: any(marker in str(event) for event in self.history(contact_id)), "the marker")


def stop(service: Service) -> None:
    service.http.close()
    service.process.stop()
