"""What the API answers, as tests look at it."""

from __future__ import annotations

from typing import Any

import httpx


def told(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body
