"""A contact that is to be erased: asked for over the API, carried out by identity, kept as a record under its id. Pure.

What it says names nobody but who asked.
"""

from __future__ import annotations

import msgspec

from services.common.documents import Document

ERASURE = "erasure"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
MAX_ATTEMPTS = 10  # that broke off; whoever asks again has it tried again


class Erasure(Document):
    """`removed` is what was found when it began, and in the end what went, by what is counted."""

    status: str = WAITING
    owner_id: int = 0  # whose the contact was: who may ask how it goes when nobody knows that any more
    removed: dict[str, int] = {}
    attempts: int = 0
    why: str = ""  # what keeps it from its end, or has
    ended_us: int = 0

    def is_under_way(self) -> bool:
        return self.status in (WAITING, RUNNING)


def begun(erasure: Erasure, found: dict[str, int]) -> Erasure:
    """One that had begun before keeps what was found then: some of it is gone."""
    return msgspec.structs.replace(erasure, status=RUNNING, removed=erasure.removed or found)


def swept(erasure: Erasure, gone: dict[str, int], behind: int, now_us: int) -> Erasure:
    """After all was looked through; while streams are behind it goes on."""
    most = {name: max(count, erasure.removed.get(name, 0)) for name, count in gone.items()}
    if behind:
        why = f"{behind} streams still have hits of before."
        return msgspec.structs.replace(erasure, removed=most, why=why)
    return msgspec.structs.replace(erasure, removed=most, why="", status=DONE, ended_us=now_us)


def broken_off(erasure: Erasure, why: str, now_us: int, *, is_final: bool = False) -> Erasure:
    attempts = erasure.attempts + 1
    erasure = msgspec.structs.replace(erasure, attempts=attempts, why=why)
    if not is_final and attempts < MAX_ATTEMPTS:
        return erasure
    return msgspec.structs.replace(erasure, status=FAILED, ended_us=now_us)


def asked_again(erasure: Erasure, owner_id: int) -> Erasure:
    """What is under way goes on. One that failed had found what is partly gone; one that was done, of a contact that is
    there all the same, begins anew."""
    if erasure.is_under_way():
        return erasure
    removed = erasure.removed if erasure.status == FAILED else {}
    owner_id = owner_id or erasure.owner_id
    return msgspec.structs.replace(
        erasure, status=WAITING, owner_id=owner_id, removed=removed, attempts=0, why="", ended_us=0
    )
