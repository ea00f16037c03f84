"""The runbook has a page for each alert, its links lead somewhere, and what it names is there."""

from __future__ import annotations

import re

import pytest

from deploy.observability.registers import registers
from services.common.settings import PREFIX, Settings
from tests.processes import ROOT
from tests.unit.deploy.queries import KNOWN
from tests.unit.deploy.test_alerts import RULES

TEXT = (ROOT / "docs/runbook.md").read_text()
OTHERS = {"base_backup"}  # ClickHouse's own
PAGES = dict(re.findall(r"^### (Spoor\w+)\n\n(.+?)(?=^##)", TEXT, re.M | re.S))


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def headings(text: str) -> set[str]:
    return {anchor(one) for one in re.findall(r"^#+ (.+)$", text, re.M)}


def test_each_alert_has_a_page_and_no_other_has() -> None:
    assert list(PAGES) == list(RULES), "in the order of alerts.yaml"


@pytest.mark.parametrize("alert", RULES)
def test_a_page_says_what_it_means_and_what_to_do(alert: str) -> None:
    assert len(PAGES[alert].split()) > 20


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, place = target.partition("#")
        file = ROOT / "docs" / path if path else ROOT / "docs/runbook.md"
        assert file.exists(), target
        assert not place or place in headings(file.read_text()), target


def test_metrics_and_settings_that_it_names_are_there() -> None:
    services = "|".join(registers())
    metrics = set(re.findall(rf"`((?:{services})_[a-z_]+)`", TEXT)) - {"import_failed", "export_finished"}
    assert metrics <= set(KNOWN)
    settings = set(re.findall(rf"\b{PREFIX}([A-Z_0-9]+)\b", TEXT))
    assert {name.lower() for name in settings} <= set(Settings.__dataclass_fields__)


def test_words_of_the_log_that_it_names_are_said_somewhere() -> None:
    source = "\n".join(path.read_text() for path in sorted((ROOT / "services").rglob("*.py")))
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", TEXT)) - set(KNOWN) - OTHERS
    assert {word for word in words if word not in source} == set()
