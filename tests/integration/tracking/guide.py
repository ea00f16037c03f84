"""docs/tracking.md as the tests read it: its fenced blocks, each with the words after its fence."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.processes import ROOT

GUIDE = ROOT / "docs" / "tracking.md"
_FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """`words` are those after the language: `test` for one that is run, and the status if it is not 2xx."""

    language: str
    words: list[str]
    text: str

    @property
    def is_run(self) -> bool:
        return self.language == "sh" and "test" in self.words

    @property
    def status(self) -> str:
        """What each of its answers must begin with."""
        return next((word for word in self.words if word.isdecimal()), "2")


def blocks() -> list[Block]:
    found = _FENCE.findall(GUIDE.read_text(encoding="utf-8"))
    return [Block(language, words.split(), text) for _, language, words, text in found]
