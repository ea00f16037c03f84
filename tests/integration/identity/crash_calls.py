"""Calls over HTTP during which a service is killed, and what must be true after they were, or were not, repeated."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from tests.integration.services import LOGIN
from tests.integration.test_faults import codec


@contextmanager
def client(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=LOGIN, timeout=20, trust_env=False) as http:
        yield http


class Call(NamedTuple):
    method: str
    path: str
    body: dict[str, Any]

    def send(self, http: httpx.Client) -> httpx.Response:
        return http.request(self.method, self.path, json=self.body)


class Services(NamedTuple):
    """Those that are never killed."""

    identity: httpx.Client
    contacts: httpx.Client

    def new(self, **fields: Any) -> int:
        answer = self.contacts.post("/api/contacts/new", json=fields)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["contact"]["id"])

    def merge(self, winner: int, loser: int) -> None:
        assert self.identity.post("/v1/merge", json={"winner": winner, "loser": loser}).status_code == 200

    def leads(self, *said: Any) -> list[int | None]:
        """To whom each of these selectors leads."""
        answer = self.identity.post("/v1/resolve", json={"ids": list(said)})
        assert answer.status_code == 200, answer.text
        return [one["contact_id"] for one in answer.json()["results"]]


class Story(NamedTuple):
    """A call, and what must be true once it is done: selectors and whom they lead to."""

    call: Call
    leads: Callable[[], list[tuple[Any, int | None]]]


def merge(services: Services, name: str) -> Story:
    """The loser has taken somebody in before."""
    winner, loser, follower = _three(services, name)
    services.merge(loser, follower)
    call = Call("POST", "/v1/merge", {"winner": winner, "loser": loser})
    return Story(call, lambda: [(one, winner) for one in (winner, loser, follower, _email(name, 1), _email(name, 2))])


def unmerge(services: Services, name: str) -> Story:
    winner, loser, follower = _three(services, name)
    services.merge(loser, follower)
    services.merge(winner, loser)
    call = Call("POST", "/v1/unmerge", {"contact": loser})
    return Story(
        call,
        lambda: (
            [(winner, winner), (_email(name, 0), winner)]
            + [(one, loser) for one in (loser, follower, _email(name, 1), _email(name, 2))]
        ),
    )


def identify_as_known(services: Services, name: str) -> Story:
    """An anonymous device becomes somebody's, with its history."""
    known, device = services.new(**_email(name, 0)), codec.mint(_device(name))
    call = Call("POST", "/v1/identify", {"device_id": device, **_email(name, 0)})
    return Story(call, lambda: [({"device_id": device}, known), (_device(name), known), (_email(name, 0), known)])


def identify_as_new(services: Services, name: str) -> Story:
    device = codec.mint(_device(name))
    call = Call("POST", "/v1/identify", {"device_id": device, **_email(name, 0)})
    return Story(call, lambda: [({"device_id": device}, _device(name)), (_email(name, 0), _device(name))])


def create(services: Services, name: str) -> Story:
    call = Call("POST", "/api/contacts/new", {**_email(name, 0), "phone": name})

    def leads() -> list[tuple[Any, int | None]]:
        (holder,) = services.leads(_email(name, 0))
        assert holder is not None
        return [({"phone": name}, holder)]

    return Story(call, leads)


def create_of_two(services: Services, name: str) -> Story:
    """It names two contacts, who become one."""
    older = services.new(**_email(name, 0))
    younger = services.new(phone=name)
    call = Call("POST", "/api/contacts/new", {**_email(name, 0), "phone": name})
    return Story(call, lambda: [(one, older) for one in (older, younger, _email(name, 0), {"phone": name})])


def edit(services: Services, name: str) -> Story:
    """Another address: the former one is nobody's."""
    contact = services.new(**_email(name, 0))
    call = Call("PATCH", f"/api/contacts/{contact}/edit", _email(name, 1))
    return Story(call, lambda: [(contact, contact), (_email(name, 1), contact), (_email(name, 0), None)])


def delete(services: Services, name: str) -> Story:
    winner, loser, _ = _three(services, name)
    services.merge(winner, loser)
    call = Call("DELETE", f"/api/contacts/{winner}/delete", {})
    return Story(call, lambda: [(one, None) for one in (winner, loser, _email(name, 0), _email(name, 1))])


def _three(services: Services, name: str) -> tuple[int, int, int]:
    first, second, third = (services.new(**_email(name, number)) for number in range(3))
    return first, second, third


def _email(name: str, number: int) -> dict[str, str]:
    return {"email": f"{name}-{number}@calls.org"}


def _device(name: str) -> int:
    return 90_000_000 + zlib.crc32(name.encode())
