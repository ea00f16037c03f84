"""Those who write the same few hundred contacts at once, each counting what it was told was done."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from threading import Event
from typing import Any

import httpx

from services.common import keys
from services.common.hit import BATCH_FIELD, encode_batch
from tests.integration.test_faults import Spine

GROUPS, GROUP = 30, 10  # contacts merge within their group alone, or all would soon be one
PERISHABLE = 5  # groups whose contacts are deleted, too: of these nothing is counted
STREAMS = 4
DEVICES = 5_000  # ids of visitors, apart from those that are given out
Write = Callable[[httpx.Client, random.Random], None]


class Tally:
    """What one rival was answered. Each has its own, so none needs a lock."""

    def __init__(self) -> None:
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.tags: set[str] = set()  # each was given once, to whomever
        self.points = 0
        self.deleted_tags: set[str] = set()  # of contacts that were deleted with them, as the answers show
        self.deleted_points = 0
        self.events: set[int] = set()
        self.ended = False
        self.strange: list[str] = []  # answers that no page documents


DOCUMENTED = frozenset({200, 201, 404, 409, 503})


class Rival:
    """One thread with a client of its own."""

    def __init__(self, name: str, base_url: str, auth: tuple[str, str], contacts: list[int]) -> None:
        self.name, self.tally = name, Tally()
        self._url, self._auth, self._contacts = base_url, auth, contacts
        self._random = random.Random(name)
        self._count = 0

    def run(self, stop: Event) -> None:
        with httpx.Client(base_url=self._url, auth=self._auth, timeout=30, trust_env=False) as http:
            while not stop.is_set():
                self.write(http)
        self.tally.ended = True

    def write(self, http: httpx.Client) -> None:
        raise NotImplementedError

    def _send(self, http: httpx.Client, method: str, path: str, body: Any) -> httpx.Response:
        answer = http.request(method, path, json=body)
        what = f"{method} {re.sub('[0-9]{3,}', '{id}', path)}"
        self.tally.statuses[what, answer.status_code] += 1
        if answer.status_code not in DOCUMENTED:
            self.tally.strange.append(f"{what}: {answer.status_code} {answer.text[:300]}")
        return answer

    def _tag(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"

    def _lasting(self) -> int:
        """The number of a contact that nobody deletes."""
        return self._random.randrange(PERISHABLE * GROUP, GROUPS * GROUP)

    def _beside(self, number: int) -> int:
        """Another one of its group."""
        start = number - number % GROUP
        return self._random.choice([other for other in range(start, start + GROUP) if other != number])


class ApiWriter(Rival):
    def write(self, http: httpx.Client) -> None:
        number = self._lasting()
        self._random.choice((self._create, self._move_address, self._add_tag, self._add_point, self._delete))(
            http, number
        )

    def _create(self, http: httpx.Client, number: int) -> None:
        tag = self._tag()
        answer = self._send(http, "POST", "/api/contacts/new", {"email": email_of(number), "tags": [tag]})
        if answer.is_success:
            self.tally.tags.add(tag)

    def _move_address(self, http: httpx.Client, number: int) -> None:
        tag, contact = self._tag(), self._contacts[number]
        body = {"email": email_of(self._beside(number)), "tags": [tag]}
        if self._send(http, "PATCH", f"/api/contacts/{contact}/edit", body).is_success:
            self.tally.tags.add(tag)

    def _add_tag(self, http: httpx.Client, number: int) -> None:
        tag, contact = self._tag(), self._contacts[number]
        if self._send(http, "PATCH", f"/api/contacts/{contact}/edit", {"tags": [tag]}).is_success:
            self.tally.tags.add(tag)

    def _add_point(self, http: httpx.Client, number: int) -> None:
        contact = self._contacts[number]
        if self._send(http, "POST", f"/api/contacts/{contact}/points/plus/1", {}).is_success:
            self.tally.points += 1

    def _delete(self, http: httpx.Client, _: int) -> None:
        """Or makes again, or edits: somebody who perishes. Now and then that is somebody who should last: an undo took
        its address, and a visit gave it that of one who was deleted before."""
        number = self._random.randrange(PERISHABLE * GROUP)
        contact, address = self._contacts[number], email_of(self._beside(number))
        done = self._random.random()
        if done < 0.3:
            answer = self._send(http, "DELETE", f"/api/contacts/{contact}/delete", {})
            if answer.is_success:
                gone = answer.json()["contact"]
                self.tally.deleted_tags.update(tag["tag"] for tag in gone["tags"])
                self.tally.deleted_points += gone["points"]
        elif done < 0.6:
            self._send(http, "PATCH", f"/api/contacts/{contact}/edit", {"email": address})
        else:
            answer = self._send(http, "POST", "/api/contacts/new", {"email": address})
            if answer.is_success:
                self._contacts[number] = answer.json()["contact"]["id"]


class Importer(Rival):
    def write(self, http: httpx.Client) -> None:
        tags = [self._tag() for _ in range(40)]
        items = [{"email": email_of(self._lasting()), "tags": [tag]} for tag in tags]
        answer = self._send(http, "POST", "/api/contacts/batch/new", items)
        for number, status in answer.json().get("statusCodes", {}).items():
            self.tally.statuses["item", status] += 1
            if status in (200, 201):
                self.tally.tags.add(tags[int(number)])
            elif status not in DOCUMENTED:
                self.tally.strange.append(f"item: {status} {answer.json()['errors'][number]}")


class Merger(Rival):
    """Of another service."""

    def write(self, http: httpx.Client) -> None:
        number = self._random.randrange(GROUPS * GROUP)
        one, other = self._contacts[number], self._contacts[self._beside(number)]
        if one == other:
            return
        if self._random.random() < 0.4:
            self._send(http, "POST", "/v1/merge", {"winner": one, "loser": other})
        else:
            self._send(http, "POST", "/v1/unmerge", {"contact": one})


class Visitors(Rival):
    """Hits on all streams, of which many name somebody."""

    def __init__(self, name: str, spine: Spine) -> None:
        super().__init__(name, "", ("", ""), [])
        self._spine = spine

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            for stream in range(STREAMS):
                hits = [self._hit(stream) for _ in range(self._random.randrange(1, 8))]
                self.tally.events.update(int.from_bytes(hit.event_id, "big") for hit in hits)
                self._spine.redis.xadd(keys.hits(stream), {BATCH_FIELD: encode_batch(hits)})
            time.sleep(0.05)
        self.tally.ended = True

    def _hit(self, stream: int) -> Any:
        device = STREAMS * self._random.randrange(1, DEVICES // STREAMS) + stream
        named = self._random.random() < 0.3
        return self._spine.hit(device, email_of(self._random.randrange(GROUPS * GROUP)) if named else "")


def email_of(number: int) -> str:
    return f"rival{number}@x.org"
