"""The dashboards are what their description makes of them, and name only what there is."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from deploy.observability.dashboards import DASHBOARDS, FOLDER, text
from deploy.observability.registers import SERVICES, registers
from tests.unit.deploy.queries import named, troubles


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def expressions(name: str) -> list[str]:
    return [target["expr"] for panel in load(name)["panels"] for target in panel["targets"]]


def test_there_is_one_for_each_service_and_an_overview() -> None:
    assert set(DASHBOARDS) == {"overview", *SERVICES} == {path.stem for path in FOLDER.iterdir()}
    assert len({load(name)["uid"] for name in DASHBOARDS}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_file_is_what_is_described(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == text(name), "./just dashboards writes them anew"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_names_only_metrics_and_labels_that_there_are(name: str) -> None:
    assert [trouble for one in expressions(name) for trouble in troubles(one)] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_line_is_called_by_a_label_that_its_query_keeps(name: str) -> None:
    for panel in load(name)["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert re.search(rf"by \([^)]*\b{label}\b|^process_", target["expr"]), target


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_numbers_and_places_of_their_own(name: str) -> None:
    panels = load(name)["panels"]
    assert max(Counter(panel["id"] for panel in panels).values()) == 1
    assert max(Counter((panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels).values()) == 1
    assert all(panel["targets"] and panel["title"] for panel in panels)


@pytest.mark.parametrize("service", SERVICES)
def test_all_that_a_service_counts_is_shown(service: str) -> None:
    shown = {one.metric for name in DASHBOARDS for expression in expressions(name) for one in named(expression)}
    shown |= {re.sub("_(bucket|count)$", "", one) for one in shown}
    alerts_only = {"ingest_spill_share", "identity_redis_up"}
    status_only = {"identity_last_batch_timestamp_seconds", "identity_check_timestamp_seconds"}
    in_histograms = {"identity_hits_total", "identity_batches_total"}
    assert {metric.name for metric in registers()[service]} - shown <= alerts_only | status_only | in_histograms


@pytest.mark.parametrize(
    "expression",
    [
        "sum(rate(ingest_hits_lost_total[5m]))",
        'sum(ingest_hits_accepted_total{window="pixel"})',
        'sum(ingest_hits_accepted_total{door="window"})',
        "sum by (window) (ingest_hits_accepted_total)",
        "sum(contacts_request_seconds)",
        "sum(ingest_hits_held_bucket)",
        "1 + 1",
    ],
)
def test_what_there_is_not_would_be_found(expression: str) -> None:
    assert len(list(troubles(expression))) == 1
