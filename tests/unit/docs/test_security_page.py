"""docs/security.md names tests that are there, at least one for each threat."""

from __future__ import annotations

import re

from tests.processes import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
THREATS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| asset")]


def test_every_threat_has_a_test() -> None:
    assert len(THREATS) > 25
    assert [line[:60] for line in THREATS if not NAMED.search(line)] == []


def test_every_test_that_is_named_is_there() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED.findall(TEXT)
        if not (ROOT / path).exists()
        or not re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)
    ]
    assert missing == []


def test_nothing_that_looks_like_a_test_is_written_otherwise() -> None:
    assert len(re.findall(r"tests/", "\n".join(THREATS))) == len(NAMED.findall("\n".join(THREATS)))
