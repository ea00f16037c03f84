"""What a form of our pages says: texts by name, the last one counts, or all of a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from starlette.requests import Request

from services.common.envelope import ApiError, read_body

MAX_FIELDS = 2_000  # a thousand ids of a batch, and room
_WORD = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|$)')


class Form:
    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __contains__(self, name: str) -> bool:
        return any(one == name for one, _ in self._pairs)

    def text(self, name: str, otherwise: str = "") -> str:
        found = [value for one, value in self._pairs if one == name]
        return found[-1].strip() if found else otherwise

    def raw(self, name: str) -> str:
        """As it was typed, white space and all."""
        return next((value for one, value in reversed(self._pairs) if one == name), "")

    def all(self, name: str) -> list[str]:
        return [value.strip() for one, value in self._pairs if one == name and value.strip()]

    def words(self, name: str) -> list[str]:
        """Those of a list with commas, each once; one that has a comma itself is quoted, as `words_text` does."""
        found = (
            match[2] if match[1] is None else match[1].replace('""', '"') for match in _WORD.finditer(self.text(name))
        )
        return list(dict.fromkeys(word.strip() for word in found if word.strip()))

    def number(self, name: str) -> int | str:
        """What is none is left as it was typed, for the API to refuse."""
        said = self.text(name)
        return int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else said

    def ids(self, name: str) -> list[int]:
        """Raises `ApiError`."""
        said = [part for one in self.all(name) for part in one.split(",") if part]
        if not all(one.isascii() and one.isdecimal() and len(one) < 19 for one in said):
            raise ApiError(400, f"{name} has to be numbers.")
        return [int(one) for one in said]

    def below(self, prefix: str) -> Iterator[tuple[str, str]]:
        """What stands behind the prefix, and its text: `field.` of `field.city`."""
        return ((name.removeprefix(prefix), value) for name, value in self._pairs if name.startswith(prefix))


def words_text(words: Iterable[str]) -> str:
    """As `Form.words` reads it."""
    return ", ".join(f'"{quoted}"' if (quoted := word.replace('"', '""')) != word or "," in word else word
                     for word in words)  # fmt: skip


async def read_form(request: Request) -> Form:
    """Raises `ApiError` for what is no form, or too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request)
    if body and kind != "application/x-www-form-urlencoded":
        raise ApiError(400, "This is no form.")
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ApiError(400, f"A form has {MAX_FIELDS:,} fields at most.") from None
    return Form(pairs)
