"""Headers that every answer has."""

from __future__ import annotations

from typing import Any

from services.common.answer_headers import NO_SNIFFING, adding


async def test_an_answer_says_once_that_its_type_is_not_to_be_guessed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    for headers in ([], [(b"X-Content-Type-Options", b"nosniff")]):
        await adding(send, (NO_SNIFFING,))({"type": "http.response.start", "status": 200, "headers": headers})
    assert [[value for _, value in one["headers"]] for one in sent] == [[b"nosniff"], [b"nosniff"]]
